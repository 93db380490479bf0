"""Write gizmos/examples/*.nk: what a compositor does with what the nodes hand out. Plain Nuke nodes around ours."""

from __future__ import annotations

from gizmotext import LAYERS, OLDEST_NUKE, keep, node, take
from make_gizmos import GIZMOS


def note(text: str, x: int, y: int, name: str) -> str:
    return node("StickyNote", name, (x, y), f'label "{text}"', inputs="0")


def read(name: str, file: str, x: int) -> str:
    values = (
        f'file "\\[file dirname \\[value root.name]]/{file}"',
        "first 1001",
        "last 1010",
        "raw true",
        "origset true",
    )
    return "\n".join([node("Read", name, (x, 0), *values, inputs="0"), keep(name)])


def script(*parts: str) -> str:
    root = "Root {\n inputs 0\n first_frame 1001\n last_frame 1010\n}"
    return "\n".join([f"version {OLDEST_NUKE}", LAYERS, root, *(_flush(part) for part in parts), ""])


def _flush(text: str) -> str:
    """The nodes of a script stand at its margin."""
    return "\n".join(line[1:] if line.startswith(" ") else line for line in text.splitlines())


def using_the_package() -> str:
    """Motion-blurred paint, the previous frame brought here, and a grade where things are uncovered."""
    return script(
        note("The review package: a rendered StyleTransfer result, or what impasto stylize wrote.", -200, -80, "About"),
        read("Package", "out/result.####.exr", 0),
        note("Motion blur of the paint: forward is in pixels, up is positive, so uv forward and half a frame.", 180, 0, "AboutBlur"),
        take("Package"),
        node("VectorBlur2", "MotionBlur", (0, 120), "uv forward", "scale 0.5"),
        note("The key of frame 1006 brought to its neighbour: hold it, bend it by backward of the frame at hand.", 180, 200, "AboutBend"),
        take("Package"),
        node("FrameHold", "KeyFrame", (300, 260), "first_frame 1006"),
        keep("held"),
        take("held", "Package"),
        node(
            "Copy", "VectorsOfHere", (300, 320), "from0 backward.u", "to0 backward.u", "from1 backward.v", "to1 backward.v",
            inputs="2",
        ),
        node("IDistort", "BendFrom1006To1007", (300, 380), "channels rgb", "uv backward", "uv_scale 1"),
        note("Light only what has just been uncovered: the matte occlusion.prev in alpha drives a grade.", 500, 200, "AboutLight"),
        take("Package", "Package"),
        node("Copy", "UncoveredToAlpha", (600, 260), "from0 occlusion.prev", "to0 rgba.alpha", inputs="2"),
        node("Blur", "SoftenMatte", (600, 320), "channels alpha", "size 3"),
        keep("matte"),
        take("Package"),
        node("Grade", "Relight", (750, 320), "white 1.4"),
        keep("lit"),
        take("Package", "lit", "matte"),
        node("Keymix", "RelitWhereUncovered", (600, 420), "channels rgb", "maskChannel rgba.alpha", inputs="3"),
    )  # fmt: skip


REPAINTED = "\n".join(
    [
        note("REPAINT. source.x and source.y are pixels of the format; an STMap wants 0 to 1: divide by its size.", -420, 80, "AboutMap"),
        take("Package"),
        node("Expression", "PixelsToMap", (0, 120), "expr0 source.x/width", "expr1 source.y/height", "expr2 0"),
        keep("map"),
        take("Repainted", "map"),
        node("STMap", "PaintFollows", (300, 220), "channels rgb", "uv rgb", inputs="2"),
        keep("moved"),
        note("Only where the paint came from this key, and was not filled: source.frame 1006, source.kind 1.", -420, 200, "AboutWhere"),
        take("Package"),
        node("Expression", "FromThisKey", (0, 220), 'expr3 "source.frame == 1006 && source.kind == 1"'),
        keep("where"),
        take("Package", "moved", "where"),
        node("Keymix", "RepaintedShot", (150, 320), "channels rgb", "maskChannel rgba.alpha", inputs="3"),
        keep("repainted"),
    ]
)  # fmt: skip
"""A key repainted: with the Reads Package and Repainted above it."""


