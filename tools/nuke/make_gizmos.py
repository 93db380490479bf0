"""Write gizmos/*.gizmo: knobs and graphs of the nodes, menus filled from the command's catalogue.

    python tools/nuke/make_gizmos.py              writes them from gizmos/catalogue.json
    python tools/nuke/make_gizmos.py --refresh    asks `impasto nuke catalogue` first

The files are committed; a test compares them with what this program would write.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from gizmotext import box, button, closed, closed_end, group, heading, hidden, keep, knob, menu, node, source, take
from graphs import ending, mask_branch, matte_to_alpha, motion_view, occlusion_view, shown, written
from panels import (
    RETIMED_DEPTH,
    Told,
    frame_knobs,
    key_knobs,
    model_tab,
    output_knobs,
    panel,
    render_buttons,
    style_knobs,
)

from impasto.nuke import catalogue
from impasto.nuke.wishes import STYLE_PIPES, STYLES, TIMING_FRAME, TIMING_REPAIR, TIMING_SPEED

GIZMOS = Path(__file__).parents[2] / "gizmos"


def more_styles() -> list[str]:
    """Inputs of the second to fourth style: behind the others, so that no input of an older script changes its number."""
    rows = []
    for number, pipe in zip(range(2, STYLES + 1), STYLE_PIPES[1:], strict=True):
        name, x = f"style{number}", -400 - 200 * (number - 1)
        rows += [source(name, pipe, x), keep(name), written(name, x)]
    return rows


def style_transfer(told: Told) -> str:
    scale = catalogue.span(told, "style_scale", (0.25, 4.0))
    first = [
        heading("Style"),
        *style_knobs(told, 1),
        closed("more_styles", "more styles"),
        *(row for number in range(2, STYLES + 1) for row in style_knobs(told, number)),
        closed_end("more_styles"),
        heading("Paint"),
        knob(7, "strength", "strength", "0 is the plate, 1 the paint, decided when rendering; mix below does the same to the result at once.", "R 0 1", "1"),
        knob(7, "style_scale", "style scale", "Size of the brush; 2 is twice the style's own.", f"R {scale[0]:g} {scale[1]:g}", "1"),
        knob(7, "relight", "relight", "How far paint follows the light of the plate. At 0 it keeps the light under which it was painted.", "R 0 1", "1"),
        knob(7, "consistency", "consistency", "1: paint stays what it was where it was laid. Down to 0.5 the broad colours of each frame's own painting come back, down to 0 its strokes too: 0 paints every frame alone.", "R 0 1", "1"),
        box("preserve_colour", "preserve colour", "Keeps the hues of the plate and takes only the handling."),
        box("preserve_luminance", "preserve luminance", "Keeps the broad light and shade of the plate.", starts_line=False),
        box("premultiplied", "premultiplied", "The plate is multiplied by its alpha: it is divided by it before it is painted, and the result multiplied again. Off takes the plate as it is."),
        knob(3, "every", "paint every", "Lays paint in every so manieth frame of the shot and carries it to the rest: less is painted anew, and more holds together. 1 lets every frame be painted where paint is missing.", value="1"),
        knob(3, "seed", "seed", "Of every random draw; the same seed gives the same pixels."),
        *key_knobs(),
    ]  # fmt: skip
    result = [
        menu("output", "output", "What is shown; acts at once.", ("result", "motion", "occlusion")),
        menu("matte_to_alpha", "matte to alpha", "Puts an occlusion matte into alpha; acts at once.", ("none", "next", "previous", "both")),
        knob(41, "mask_channel", "mask", "Channel of the mask input; acts at once.", "T MaskPick.from0"),
        box("mask_invert", "invert", "Turns the mask round; acts at once.", starts_line=False),
        knob(7, "mix", "mix", "0 shows the plate, 1 the result; acts at once.", "R 0 1", "1"),
    ]  # fmt: skip
    passes = {"motion": True, "occlusion": True, "confidence": False, "source": False, "cause": False, "depth": False}
    knobs = panel("StyleTransfer", told, first, output_knobs(passes), result, buttons=render_buttons(preview=True))
    knobs += model_tab(told)
    nodes = [
        source("plate", 0, 0), keep("plate"),
        source("style", 1, -400), keep("style"),
        source("keys", 2, -200), keep("keys"),
        source("mask", 3, 700), keep("mask"),
        *more_styles(),
        written("style", -400), written("keys", -200), written("plate", 0, premultiplied=True),
        shown(200, premultiplied=True),
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
    result = [
        menu("output", "output", "What is shown in the colour channels; the layers are there in any case. Acts at once.", ("plate", "motion", "occlusion")),
    ]  # fmt: skip
    passes = {"motion": True, "occlusion": True, "confidence": True, "cause": False, "depth": False}
    knobs = panel("OpticalFlow", told, [], output_knobs(passes), result)
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
    result = [
        menu("matte_source", "matte from", "The matte this node rendered, or the occlusion layer that the input has already, from an OpticalFlow or StyleTransfer node; that needs no rendering. Acts at once.", ("this node", "input layers")),
        menu("matte", "matte", "What is hidden in the next frame, in the previous one, or in either. Acts at once.", ("next", "previous", "both")),
        box("matte_invert", "invert", "Turns the matte round. Acts at once.", starts_line=False),
        knob(7, "grow", "grow", "Grows the matte by so many pixels, or shrinks it below 0. Acts at once.", "R -20 20"),
        knob(7, "soften", "soften", "Blurs the matte by so many pixels. Acts at once.", "R 0 20"),
    ]  # fmt: skip
    passes = {"motion": False, "occlusion": True, "confidence": False, "cause": True}
    knobs = panel("OcclusionMatte", told, [], output_knobs(passes), result)
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


def frame_interpolate(told: Told) -> str:
    first = [
        heading("Timing"),
        menu("timing", "timing", "Output Speed makes the plate slower or faster; Frame takes the time of each output frame from the knob below; repaired keeps the timing and makes frames that lack, or repeat the one before.", (TIMING_SPEED, TIMING_FRAME, TIMING_REPAIR)),
        knob(7, "speed", "output speed", "Plate frames an output frame goes on by: 0.5 is half as fast, 2 twice as fast, -1 backwards.", "R 0.1 2", "0.5"),
        knob(7, "timing_frame", "frame", "The frame of the plate shown at each output frame: animate it. Times between frames are made, and it may go back and forth.", "R 1 100", "1"),
        knob(1, "out_first", "first output frame", "Number of the first frame made. Empty takes the first of the shot."),
        box("repair", "repair", "Makes frames that lack, or repeat the one before, from their neighbours first."),
        heading("Method"),
        menu("model", "model", "What makes the frames in between: auto chooses by the motion measured; splat moves every pixel along its motion.", catalogue.interpolations(told)),
        menu("cuts", "at cuts", "What is shown between the two frames of a cut: hold shows the first, nearest the nearer one. Nothing is blended across a cut.", ("hold", "nearest")),
    ]  # fmt: skip
    frames = frame_knobs("all", "The output frames rendered: all that the timing gives, those of the script, or those written beside.")  # fmt: skip
    knobs = panel("FrameInterpolate", told, first, output_knobs({}), [], frames=frames, depth=RETIMED_DEPTH)
    nodes = [
        source("plate", 0, 0), keep("plate"),
        source("paint", 1, -200), keep("paint"),
        written("paint", -200), written("plate", 0),
        shown(200),
        take("shown"), node("Dot", "Chosen", (200, 320)), keep("chosen"),
        ending(200, 400),
    ]  # fmt: skip
    text = (
        "Frames in between: slow motion, another speed, or frames that lack, with every layer moved along. Connect painted "
        "frames of the same plate to paint, and the plate's motion carries them. Rendered beside Nuke by the impasto command."
    )
    return group("FrameInterpolate", text, knobs, nodes)


def key_picker(told: Told) -> str:
    first = [
        heading("Keys"),
        knob(7, "share", "coverage", "Share of the frames wanted that the paint should cover.", "R 0.5 1", "0.95"),
        knob(3, "most", "at most", "Picks no more than so many frames; 0 for any number."),
        knob(1, "painted", "painted already", "Frames you have painted, such as 1006; the others are picked beside them."),
    ]  # fmt: skip
    output = [
        heading("Output"),
        knob(2, "directory", "output directory", "Where the contact sheet goes. Empty keeps it beside the script, in a folder of this node's own. Two nodes cannot share one."),
        hidden(1, "pattern", "result.####.exr"),
        knob(1, "colour", "colour space", "Working colour space of the script by its OpenColorIO name. auto takes the project settings.", value="auto"),
    ]  # fmt: skip
    buttons = render_buttons(False, "Pick keys", "Writes the plate to disk, then looks beside Nuke for the fewest frames whose paint covers the shot. You can go on working.")  # fmt: skip
    result = [
        knob(1, "picked", "key frames", "The frames worth painting. You may edit the list before you give it on."),
        button("key_previous", "previous", "Goes to the key before the current frame.", starts_line=True),
        button("key_next", "next", "Goes to the key after the current frame."),
        button("give_keys", "give to StyleTransfer", "Adds the frames to the key frames of a StyleTransfer node."),
        knob(1, "give_to", "give to", "Name of the StyleTransfer node. Empty takes the one there is.", "-STARTLINE"),
        knob(1, "coverage", "covered", "What the frames picked cover together, each with those before it.", "+DISABLED"),
        menu("output", "output", "Shows the plate as it is, or the contact sheet of the frames picked. Acts at once.", ("plate", "contact sheet")),
    ]  # fmt: skip
    knobs = panel("KeyPicker", told, first, output, result, buttons=buttons)
    nodes = [
        source("plate", 0, 0), keep("plate"),
        written("plate", 0),
        node("Read", "Result", (200, 80), 'file ""', "on_error error", "localizationPolicy off", inputs="0"), keep("sheet"),
        take("plate", "sheet"),
        node("Switch", "Final", (0, 200), "which {{parent.output}}", inputs="2"),
        node("Output", "Output1", (0, 260)),
    ]  # fmt: skip
    text = (
        "Which frames to paint: the fewest whose paint covers the shot. Hands its input on as it is. Looked for beside Nuke by "
        "the impasto command."
    )
    return group("KeyPicker", text, knobs, nodes)


def stmap_from_key(told: Told) -> str:
    first = [
        heading("Key"),
        knob(3, "key_frame", "key frame", "The frame you paint on.", value="1"),
        button("take_current", "take current", "Makes the current frame the key frame."),
    ]  # fmt: skip
    result = [
        menu("output", "output", "Shows what is in the paint input at the key frame, carried through the shot over the plate; or that alone, with its coverage in alpha; or the map. Acts at once.", ("paint over plate", "paint alone", "map")),
        knob(7, "soften", "soften", "Blurs the edge of the paint by so many pixels. Acts at once.", "R 0 20"),
    ]  # fmt: skip
    knobs = panel("STMapFromKey", told, first, output_knobs({}), result)
    nodes = [
        source("plate", 0, 0), keep("plate"),
        source("paint", 1, 500), keep("paint"),
        written("plate", 0),
        shown(200),
        take("shown"),
        node("Expression", "MapToColour", (200, 320), "expr0 stmap.u", "expr1 stmap.v", "expr2 0"), keep("map"),
        take("paint"),
        node("FrameHold", "AtKey", (500, 80), "first_frame {{parent.key_frame}}"), keep("held"),
        take("held", "map"),
        node("STMap", "PaintFollows", (400, 400), "channels rgb", "uv rgb", inputs="2"), keep("moved"),
        take("shown", "shown"),
        node("Copy", "Coverage", (250, 400), "from0 coverage.a", "to0 rgba.alpha", inputs="2"),
        node("Blur", "Soften", (250, 460), "channels alpha", "size {{parent.soften}}"), keep("coverage"),
        take("moved", "coverage"),
        node("Copy", "Paint", (400, 480), "from0 rgba.alpha", "to0 rgba.alpha", inputs="2"), keep("alone"),
        take("plate", "moved", "coverage"),
        node("Keymix", "Painted", (200, 540), "channels rgb", "maskChannel rgba.alpha", "bbox union", inputs="3"),
        keep("painted"),
        take("painted", "alone", "map"),
        node("Switch", "Chosen", (200, 620), "which {{parent.output}}", inputs="3"), keep("chosen"),
        ending(200, 700),
    ]  # fmt: skip
    text = (
        "Carries what you paint on one frame through the shot by a stock STMap: once rendered, repaint as often as you like, "
        "nothing is rendered again. Hands out the map, too. Rendered beside Nuke by the impasto command."
    )
    return group("STMapFromKey", text, knobs, nodes)


NODES = {
    "StyleTransfer": style_transfer,
    "KeyPicker": key_picker,
    "STMapFromKey": stmap_from_key,
    "OpticalFlow": optical_flow,
    "OcclusionMatte": occlusion_matte,
    "FrameInterpolate": frame_interpolate,
}


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
