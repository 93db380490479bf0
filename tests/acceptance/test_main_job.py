"""The main job on a piece of the example shot: nothing is lost, and a frame's bits depend on nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from impasto.server import plates

EXAMPLE = Path(__file__).parents[2] / "examples" / "shot"
WIDTH, HEIGHT = 112, 72
PASSES = {
    "forward.u", "forward.v", "backward.u", "backward.v", "occlusion.next", "occlusion.prev", "occlusion.cause",
    "confidence.next", "confidence.prev", "source.x", "source.y", "source.frame", "source.kind",
}  # fmt: skip
Command = Callable[..., Any]


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """Six frames cut out of the example shot, the third painted."""
    (tmp_path / "in").mkdir()
    window = plates.Window(0, 0, WIDTH, HEIGHT)
    for frame in range(1001, 1007):
        whole = plates.read(EXAMPLE / f"plate.{frame}.exr")
        cut = {name: np.ascontiguousarray(c[180 : 180 + HEIGHT, 60 : 60 + WIDTH]) for name, c in whole.channels.items()}
        cut["A"] = np.linspace(0.2, 1, WIDTH * HEIGHT, dtype=np.float16).reshape(HEIGHT, WIDTH)
        cut["id"] = np.arange(WIDTH * HEIGHT, dtype=np.uint32).reshape(HEIGHT, WIDTH)
        attributes = {**whole.attributes, "shotName": "a piece"}
        plates.write(tmp_path / "in" / f"plate.{frame}.exr", plates.Plate(cut, window, window, attributes))
    key = cv2.imread(str(EXAMPLE / "key.1006.png"))[180 : 180 + HEIGHT, 60 : 60 + WIDTH]
    cv2.imwrite(str(tmp_path / "in" / "key.png"), key)
    cv2.imwrite(str(tmp_path / "in" / "style.png"), cv2.resize(cv2.imread(str(EXAMPLE / "style.png")), (120, 80)))
    return tmp_path / "in" / "plate.####.exr"


REVIEW = ["quality.csv", "quality.json"]
"""Gathered beside the frames of a painted shot."""


def pixels(path: Path) -> dict[str, bytes]:
    """Every channel's bytes."""
    return {name: channel.tobytes() for name, channel in plates.read(path).channels.items()}


def frames(folder: Path) -> dict[int, dict[str, bytes]]:
    return {int(path.name.split(".")[1]): pixels(path) for path in sorted(folder.glob("*.exr"))}


def test_a_key_paints_the_shot_and_all_of_the_plate_survives(impasto: Command, shot: Path, tmp_path: Path):
    out = tmp_path / "out"
    ended = impasto(
        "stylize", shot, "--frames", "1001-1006", "--key", f"1003={shot.parent}/key.png",
        "--out", out / "x.####.exr", "--passes", "all",
    )  # fmt: skip
    assert ended.code == 0
    assert sorted(path.name for path in out.iterdir()) == [*REVIEW, *(f"x.{frame}.exr" for frame in range(1001, 1007))]
    for frame in range(1001, 1007):
        before = plates.read(shot.parent / f"plate.{frame}.exr")
        after = plates.read(out / f"x.{frame}.exr")
        assert set(after.channels) == set(before.channels) | PASSES
        for name in ("A", "id"):
            assert after.channels[name].tobytes() == before.channels[name].tobytes()
            assert after.channels[name].dtype == before.channels[name].dtype
        assert after.channels["R"].dtype == before.channels["R"].dtype
        assert after.attributes["shotName"] == "a piece"
        assert all(np.isfinite(channel).all() for channel in after.channels.values())
    kind = plates.read(out / "x.1003.exr").channels["source.kind"]
    assert (kind == 1).all(), "the key paints its own frame"


def test_strength_0_gives_the_plate_bit_for_bit(impasto: Command, shot: Path, tmp_path: Path):
    out = tmp_path / "out"
    ended = impasto(
        "stylize", shot, "--frames", "1002", "--key", f"1003={shot.parent}/key.png",
        "--out", out / "x.####.exr", "--strength", "0",
    )  # fmt: skip
    assert ended.code == 0
    before, after = pixels(shot.parent / "plate.1002.exr"), pixels(out / "x.1002.exr")
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("look", ["key", "style"])
def test_frames_do_not_depend_on_which_others_were_asked_for(impasto: Command, shot: Path, tmp_path: Path, look: str):
    named = ("--key", f"1003={shot.parent}/key.png") if look == "key" else ("--style", shot.parent / "style.png")
    made = {}
    for name, asked in (("all", "1001-1006"), ("some", "1004-1005"), ("stepped", "1001-1006x2")):
        cache = tmp_path / f"cache-{name}"  # nothing may come from an earlier run
        ended = impasto(
            "stylize", shot, "--frames", asked, *named, "--out", tmp_path / name / "x.####.exr", "--passes", "all",
            cache=cache,
        )  # fmt: skip
        assert ended.code == 0
        made[name] = frames(tmp_path / name)
        shutil.rmtree(cache)
    assert sorted(made["all"]) == list(range(1001, 1007))
    for name in ("some", "stepped"):
        assert made[name]
        assert made[name] == {frame: made["all"][frame] for frame in made[name]}


def test_motion_that_was_written_gives_the_same_bits_when_it_is_fed_back(impasto: Command, shot: Path, tmp_path: Path):
    vectors = tmp_path / "vectors" / "x.####.exr"
    assert impasto("flow", shot, "--frames", "1001-1006", "--out", vectors, "--passes", "all").code == 0
    for name, motion in (("computed", "facets"), ("given", vectors)):
        ended = impasto(
            "stylize", shot, "--frames", "1001,1005", "--key", f"1003={shot.parent}/key.png", "--motion", motion,
            "--out", tmp_path / name / "x.####.exr", "--passes", "all",
        )  # fmt: skip
        assert ended.code == 0
    assert frames(tmp_path / "computed") == frames(tmp_path / "given")


def test_a_second_run_skips_what_an_equal_job_wrote_and_replaces_what_another_did(
    impasto: Command, shot: Path, tmp_path: Path
):
    asked = ("flow", shot, "--frames", "1001-1002", "--out", tmp_path / "out" / "x.####.exr")
    first = impasto(*asked)
    again = impasto(*asked)
    other = impasto(*asked, "--passes", "motion")
    assert [event["frame"] for event in first.events if event["type"] == "frame_done"] == [1001, 1002]
    assert [event["frame"] for event in again.events if event["type"] == "frame_skipped"] == [1001, 1002]
    assert [event["frame"] for event in other.events if event["type"] == "frame_done"] == [1001, 1002]


def test_a_missing_frame_is_bridged_and_ends_in_4(impasto: Command, shot: Path, tmp_path: Path):
    (shot.parent / "plate.1002.exr").unlink()
    ended = impasto(
        "stylize", shot, "--frames", "1001-1003", "--shot", "1001-1006", "--key", f"1003={shot.parent}/key.png",
        "--out", tmp_path / "out" / "x.####.exr",
    )  # fmt: skip
    assert ended.code == 4
    assert list(ended.failed()) == [1002]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [*REVIEW, "x.1001.exr", "x.1003.exr"]
