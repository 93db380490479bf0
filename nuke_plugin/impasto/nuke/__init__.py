"""The nodes: what runs inside Nuke, with the standard library alone.

Nothing else of Impasto is imported here, and nothing is installed into Nuke: the work is done by the `impasto` command
in a process of its own (the *sidecar*). The modules in this folder know nothing of Nuke and run in any Python from 3.9;
those in `inside` speak to it.

The functions below are the whole public list; the nodes' own buttons and callbacks use them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import nuke

KNOBS_VERSION = 2
"""Of the knobs a node is made with; kept in its hidden knob `impasto_version`."""


def render(node: nuke.Node, first: int, last: int, views: Sequence[str] = ()) -> list[str]:
    """Render a node and wait for it, in Nuke with or without windows.

    Args:
        node: a StyleTransfer, OpticalFlow or OcclusionMatte node.
        first: the first frame wanted; the shot itself is what the node's knobs say.
        last: the last frame wanted.
        views: names of the views wanted; empty takes what the node's knobs say.

    Returns:
        The files of the frames wanted, views in order, then frames.

    Raises:
        impasto.nuke.errors.NodeError: (a RuntimeError) it cannot be rendered, or some frames failed; `exit_code` says
            how, as the exit codes of the command do.
    """
    from impasto.nuke.inside import batch

    return batch.render(node, first, last, views)


def press(button: str) -> None:
    """Do what a button of the current node promises.

    Args:
        button: such as `render`; see `impasto.nuke.inside.buttons`.
    """
    from impasto.nuke.inside import buttons

    buttons.press(button)


def changed() -> None:
    """A knob of the current node was changed."""
    from impasto.nuke.inside import changes

    changes.changed()


def created() -> None:
    """The current node was made, pasted or loaded."""
    from impasto.nuke.inside import changes

    changes.created()
