"""What the command says of its options, an artist reads of the knobs."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from impasto.nuke import events
from impasto.nuke.wording import LABELS, for_artists

PROJECT = Path(__file__).parents[2]
OPTION = re.compile(r"--[a-z]+(?:-[a-z]+)*")

WITHOUT_A_KNOB = {
    "--accept-licence", "--at", "--cache", "--compile", "--factor", "--fail-on", "--family", "--listen",
    "--metrics", "--out-colour", "--overwrite", "--passes", "--quality", "--state",
}  # fmt: skip
"""Options that sentences name and no node has."""


def options_named() -> Iterator[str]:
    """Options in the sentences of server and client."""
    for folder in ("server/impasto/server", "nuke_plugin/impasto/client"):
        for path in (PROJECT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call | ast.Raise):
                    for part in ast.walk(node):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str):
                            yield from OPTION.findall(part.value)


def test_sentences_name_the_knob_and_leave_what_no_node_has() -> None:
    said = "Frame 9 is wanted but is not in the shot 1-5; widen --shot or change --frames."
    assert for_artists(said) == "Frame 9 is wanted but is not in the shot 1-5; widen 'shot' or change 'frames'."
    assert for_artists("say --scale-keys, or paint at its size") == "say 'scale keys', or paint at its size"
    assert for_artists("leave out --quality none") == "leave out --quality none"
    assert for_artists("a--shot --shots /a/b--out") == "a--shot --shots /a/b--out"


def test_an_event_that_is_read_speaks_of_knobs() -> None:
    line = json.dumps({"schema": 1, "type": "warning", "message": "It may need 9 GiB; raise --memory."})
    event = events.read(line)
    assert event is not None
    assert event["message"] == "It may need 9 GiB; raise 'memory'."


def test_every_label_is_one_of_a_knob() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "gizmos").glob("*.gizmo"))
    labels = {quoted or plain for quoted, plain in re.findall(r'addUserKnob \{\d+ \w+ l (?:"([^"]*)"|(\w+))', text)}
    assert set(LABELS.values()) <= labels


def test_every_option_that_a_sentence_names_has_a_knob_or_is_known_to_have_none() -> None:
    named = set(options_named())
    assert not named - LABELS.keys() - WITHOUT_A_KNOB, "say in wording.py which knob does what the option does"
    assert not WITHOUT_A_KNOB - named
