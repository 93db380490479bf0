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

KNOBS_VERSION = 3
"""Of the knobs and the graph a node is made with; kept in its hidden knob `impasto_version`."""


def render(node: nuke.Node, first: int, last: int, views: Sequence[str] = ()) -> list[str]:
    """Render a node and wait for it, in Nuke with or without windows.

    Args:
        node: one of Impasto's.
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


def update(node: nuke.Node) -> nuke.Node:
    """Bring a node of an older Impasto to today's graph: one step of undo that loses no value and no connection.

    Args:
        node: one of Impasto's; it is deleted.

    Returns:
        The node that stands in its place, by its name.

    Raises:
        impasto.nuke.errors.NodeError: it is none of Impasto's, a clone, or being rendered.
    """
    from impasto.nuke.inside import updating

    return updating.update(node)


def update_older_nodes() -> None:
    """Bring the selected older nodes to today's graph, or all of the script where none is selected."""
    from impasto.nuke.inside import updating

    updating.update_older_nodes()


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
