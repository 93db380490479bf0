"""What the buttons do. Each is one step of undo, leaves the selection alone, and ends with at most one dialog."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from subprocess import DEVNULL, Popen

import nuke
from impasto.nuke import catalogue, following, ranges, staleness
from impasto.nuke.errors import FAILED, NodeError
from impasto.nuke.following import Sending
from impasto.nuke.inside import asking, knobs, rendering, saying, showing


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
    """Paint the current frame alone, at preview size."""
    rendering.start(node, asking.preview_wish(node))


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


def show_files(node: nuke.Node) -> None:
    """Open the folder of the result in the system's browser."""
    directory = asking.place(node, False).directory
    opener = {"win32": "explorer", "darwin": "open"}.get(sys.platform, "xdg-open")
    try:
        Popen([opener, directory], stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
    except OSError as error:
        raise NodeError(f"The folder cannot be opened with {opener}; it is {directory}.", FAILED) from error


def check(node: nuke.Node) -> None:
    """Judge the result now, and say so in label and colour."""
    judged = showing.judge(node)
    with knobs.one_step("Check result"):
        showing.tell_judgement(node, judged)
    if nuke.GUI and judged.state != staleness.FRESH:
        nuke.message(f"{node.fullName()} is {judged.state}: {judged.because}.")


def doctor(node: nuke.Node) -> None:
    """Ask the command whether all is there, bring the menus up to date, and say what was found."""
    name, server = node.fullName(), knobs.text(node, "server")
    sending = rendering.sending_of(server, asking.place(node, False))

    def work() -> None:
        menus = None
        try:
            words = _findings(following.listen(sending, "doctor", "--json"))
            menus = _menus(sending)
        except NodeError as error:
            words = str(error)
        except Exception as error:  # an answer that is not understood must still reach the artist
            words = f"The impasto command's answer is not understood: {error!r}"
        nuke.executeInMainThread(_tell_health, args=(name, words, menus))

    if nuke.GUI:
        threading.Thread(target=work, name="impasto-doctor", daemon=True).start()
    else:
        saying.say(_findings(following.listen(sending, "doctor", "--json")))


def _menus(sending: Sending) -> dict[str, list[str]]:
    told = catalogue.read(following.listen(sending, "nuke", "catalogue"))
    return {"look": catalogue.looks(told), "motion": catalogue.motions(told)}


def _findings(text: str) -> str:
    told = json.loads(text)
    lines = []
    for finding in told["findings"]:
        cure = f"\n    {finding['cure']}" if finding["cure"] else ""
        lines.append(f"{finding['state']}: {finding['name']}: {finding['found']}{cure}")
    return "\n".join(lines)


def _tell_health(name: str, words: str, menus: dict[str, list[str]] | None) -> None:
    node = knobs.find(name)
    if node is not None and menus is not None:
        for menu, entries in menus.items():
            _offer(node.knob(menu), entries)
    if nuke.GUI:
        nuke.message(words)


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
    told = knobs.text(node, "keys")
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
    "key_add": add_key,
    "key_remove": remove_key,
    "key_previous": previous_key,
    "key_next": next_key,
}
"""By the names the nodes' buttons use."""
