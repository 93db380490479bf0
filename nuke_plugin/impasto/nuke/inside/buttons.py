"""What the buttons do. Each is one step of undo, leaves the selection alone, and ends with at most one dialog."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from subprocess import DEVNULL, Popen
from typing import Any

import nuke
from impasto.nuke import catalogue, following, ranges, staleness
from impasto.nuke.errors import FAILED, NodeError
from impasto.nuke.inside import asking, knobs, rendering, saying, showing, turns
from impasto.nuke.inside.turns import Steps
from impasto.nuke.staleness import Judgement
from impasto.nuke.wishes import STYLES


def press(button: str) -> None:
    """Do what a button of `nuke.thisNode()` promises.

    Args:
        button: one of `BUTTONS`.
    """
    node = nuke.thisNode()
    try:
        BUTTONS[button](node)
    except NodeError as error:
        if not nuke.GUI:
            raise
        saying.tell(error)


def render(node: nuke.Node) -> None:
    """Render the frames asked for; without windows, wait for them."""
    if nuke.GUI:
        rendering.start(node, asking.wish(node))
    else:
        from impasto.nuke.inside import batch

        batch.render_frames(node)


def preview(node: nuke.Node) -> None:
    """Paint the current frame alone, at preview size, and then as it is in the shot, where motion is there already."""
    rendering.start(node, asking.wish_alone(node))


def add_key(node: nuke.Node) -> None:
    """Take the current frame into the list of keys."""
    _change_keys(node, "Add key", lambda keys: keys | {int(nuke.frame())})


def remove_key(node: nuke.Node) -> None:
    """Take the current frame out of the list of keys."""
    _change_keys(node, "Remove key", lambda keys: keys - {int(nuke.frame())})


def previous_key(node: nuke.Node) -> None:
    """Go to the nearest key before the current frame."""
    before = [key for key in _keys(node) if key < nuke.frame()]
    if before:
        nuke.frame(max(before))


def next_key(node: nuke.Node) -> None:
    """Go to the nearest key after the current frame."""
    after = [key for key in _keys(node) if key > nuke.frame()]
    if after:
        nuke.frame(min(after))


def take_current(node: nuke.Node) -> None:
    """Make the current frame the key frame."""
    with knobs.one_step("Take current frame"):
        knobs.put(node, "key_frame", int(nuke.frame()))


def give_keys(node: nuke.Node) -> None:
    """Put the frames picked into the StyleTransfer node that is named, or else the one there is."""
    picked, name = _keys(node), knobs.text(node, "give_to")
    if not picked:
        raise NodeError(f"{node.fullName()} has picked no frames yet; press Pick keys.")

    def steps() -> Steps[None]:
        every = yield from turns.listed(knobs.every_node(nuke.root()))
        found = yield from turns.listed(other for other in every if knobs.kind(other) == "StyleTransfer")
        fitting = [other for other in found if not name or name in (other.fullName(), other.name())]
        if len(fitting) != 1:
            here = ", ".join(other.fullName() for other in found) or "none"
            raise NodeError(f"Name the StyleTransfer node that gets the keys in 'give to'; found: {here}.")
        with knobs.one_step("Give keys"):
            knobs.put(fitting[0], "keys", ranges.write(_keys(fitting[0]) | picked))

    turns.begin(steps(), saying.tell_ended)


def show_files(node: nuke.Node) -> None:
    """Open the folder of the result in the system's browser."""
    directory = asking.place(node, False).directory

    def steps() -> Steps[None]:
        yield lambda: _open(directory)

    turns.begin(steps(), saying.tell_ended)


def check(node: nuke.Node) -> None:
    """Judge the result now, and say so in label and colour."""
    name = node.fullName()

    def judged(judgement: Judgement | None, error: NodeError | None) -> None:
        found = knobs.find(name)
        if judgement is None or found is None:
            saying.tell_ended(None, error)
            return
        with knobs.one_step("Check result"):
            showing.tell_judgement(found, judgement)
        if judgement.state != staleness.FRESH:
            saying.tell_words(f"{name} is {judgement.state}: {judgement.because}.")

    turns.begin(showing.judge(node), judged)


