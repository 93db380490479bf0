from __future__ import annotations

import json
import math

from impasto.cli.events import finished_line, line
from impasto.client import FrameDone, FrameFailed, JobPlanned, StateChanged, Warned


def test_an_event_is_one_line_with_schema_type_job_and_number() -> None:
    text = line(FrameDone(job="jobs/1", number=7, frame=1003, path="out/é 1003.exr", figures={"share": 0.5}))
    assert "\n" not in text
    assert json.loads(text) == {
        "schema": 1,
        "type": "frame_done",
        "job": "jobs/1",
        "number": 7,
        "frame": 1003,
        "view": "",
        "path": "out/é 1003.exr",
        "sha256": "",
        "figures": {"share": 0.5},
        "grade": "",
        "reasons": [],
    }


def test_types_have_the_names_that_the_guide_tells() -> None:
    events = [
        StateChanged(state="running"),
        FrameFailed(frame=1),
        Warned(message="Look."),
        JobPlanned(digest="d", shot="1-2", frames="1", todo="1"),
    ]
    assert [json.loads(line(event))["type"] for event in events] == ["state", "frame_failed", "warning", "planned"]


def test_a_sentence_of_several_lines_stays_on_one() -> None:
    assert "\n" not in line(Warned(message="one\ntwo\u2028three"))


def test_what_json_cannot_hold_becomes_null_or_a_question_mark() -> None:
    text = line(FrameDone(frame=1, path="a\udcff.exr", figures={"a": math.nan, "b": math.inf}))
    assert json.loads(text)["figures"] == {"a": None, "b": None}
    assert json.loads(text)["path"] == "a?.exr"
    text.encode("utf-8")


def test_the_last_line_holds_the_exit_code() -> None:
    assert json.loads(finished_line(4, "FRAMES_FAILED", "Frame 5 failed."))["exit"] == 4
