"""Rows of the nodes' panels that more than one node has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gizmotext import box, button, closed, closed_end, heading, hidden, knob, menu

from impasto.nuke import KNOBS_VERSION, catalogue
from impasto.nuke.wishes import FILLS, NEAR

Told = Mapping[str, Any]

_LAYER = "a layer or channel of the plate such as depth.Z, or none. Empty takes the plate's own depth.Z or Z, where it has one."
DEPTH = f"Tells the mattes what lies before what: {_LAYER} The name of a model, tcmonodepth-small, estimates it for the pass depth alone."
RETIMED_DEPTH = f"Tells what lies before what where things cross: {_LAYER}"


def panel(
    kind: str,
    told: Told,
    first: list[str],
    output: list[str],
    result: list[str],
    frames: list[str] | None = None,
    buttons: list[str] | None = None,
    depth: str = DEPTH,
) -> list[str]:
    """Rows of a node, in the order that all nodes have.

    Args:
        kind: its name.
        told: the catalogue.
        first: what it is for.
        output: what is written, and where.
        result: what acts at once on what was rendered.
        frames: where they are not those of most nodes.
        buttons: where they are not those of most nodes.
        depth: what depth is for.
    """
    return [
        knob(20, "tab", kind),
        *first,
        *motion_knobs(told),
        *depth_knobs(depth),
        *(frame_knobs() if frames is None else frames),
        *output,
        *(render_buttons(preview=False) if buttons is None else buttons),
        *([heading("Result"), *result] if result else []),
        *state_knobs(kind),
        *server_tab(),
    ]


def motion_knobs(told: Told) -> list[str]:
    return [
        heading("Motion"),
        menu("motion", "motion model", "How motion is found: facets is the truest, dis is quick, deepflow lies between; plate layers takes forward and backward of the plate; vector files takes them from other EXRs.", catalogue.motions(told)),
        knob(2, "motion_file", "vector files", "EXRs with the layers forward and backward, such as vectors.####.exr: CG vectors, or what an OpticalFlow node wrote."),
    ]  # fmt: skip


def depth_knobs(tip: str) -> list[str]:
    return [
        knob(1, "depth", "depth", tip),
        menu("depth_near", "near is", "Which values of that layer are near: low ones, as of a distance, or high ones, as ScanlineRender writes them.", NEAR, beside=True),
    ]  # fmt: skip


def frame_knobs(
    first: str = "input",
    tip: str = "The frames rendered: those of the input, those of the script that lie in the shot, or those written beside.",
) -> list[str]:
    return [
        heading("Frames"),
        menu("frame_range", "frame range", tip, (first, "global", "custom")),
        knob(1, "frames", "frames", "Custom frames, such as 1001-1100, 1001-1100x2 or 1001,1005.", "-STARTLINE"),
        knob(1, "shot", "shot", "All frames that belong together, such as 1001-1100. Every one of them is read, also when few are wanted, so that a frame looks the same in whatever pieces a shot is rendered. Empty takes the whole input."),
        knob(1, "shot_cuts", "cuts", "Where new shots begin within those frames: detect finds it out, none takes all as one shot; or write the first frames of the new shots, such as 1031,1077. Nothing is carried across a cut.", value="detect"),
        knob(1, "views", "views", "Views to render, such as left right. Empty takes all of the script."),
    ]  # fmt: skip


STYLE_TIPS = {
    "look": "Whose manner is painted: of the style input, of a file, or of a style known by name.",
    "style_frame": "The frame of the style input that is read.",
    "style_file": "A picture, or a weights file of a trained net.",
    "weight": "Its share beside the other styles.",
    "style_mask": "A channel or layer of the plate, such as matte.a, that says where this style paints. Empty paints everywhere.",
    "style_fade": "Frames over which it comes and goes at either end of its frames; 0 is at once.",
    "style_frames": "The frames it paints, such as 1001-1040. Empty paints all.",
}


def style_knobs(told: Told, number: int) -> list[str]:
    """Rows of one style; those of the second to fourth have its number behind their names."""
    behind = "" if number == 1 else str(number)
    name = f"style {number}"
    looks = catalogue.looks(told) if number == 1 else catalogue.more_looks(told)
    more = " With keys only, what no key sees is painted after the nearest key." if number == 1 else ""
    return [
        menu(f"look{behind}", "style" if number == 1 else name, STYLE_TIPS["look"] + more, looks),
        knob(3, f"style_frame{behind}", "style frame", STYLE_TIPS["style_frame"], value="1"),
        knob(2, f"style_file{behind}", "style file", STYLE_TIPS["style_file"]),
        knob(7, f"weight{behind}", "weight", STYLE_TIPS["weight"], "R 0 2", "1"),
        knob(1, f"style_mask{behind}", "in mask", STYLE_TIPS["style_mask"]),
        knob(1, f"style_frames{behind}", "in frames", STYLE_TIPS["style_frames"], "-STARTLINE"),
        knob(3, f"style_fade{behind}", "fade", STYLE_TIPS["style_fade"]),
    ]  # fmt: skip


def model_tab(told: Told) -> list[str]:
    """What paints after pictures, and what can be set of it: the last tab, so that knobs of new models come here."""
    rows = [
        knob(20, "model_tab", "Model"),
        menu("look_model", "model", "What paints after pictures. default leaves the choice to the server; Doctor brings in those whose weights were fetched since.", catalogue.painters(told)),
        menu("statistics", "statistics", "What nets normalise by: frozen for the shot, smoothed over it, or each frame by itself, which flickers.", ("frozen", "smoothed", "per-frame")),
        box("masks_guide", "masks guide the look", "Masks of styles guide the look itself (adain and gatys can): masked styles are one painting, each inside its mask. For masks that go with what they mask."),
    ]  # fmt: skip
    for model, parameters in catalogue.parameters(told).items():
        for known in parameters:
            span = f"R {known['minimum']:g} {known['maximum']:g}"
            label, default = str(known["name"]).replace("_", " "), f"{known['default']:g}"
            name = catalogue.parameter_knob(model, known["name"])
            rows.append(knob(7, name, label, f"{model}: {known['help']}", f"{span} +HIDDEN", default))
    return rows


def key_knobs() -> list[str]:
    return [
        heading("Keys"),
        knob(1, "keys", "key frames", "The frames at which the keys input holds your paintings; it is read there and nowhere else."),
        button("key_add", "add current", "Takes the current frame into the list.", starts_line=True),
        button("key_remove", "remove current", "Takes the current frame out of the list."),
        button("key_previous", "previous", "Goes to the key before the current frame."),
        button("key_next", "next", "Goes to the key after the current frame."),
        knob(1, "key_mask", "in mask", "Where your paintings count: alpha, or a channel or layer of the keys input such as matte.a. Empty takes them whole."),
        box("scale_keys", "scale keys", "Scales paintings of another size to the plate, if their shape is the plate's. Off refuses them.", starts_line=False),
        knob(1, "key_options", "key options", "Keys that are to count more or less, only in some frames, or only in a mask of their own, such as 1006: weight 2, hold 1001-1020, mask matte.a; 1020: weight 0.5."),
        menu("fill", "fill", "What paints where no key sees: the style, in the colours of the keys; the manner of the nearest key; the plate in the colours of the keys; a net trained on the keys, which takes minutes; or nothing. default takes the style, or nearest without one.", FILLS),
        knob(7, "fill_minutes", "fill minutes", "Training of the net, in minutes of a CPU core: a fixed number of steps follows, so the same pixels do.", "R 1 30", "4"),
    ]  # fmt: skip


def matte_knobs() -> list[str]:
    """How the layers of occlusion are written."""
    return [
        knob(7, "matte_soft", "soft edges", "Lays the borders of the occlusion mattes along the edges of the plate, within so many pixels. Rendered.", "R 0 50"),
        knob(7, "matte_erode", "erode", "Then shrinks what is occluded by so many pixels; below 0 it grows. Rendered.", "R -20 20"),
        knob(7, "matte_blur", "blur", "Then blurs the mattes by so many pixels. Rendered.", "R 0 20"),
        knob(7, "matte_gain", "gain", "Then multiplies the mattes, held to 0 to 1. Rendered.", "R 0 4", "1"),
    ]  # fmt: skip


def output_knobs(passes: Mapping[str, bool]) -> list[str]:
    tips = {
        "motion": "forward and backward, in pixels, up is positive: for VectorBlur, IDistort and Kronos.",
        "occlusion": "occlusion.next and occlusion.prev: 1 where a pixel is hidden or outside in the next or previous frame.",
        "confidence": "confidence.next and confidence.prev: how far the motion can be trusted, 0 to 1.",
        "source": "source.x, source.y, source.frame and source.kind: where and when the paint of each pixel was laid.",
        "depth": "depth.Z: the distance that the plate, or a model named above, tells.",
        "cause": "occlusion.cause: why a pixel is occluded, as a code; see the guide.",
    }
    boxes = [
        box(f"pass_{name}", name, tips[name], ticked, starts_line=index == 0)
        for index, (name, ticked) in enumerate(passes.items())
    ]
    mattes = [closed("mattes", "mattes as rendered"), *matte_knobs(), closed_end("mattes")]
    return [
        heading("Output"),
        knob(2, "directory", "output directory", "Where the frames go. Empty keeps them beside the script, in a folder of this node's own. Two nodes cannot share one."),
        knob(1, "pattern", "file name", "Name of the frames in the output directory.", value="result.####.exr"),
        *boxes,
        *(mattes if passes else []),
        knob(1, "colour", "colour space", "Working colour space of the script by its OpenColorIO name. auto takes the project settings.", value="auto"),
    ]  # fmt: skip


def render_buttons(
    preview: bool,
    label: str = "Render",
    tip: str = "Writes the inputs to disk, then renders beside Nuke. You can go on working.",
) -> list[str]:
    scale = [
        button("preview", "Preview frame", "Paints the current frame alone, at preview size: it shows the look, not the shot. Where the shot was rendered before, the same frame follows as it is in the shot, at full size.", starts_line=True),
        menu("preview_scale", "preview resolution", "Size of the preview's picture.", ("half", "quarter", "full")),
        box("show_preview", "show preview", "Shows the last preview instead of the result.", starts_line=False),
    ]  # fmt: skip
    return [
        knob(26, "render_line", " "),
        *(scale if preview else [hidden(6, "show_preview")]),
        button("render", label, tip, starts_line=True),
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
        hidden(1, "impasto_identity"),
        hidden(1, "impasto_job"),
        hidden(1, "impasto_result"),
        hidden(6, "has_result"),
        hidden(6, "has_preview"),
    ]  # fmt: skip