def doctor(node: nuke.Node) -> None:
    """Ask the command whether all is there, bring the menus up to date, and say what was found."""
    name, sending = node.fullName(), rendering.sending_of(node)

    def steps() -> Steps[str]:
        words = yield lambda: _findings(following.listen(sending, "doctor", "--json"))
        told = yield lambda: catalogue.read(following.listen(sending, "nuke", "catalogue"))
        again = knobs.find(name)
        if again is not None:
            yield from _renew(again, told)
        return str(words)

    def told(words: str | None, error: NodeError | None) -> None:
        saying.tell_ended(None, error)
        if words is not None:
            saying.tell_words(words)

    turns.begin(steps(), told)


def _open(directory: str) -> None:
    opener = {"win32": "explorer", "darwin": "open"}.get(sys.platform, "xdg-open")
    try:
        Popen([opener, directory], stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
    except OSError as error:
        raise NodeError(f"The folder cannot be opened with {opener}; it is {directory}.", FAILED) from error


def _renew(node: nuke.Node, told: Mapping[str, Any]) -> Steps[None]:
    """Let a node offer what the command has now."""
    for number in range(2, STYLES + 1):
        _offer(node.knob(f"look{number}"), catalogue.more_looks(told))
        yield turns.BREATHE
    _offer(node.knob("look"), catalogue.looks(told))
    _offer(node.knob("motion"), catalogue.motions(told))
    if knobs.kind(node) == "FrameInterpolate":
        _offer(node.knob("model"), catalogue.interpolations(told))
    if node.knob("look_model") is not None:
        _offer(node.knob("look_model"), catalogue.painters(told))
        for model, parameters in catalogue.parameters(told).items():
            for parameter in parameters:
                _add_parameter(node, model, parameter)
                yield turns.BREATHE


def _add_parameter(node: nuke.Node, model: str, parameter: Mapping[str, Any]) -> None:
    """Give a node the knob of a model's parameter, if it has none yet; the last tab takes it."""
    name = catalogue.parameter_knob(model, str(parameter["name"]))
    if node.knob(name) is not None:
        return
    made = nuke.Double_Knob(name, str(parameter["name"]).replace("_", " "))
    made.setRange(float(parameter["minimum"]), float(parameter["maximum"]))
    made.setTooltip(str(parameter["help"]))
    made.setDefaultValue([float(parameter["default"])])
    made.setValue(float(parameter["default"]))
    node.addKnob(made)
    made.setVisible(knobs.text(node, "look_model") == model)


def _findings(text: str) -> str:
    try:
        told = json.loads(text)
    except ValueError as error:
        raise NodeError(f"The impasto command's answer is not understood: {text[:200]!r}.", FAILED) from error
    lines = []
    for finding in told["findings"]:
        cure = f"\n    {finding['cure']}" if finding["cure"] else ""
        lines.append(f"{finding['state']}: {finding['name']}: {finding['found']}{cure}")
    return "\n".join(lines)


def _offer(menu: nuke.Knob | None, entries: list[str]) -> None:
    """Let a menu offer these entries; the one chosen stays, also if it is offered no more."""
    if not isinstance(menu, nuke.Enumeration_Knob):
        return
    chosen = str(menu.value())
    offered = entries if chosen in entries else [*entries, chosen]
    if list(menu.values()) != offered:
        menu.setValues(offered)
        menu.setValue(chosen)


def _keys(node: nuke.Node) -> set[int]:
    told = knobs.text(node, "picked" if knobs.kind(node) == "KeyPicker" else "keys")
    return set(ranges.parse(told)) if told else set()


def _change_keys(node: nuke.Node, step: str, change: Callable[[set[int]], set[int]]) -> None:
    before = _keys(node)
    with knobs.one_step(step):
        knobs.put(node, "keys", ranges.write(change(before)))


BUTTONS: dict[str, Callable[[nuke.Node], None]] = {
    "render": render,
    "preview": preview,
    "cancel": rendering.cancel,
    "reattach": rendering.reattach,
    "show_files": show_files,
    "check": check,
    "doctor": doctor,
    "take_current": take_current,
    "give_keys": give_keys,
    "key_add": add_key,
    "key_remove": remove_key,
    "key_previous": previous_key,
    "key_next": next_key,
}
"""By the names the nodes' buttons use."""
