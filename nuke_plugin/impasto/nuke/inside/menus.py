"""The nodes in Nuke's menus."""

from __future__ import annotations

import nuke

NODES = {
    "StyleTransfer": "Style Transfer",
    "KeyPicker": "Key Picker",
    "STMapFromKey": "STMap From Key",
    "OpticalFlow": "Optical Flow",
    "OcclusionMatte": "Occlusion Matte",
    "FrameInterpolate": "Frame Interpolate",
}
"""Names in the menus, by the gizmos' names without their prefix."""

UPDATE = "Update Older Nodes"
"""The entry that brings nodes of an older Impasto to today's graph."""

ICON = "Impasto.png"
"""Beside the gizmos, on Nuke's plugin path."""


def add() -> None:
    """Add the nodes to the toolbar; asked again, nothing is added twice."""
    toolbar = nuke.toolbar("Nodes")
    if toolbar is None or toolbar.findItem("Impasto") is not None:
        return
    menu = toolbar.addMenu("Impasto", icon=ICON)
    for name, label in NODES.items():
        menu.addCommand(label, f"nuke.createNode('Impasto_{name}')", icon=ICON)
    menu.addCommand(UPDATE, "import impasto.nuke; impasto.nuke.update_older_nodes()")
