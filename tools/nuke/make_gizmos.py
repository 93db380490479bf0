"""Write gizmos/*.gizmo: knobs and graphs of the nodes, menus filled from the command's catalogue.

    python tools/nuke/make_gizmos.py              writes them from gizmos/catalogue.json
    python tools/nuke/make_gizmos.py --refresh    asks `impasto nuke catalogue` first

The files are committed; a test compares them with what this program would write.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from impasto.nuke import KNOBS_VERSION, catalogue

GIZMOS = Path(__file__).parents[2] / "gizmos"
OLDEST_NUKE = "14.0 v1"

ON_CREATE = "try:\n    import impasto.nuke\nexcept ImportError:\n    pass\nelse:\n    impasto.nuke.created()"
KNOB_CHANGED = ON_CREATE.replace("created", "changed")

LAYERS = """add_layer {forward forward.u forward.v}
add_layer {backward backward.u backward.v}
add_layer {occlusion occlusion.next occlusion.prev occlusion.cause}
add_layer {confidence confidence.next confidence.prev}
add_layer {source source.x source.y source.frame source.kind}"""

Told = Mapping[str, Any]


def quoted(text: str) -> str:
    """A text as one word of Tcl that Nuke reads back as it is."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("[", "\\["), ("$", "\\$"), ("\n", "\\n")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def word(text: str) -> str:
    """A text as it stands in a list: quoted where it must be."""
    return text if text and all(sign.isalnum() or sign in "_.#-" for sign in text) else f'"{text}"'


def knob(kind: int, name: str, label: str = "", tooltip: str = "", more: str = "", value: str = "") -> str:
    """One `addUserKnob`, with the value it has where that is not its kind's own."""
    pieces = [str(kind), name or '""']
    pieces += [f"l {word(label)}"] if label else []
    pieces += [f't "{tooltip}"'] if tooltip else []
    pieces += [more] if more else []
    line = f" addUserKnob {{{' '.join(pieces)}}}"
    return f"{line}\n {name} {value}" if value else line


def heading(text: str) -> str:
    return knob(26, text.lower().replace(" ", "_") + "_heading", " ", more=f'T "<b>{text}</b>"')


def button(name: str, label: str, tooltip: str, starts_line: bool = False) -> str:
    return knob(
        22,
        name,
        label,
        tooltip,
        f'T "import impasto.nuke; impasto.nuke.press(\\"{name}\\")" {"+" if starts_line else "-"}STARTLINE',
    )


def menu(name: str, label: str, tooltip: str, entries: Iterable[str]) -> str:
    return knob(4, name, label, tooltip, f"M {{{' '.join(word(entry) for entry in entries)}}}")


def box(name: str, label: str, tooltip: str, ticked: bool = False, starts_line: bool = True) -> str:
    return knob(6, name, label, tooltip, f"{'+' if starts_line else '-'}STARTLINE", "true" if ticked else "")


def hidden(kind: int, name: str, value: str = "") -> str:
    return knob(kind, name, more="+INVISIBLE", value=value)


def node(kind: str, name: str, at: tuple[int, int], *values: str, inputs: str = "") -> str:
    """One inner node; `inputs` where it is not one."""
    lines = [f" {kind} {{"]
    lines += [f"  inputs {inputs}"] if inputs else []
    lines += [f"  {value}" for value in values]
    lines += [f"  name {name}", f"  xpos {at[0]}", f"  ypos {at[1]}", " }"]
    return "\n".join(lines)


def source(name: str, number: int, x: int) -> str:
    return node("Input", name, (x, 0), *([f"number {number}"] if number else []), inputs="0")


def keep(name: str) -> str:
    return f"set N{name} [stack 0]"


def take(*names: str) -> str:
    """Names in the order of the inputs, the first the node's input 0."""
    return "\n".join(f"push $N{name}" for name in reversed(names))


def written(name: str, x: int) -> str:
    """The branch that writes an input to disk; it works only while a node renders its inputs."""
    return "\n".join(
        [
            take(name),
            node("Reformat", f"Scale_{name}", (x, 80), "type scale", "scale 0.5", "disable true"),
            node(
                "Write", f"Write_{name}", (x, 140), "channels all", 'file ""', "raw true", "file_type exr",
                'datatype "32 bit float"', 'metadata "all metadata"', "create_directories true", "disable true",
            ),
        ]
    )  # fmt: skip


def shown(x: int) -> str:
    """What was rendered: the result, or the preview at the plate's size."""
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


def group(name: str, help_text: str, knobs: Iterable[str], nodes: Iterable[str]) -> str:
    head = [
        "Group {",
        f" name {name}1",
        f" help {quoted(help_text)}",
        f" onCreate {quoted(ON_CREATE)}",
        f" knobChanged {quoted(KNOB_CHANGED)}",
        f" label {quoted('[value status]')}",
    ]
    return "\n".join([f"version {OLDEST_NUKE}", LAYERS, *head, *knobs, "}", *nodes, "end_group", ""])


def motion_knobs(told: Told) -> list[str]:
    return [
        heading("Motion"),
        menu("motion", "motion model", "How motion is found: dis is quick, deepflow finer and slower; plate layers takes forward and backward of the plate; vector files takes them from other EXRs.", catalogue.motions(told)),
        knob(2, "motion_file", "vector files", "EXRs with the layers forward and backward, such as vectors.####.exr: CG vectors, or what an OpticalFlow node wrote."),
    ]  # fmt: skip


def frame_knobs() -> list[str]:
    return [
        heading("Frames"),
        menu("frame_range", "frame range", "The frames rendered: those of the input, those of the script that lie in the shot, or those written beside.", ("input", "global", "custom")),
        knob(1, "frames", "frames", "Custom frames, such as 1001-1100, 1001-1100x2 or 1001,1005.", "-STARTLINE"),
        knob(1, "shot", "shot", "All frames that belong together, such as 1001-1100. Every one of them is read, also when few are wanted, so that a frame looks the same in whatever pieces a shot is rendered. Empty takes the whole input."),
        knob(1, "views", "views", "Views to render, such as left right. Empty takes all of the script."),
    ]  # fmt: skip


def output_knobs(passes: Mapping[str, bool]) -> list[str]:
    tips = {
        "motion": "forward and backward, in pixels, up is positive: for VectorBlur, IDistort and Kronos.",
        "occlusion": "occlusion.next and occlusion.prev: 1 where a pixel is hidden or outside in the next or previous frame.",
        "confidence": "confidence.next and confidence.prev: how far the motion can be trusted, 0 to 1.",
        "source": "source.x, source.y, source.frame and source.kind: where and when the paint of each pixel was laid.",
        "cause": "occlusion.cause: why a pixel is occluded, as a code; see the guide.",
    }
    boxes = [
        box(f"pass_{name}", name, tips[name], ticked, starts_line=index == 0)
        for index, (name, ticked) in enumerate(passes.items())
    ]
    return [
        heading("Output"),
        knob(2, "directory", "output directory", "Where the frames go. Empty keeps them beside the script, in a folder of this node's own. Two nodes cannot share one."),
        knob(1, "pattern", "file name", "Name of the frames in the output directory.", value="result.####.exr"),
        *boxes,
        knob(1, "colour", "colour space", "Working colour space of the script by its OpenColorIO name. auto takes the project settings.", value="auto"),
    ]  # fmt: skip


def render_buttons(preview: bool) -> list[str]:
    scale = [
        button("preview", "Preview frame", "Paints the current frame alone, at preview size. It shows the look, not the shot: paint is carried only by Render.", starts_line=True),
        menu("preview_scale", "preview resolution", "Size of the preview's picture.", ("half", "quarter", "full")),
        box("show_preview", "show preview", "Shows the last preview instead of the result.", starts_line=False),
    ]  # fmt: skip
    return [
        knob(26, "render_line", " "),
        *(scale if preview else [hidden(6, "show_preview")]),
        button("render", "Render", "Writes the inputs to disk, then renders beside Nuke. You can go on working.", starts_line=True),
        button("cancel", "Cancel", "Ends the job of this node. Finished frames are kept."),
        button("reattach", "Re-attach", "Follows the job of this node again, after Nuke was closed or lost it."),
        button("show_files", "Show files", "Opens the output directory."),
        button("check", "Check", "Looks whether the result is up to date, down to the source files."),
    ]  # fmt: skip


def server_tab() -> list[str]:
    return [
        knob(20, "server_tab", "Server"),
        knob(1, "server", "server", "HOST:PORT of an Impasto server. Empty takes the studio's setting, else a server of your own that is started when needed."),
        menu("device", "device", "What computes: auto takes a GPU where there is one.", ("auto", "cpu", "cuda:0")),
        knob(3, "threads", "threads", "Worker threads; 0 takes all there are. Never changes a pixel."),
        knob(1, "memory", "memory", "Memory to plan for, such as 8G. Empty takes the server's default."),
        button("doctor", "Doctor", "Looks whether everything needed is there, says how to mend what is not, and brings the menus up to date.", starts_line=True),
    ]  # fmt: skip


def state_knobs(kind: str) -> list[str]:
    return [
        menu("when_stale", "when stale", "What a render of the script does when this node's result is not up to date: stop with an error, warn, or use it.", ("error", "warn", "use")),
        knob(1, "status", "status", "How things stand.", "+DISABLED", '"not rendered"'),
        hidden(1, "impasto_kind", kind),
        hidden(3, "impasto_version", str(KNOBS_VERSION)),
        hidden(1, "impasto_job"),
        hidden(1, "impasto_result"),
        hidden(6, "has_result"),
        hidden(6, "has_preview"),
    ]  # fmt: skip


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


def style_transfer(told: Told) -> str:
    scale = catalogue.span(told, "style_scale", (0.25, 4.0))
    knobs = [
        knob(20, "tab", "StyleTransfer"),
        heading("Style"),
        menu("look", "style", "Whose manner is painted: of the style input, of a file, or of a style known by name. With keys only, what no key sees is painted after the nearest key.", catalogue.looks(told)),
        knob(3, "style_frame", "style frame", "The frame of the style input that is read.", value="1"),
        knob(2, "style_file", "style file", "A picture, or a weights file of a trained net."),
        knob(7, "strength", "strength", "0 is the plate, 1 the paint, decided when rendering; mix below does the same to the result at once.", "R 0 1", "1"),
        knob(7, "style_scale", "style scale", "Size of the brush; 2 is twice the style's own.", f"R {scale[0]:g} {scale[1]:g}", "1"),
        knob(7, "relight", "relight", "How far paint follows the light of the plate. At 0 it keeps the light under which it was painted.", "R 0 1", "1"),
        box("preserve_colour", "preserve colour", "Keeps the hues of the plate and takes only the handling."),
        knob(3, "seed", "seed", "Of every random draw; the same seed gives the same pixels."),
        heading("Keys"),
        knob(1, "keys", "key frames", "The frames at which the keys input holds your paintings; it is read there and nowhere else."),
        button("key_add", "add current", "Takes the current frame into the list.", starts_line=True),
        button("key_remove", "remove current", "Takes the current frame out of the list."),
        button("key_previous", "previous", "Goes to the key before the current frame."),
        button("key_next", "next", "Goes to the key after the current frame."),
        *motion_knobs(told),
        *frame_knobs(),
        *output_knobs({"motion": True, "occlusion": True, "confidence": False, "source": False, "cause": False}),
        *render_buttons(preview=True),
        heading("Result"),
        menu("output", "output", "What is shown; acts at once.", ("result", "motion", "occlusion")),
        menu("matte_to_alpha", "matte to alpha", "Puts an occlusion matte into alpha; acts at once.", ("none", "next", "previous", "both")),
        knob(41, "mask_channel", "mask", "Channel of the mask input; acts at once.", "T MaskPick.from0"),
        box("mask_invert", "invert", "Turns the mask round; acts at once.", starts_line=False),
        knob(7, "mix", "mix", "0 shows the plate, 1 the result; acts at once.", "R 0 1", "1"),
        *state_knobs("StyleTransfer"),
        *server_tab(),
    ]  # fmt: skip
    nodes = [
        source("plate", 0, 0), keep("plate"),
        source("style", 1, -400), keep("style"),
        source("keys", 2, -200), keep("keys"),
        source("mask", 3, 700), keep("mask"),
        written("style", -400), written("keys", -200), written("plate", 0),
        shown(200),
        mask_branch(700),
        take("shown", "plate", "share"),
        node("Keymix", "Mixed", (200, 400), "channels rgb", "maskChannel rgba.alpha", "bbox union", inputs="3"),
        keep("mixed"),
        matte_to_alpha("mixed", "shown", 300, 460),
        take("mixed", "next", "prev", "both"),
        node("Switch", "Alpha", (200, 580), "which {{parent.matte_to_alpha}}", inputs="4"), keep("alpha"),
        motion_view(0, 400),
        occlusion_view(80, 460),
        take("alpha", "motion", "occlusion"),
        node("Switch", "Chosen", (200, 660), "which {{parent.output}}", inputs="3"), keep("chosen"),
        ending(200, 740),
    ]  # fmt: skip
    text = (
        "Paints a shot from your painted frames, in a picture's manner, or both, and lets the paint stick to things. "
        "Rendered beside Nuke by the impasto command; see the Nuke guide of Impasto."
    )
    return group("StyleTransfer", text, knobs, nodes)


def optical_flow(told: Told) -> str:
    knobs = [
        knob(20, "tab", "OpticalFlow"),
        *motion_knobs(told),
        *frame_knobs(),
        *output_knobs({"motion": True, "occlusion": True, "confidence": True, "cause": False}),
        *render_buttons(preview=False),
        heading("Result"),
        menu("output", "output", "What is shown in the colour channels; the layers are there in any case. Acts at once.", ("plate", "motion", "occlusion")),
        *state_knobs("OpticalFlow"),
        *server_tab(),
    ]  # fmt: skip
    nodes = [
        source("plate", 0, 0), keep("plate"),
        written("plate", 0),
        shown(200),
        motion_view(0, 400),
        occlusion_view(80, 460),
        take("shown", "motion", "occlusion"),
        node("Switch", "Chosen", (200, 660), "which {{parent.output}}", inputs="3"), keep("chosen"),
        ending(200, 740),
    ]  # fmt: skip
    text = (
        "Measures motion between frames and writes it as the layers forward and backward, in pixels, up is positive, with "
        "occlusion mattes. For VectorBlur, IDistort and Kronos. Rendered beside Nuke by the impasto command."
    )
    return group("OpticalFlow", text, knobs, nodes)


def occlusion_matte(told: Told) -> str:
    knobs = [
        knob(20, "tab", "OcclusionMatte"),
        *motion_knobs(told),
        *frame_knobs(),
        *output_knobs({"motion": False, "occlusion": True, "confidence": False, "cause": True}),
        *render_buttons(preview=False),
        heading("Result"),
        menu("matte_source", "matte from", "The matte this node rendered, or the occlusion layer that the input has already, from an OpticalFlow or StyleTransfer node; that needs no rendering. Acts at once.", ("this node", "input layers")),
        menu("matte", "matte", "What is hidden in the next frame, in the previous one, or in either. Acts at once.", ("next", "previous", "both")),
        box("matte_invert", "invert", "Turns the matte round. Acts at once.", starts_line=False),
        knob(7, "grow", "grow", "Grows the matte by so many pixels, or shrinks it below 0. Acts at once.", "R -20 20"),
        knob(7, "soften", "soften", "Blurs the matte by so many pixels. Acts at once.", "R 0 20"),
        *state_knobs("OcclusionMatte"),
        *server_tab(),
    ]  # fmt: skip
    nodes = [
        source("plate", 0, 0), keep("plate"),
        written("plate", 0),
        shown(200),
        take("shown", "plate"),
        node("Switch", "MatteSource", (200, 320), "which {{parent.matte_source}}", inputs="2"), keep("layers"),
        matte_to_alpha("plate", "layers", 300, 400),
        take("next", "prev", "both"),
        node("Switch", "Matte", (200, 540), "which {{parent.matte}}", inputs="3"),
        node("Dilate", "Grow", (200, 600), "channels alpha", "size {{parent.grow}}"),
        node("Blur", "Soften", (200, 660), "channels alpha", "size {{parent.soften}}"),
        node("Invert", "MatteInvert", (200, 720), "channels alpha", "disable {{!parent.matte_invert}}"), keep("chosen"),
        take("plate", "chosen"),
        node(
            "Switch", "Final", (200, 800),
            'which {{"parent.has_result || parent.matte_source || !$gui"}}', inputs="2",
        ),
        node("Output", "Output1", (200, 860)),
    ]  # fmt: skip
    text = (
        "A matte of what is hidden, or outside, in the next or previous frame: in alpha, over the plate. Rendered beside "
        "Nuke by the impasto command, or taken from occlusion layers that are there already."
    )
    return group("OcclusionMatte", text, knobs, nodes)


NODES = {"StyleTransfer": style_transfer, "OpticalFlow": optical_flow, "OcclusionMatte": occlusion_matte}


def made(told: Told) -> dict[str, str]:
    """Text of every gizmo by its file's name."""
    return {f"Impasto_{name}.gizmo": write(told) for name, write in NODES.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--refresh", action="store_true", help="ask `impasto nuke catalogue` first")
    stored = GIZMOS / "catalogue.json"
    if parser.parse_args().refresh:
        command = [sys.executable, "-m", "impasto.cli", "nuke", "catalogue"]
        stored.write_bytes(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    for name, text in made(catalogue.read(stored.read_text(encoding="utf-8"))).items():
        (GIZMOS / name).write_text(text, encoding="utf-8", newline="\n")
        print(name)


if __name__ == "__main__":
    main()