def repainting() -> str:
    """Repaint a key in Nuke; the paint follows the shot through a stock STMap, with no server."""
    return script(
        note("Needs the pass source (tick it in the node, or --passes all): where each pixel's paint was laid.", -200, -80, "About"),
        read("Package", "out/result.####.exr", 0),
        read("Repainted", "paint/key.1006.exr", 300),
        REPAINTED,
    )  # fmt: skip


def a_shot_in_the_comp() -> str:
    """A shot from the node's frames to the comp: a key repainted, a light laid on, and all of it blurred by its motion."""
    return script(
        note("A rendered StyleTransfer with keys, passes motion, occlusion and source; here as the EXRs it wrote.", -200, -80, "About"),
        read("Package", "out/result.####.exr", 0),
        read("Repainted", "paint/key.1006.exr", 300),
        read("Light", "paint/light.1006.exr", 600),
        REPAINTED,
        note("RELIGHT. A matte painted once, on frame 1006: the same map carries it, and it ends where the paint does.", 780, 120, "AboutLight"),
        take("Light", "map"),
        node("STMap", "LightFollows", (600, 220), "channels alpha", "uv rgb", inputs="2"),
        keep("light"),
        take("light", "where"),
        node("ChannelMerge", "LightOnThisPaint", (600, 320), "A rgba.alpha", "operation multiply", "B rgba.alpha", "output rgba.alpha", inputs="2"),
        keep("lit"),
        note("Kept off what has just been uncovered: occlusion.prev, grown soft, takes the light back.", 1000, 300, "AboutMatte"),
        take("Package", "Package"),
        node("Copy", "UncoveredToAlpha", (850, 220), "from0 occlusion.prev", "to0 rgba.alpha", inputs="2"),
        node("Blur", "SoftenMatte", (850, 280), "channels alpha", "size 3"),
        node("Invert", "SeenBefore", (850, 340), "channels alpha"),
        keep("seen"),
        take("lit", "seen"),
        node("ChannelMerge", "LightMatte", (600, 420), "A rgba.alpha", "operation multiply", "B rgba.alpha", "output rgba.alpha", inputs="2"),
        keep("matte"),
        take("repainted"),
        node("Grade", "Relight", (300, 420), "white {1.5 1.35 1.1 1}"),
        keep("relit"),
        take("repainted", "relit", "matte"),
        node("Keymix", "RelitShot", (150, 520), "channels rgb", "maskChannel rgba.alpha", inputs="3"),
        keep("shot"),
        note("MOTION BLUR of the paint, a shutter of half a frame about the frame: forward after it, backward before it. Both are in pixels, right and up.", -420, 600, "AboutBlur"),
        take("shot"),
        node("VectorBlur2", "ShutterAfter", (60, 620), "uv forward", "scale 0.25"),
        keep("after"),
        take("shot"),
        node("VectorBlur2", "ShutterBefore", (240, 620), "uv backward", "scale 0.25"),
        keep("before"),
        take("after", "before"),
        node("Merge2", "MotionBlurred", (150, 720), "operation average", inputs="2"),
        keep("blurred"),
        take("blurred"),
        node("Write", "ToReview", (150, 800), 'file "\\[file dirname \\[value root.name]]/comp/shot.####.exr"', "file_type exr", "create_directories true"),
    )  # fmt: skip


EXAMPLES = {
    "using_the_package.nk": using_the_package,
    "repainting.nk": repainting,
    "a_shot_in_the_comp.nk": a_shot_in_the_comp,
}


def main() -> None:
    (GIZMOS / "examples").mkdir(exist_ok=True)
    for name, write in EXAMPLES.items():
        (GIZMOS / "examples" / name).write_text(write(), encoding="utf-8", newline="\n")
        print(name)


if __name__ == "__main__":
    main()
