"""Branches of the graphs inside the nodes. A branch takes named entries of the stack and keeps others."""

from __future__ import annotations

from gizmotext import keep, node, take

UNDIVIDED = "disable {{!parent.premultiplied}}"
"""Of nodes that work only where the artist said that the plate is multiplied by its alpha."""


def written(name: str, x: int, premultiplied: bool = False) -> str:
    """The branch that writes an input to disk; it works only while a node renders its inputs."""
    divide = [node("Unpremult", f"Divide_{name}", (x, 40), "channels rgb", UNDIVIDED)] if premultiplied else []
    return "\n".join(
        [
            take(name),
            *divide,
            node("Reformat", f"Scale_{name}", (x, 80), "type scale", "scale 0.5", "disable true"),
            node(
                "Write", f"Write_{name}", (x, 140), "channels all", 'file ""', "raw true", "file_type exr",
                'datatype "32 bit float"', 'metadata "all metadata"', "create_directories true", "disable true",
            ),
        ]
    )  # fmt: skip


def shown(x: int, premultiplied: bool = False) -> str:
    """What was rendered: the result, or the preview at the plate's size."""
    multiply = [node("Premult", "Multiply_shown", (x, 280), "channels rgb", UNDIVIDED)] if premultiplied else []
    reading = ('file ""', "on_error error", "raw true", "localizationPolicy off")
    return "\n".join(
        [
            node("Read", "Result", (x, 80), *reading, inputs="0"),
            node("FrameRange", "Span", (x, 160)),
            keep("result"),
            node("Read", "Preview", (x + 120, 80), *reading, inputs="0"),
            node("Reformat", "PreviewSize", (x + 120, 160), "type scale", "scale 2"),
            keep("preview"),
            take("result", "preview"),
            node("Switch", "Shown", (x, 240), "which {{parent.show_preview}}", inputs="2"),
            *multiply,
            keep("shown"),
        ]
    )


def motion_view(x: int, y: int) -> str:
    return "\n".join(
        [
            take("shown", "shown"),
            node(
                "Copy", "MotionView", (x, y), "from0 forward.u", "to0 rgba.red", "from1 forward.v", "to1 rgba.green",
                inputs="2",
            ),
            node("Expression", "MotionNoBlue", (x, y + 60), "expr2 0"),
            keep("motion"),
        ]
    )  # fmt: skip


def occlusion_view(x: int, y: int) -> str:
    return "\n".join(
        [
            take("shown", "shown"),
            node(
                "Copy", "OcclusionView", (x, y), "from0 occlusion.next", "to0 rgba.red", "from1 occlusion.prev",
                "to1 rgba.green", inputs="2",
            ),
            node("Expression", "OcclusionNoBlue", (x, y + 60), "expr2 0"),
            keep("occlusion"),
        ]
    )  # fmt: skip


def matte_to_alpha(picture: str, matte: str, x: int, y: int) -> str:
    """The matte chosen, in alpha of the picture.

    Args:
        picture: name of the stack's entry that gets it, and that the plain choice shows.
        matte: name of the entry whose layers hold it.
        x: place.
        y: place.
    """
    return "\n".join(
        [
            take(picture, matte),
            node("Copy", "MatteNext", (x, y), "from0 occlusion.next", "to0 rgba.alpha", inputs="2"),
            keep("next"),
            take(picture, matte),
            node("Copy", "MattePrev", (x + 120, y), "from0 occlusion.prev", "to0 rgba.alpha", inputs="2"),
            keep("prev"),
            take("next", "prev"),
            node(
                "ChannelMerge", "MatteBoth", (x + 240, y + 60), "A rgba.alpha", "operation max", "B rgba.alpha",
                "output rgba.alpha", inputs="2",
            ),
            keep("both"),
        ]
    )  # fmt: skip


def ending(x: int, y: int) -> str:
    """The plate until there is a result; without windows always the result, so that no farm renders the plate instead."""
    return "\n".join(
        [
            take("plate", "chosen"),
            node(
                "Switch", "Final", (x, y), 'which {{"parent.has_result || parent.show_preview || !$gui"}}', inputs="2"
            ),
            node("Output", "Output1", (x, y + 60)),
        ]
    )


def mask_branch(x: int) -> str:
    """The mask's channel in alpha, white where no mask is connected, times mix; then the share that stays plate."""
    return "\n".join(
        [
            take("plate"),
            node("Expression", "White", (x - 120, 80), "expr3 1"),
            keep("white"),
            take("mask", "mask"),
            node("Copy", "MaskPick", (x, 80), "from0 rgba.alpha", "to0 rgba.alpha", inputs="2"),
            node("Invert", "MaskInvert", (x, 140), "channels alpha", "disable {{!parent.mask_invert}}"),
            keep("picked"),
            take("white", "picked"),
            node("Switch", "MaskOrWhite", (x, 200), 'which {{"\\[exists parent.input3]"}}', inputs="2"),
            node("Multiply", "Mix", (x, 260), "channels alpha", "value {{parent.mix}}"),
            node("Invert", "PlateShare", (x, 320), "channels alpha"),
            keep("share"),
        ]
    )
