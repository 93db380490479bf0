"""Frames in between by the command: originals bit for bit, every layer along, one sentence for what cannot be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from impasto.server import plates

WIDTH, HEIGHT = 48, 32
Command = Callable[..., Any]
Pixels = dict[str, Any]


def texture(shift: float, seed: int = 1) -> Any:
    """A smooth texture moved `shift` pixels to the right, (H, W)."""
    column, row = np.arange(WIDTH) - shift, np.arange(HEIGHT)[:, None]
    return 0.4 + 0.2 * np.sin(column / 3 + seed) * np.cos(row / 4 + seed) + 0.15 * np.sin(column / 7 + row / 5)


def channels(frame: int) -> Pixels:
    """A ground that pans 2 pixels a frame, HDR and negative in places, with alpha, depth, an id and its motion."""
    shift = 2.0 * (frame - 1001)
    light = texture(shift)
    hot = np.exp(-((np.arange(WIDTH) - 10 - shift) ** 2 + (np.arange(HEIGHT)[:, None] - 16) ** 2) / 8)
    colours = {name: light + 30 * hot - 0.3 * (name == "B") for name in "RGB"}
    made = {name: np.float16(values) for name, values in colours.items()}
    made["A"] = np.float16(np.clip(texture(shift, 3), 0, 1))
    made["depth.Z"] = np.float32(np.where(np.arange(WIDTH) + 0 * light > 30, np.inf, 7.0))
    made["id"] = np.uint32(np.round((np.arange(WIDTH) - shift) // 8 + 100) + 0 * light)
    made["forward.u"] = np.full((HEIGHT, WIDTH), 2, np.float32)
    made["forward.v"] = np.zeros((HEIGHT, WIDTH), np.float32)
    made["backward.u"], made["backward.v"] = -made["forward.u"], made["forward.v"]
    return made


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    window = plates.Window(0, 0, WIDTH, HEIGHT)
    for frame in range(1001, 1006):
        plates.write(tmp_path / "in" / f"plate.{frame}.exr", plates.Plate(channels(frame), window, window))
    return tmp_path / "in" / "plate.####.exr"


def read(path: Path) -> Pixels:
    return dict(plates.read(path).channels)


def numbers(folder: Path) -> list[int]:
    return sorted(int(path.name.split(".")[1]) for path in folder.glob("*.exr"))


def test_every_layer_follows_and_originals_keep_their_bits(impasto: Command, shot: Path, tmp_path: Path):
    out = tmp_path / "out"
    ended = impasto("interpolate", shot, "--speed", "0.5", "--motion", "plate", "--out", out / "x.####.exr")
    assert ended.code == 0
    assert numbers(out) == list(range(1001, 1010))
    for frame, source in ((1001, 1001), (1005, 1003), (1009, 1005)):
        before, after = read(shot.parent / f"plate.{source}.exr"), read(out / f"x.{frame}.exr")
        assert set(after) == set(before)
        for name in set(before) - {"forward.u", "backward.u"}:
            assert after[name].tobytes() == before[name].tobytes(), name
    middle, true = read(out / "x.1004.exr"), channels(1001)
    inner = (slice(4, -4), slice(10, -10))
    for name, exact in (("R", texture(3.0)), ("A", np.clip(texture(3.0, 3), 0, 1))):
        assert middle[name].dtype == np.float16
        near = np.abs(middle[name].astype(np.float32) - exact)[inner]
        assert np.median(near) < 0.01
    assert middle["R"].max() > 25, "highlights are not clamped"
    assert middle["B"].min() < 0, "nor negatives"
    assert set(np.unique(middle["id"])) <= set(np.unique(true["id"])) | set(np.unique(channels(1003)["id"]))
    assert np.isinf(middle["depth.Z"]).any()
    assert not np.isnan(middle["depth.Z"]).any()
    for frame in (1003, 1004):
        assert np.allclose(read(out / f"x.{frame}.exr")["forward.u"][inner], 1.0, atol=1e-3), "half the spacing"
        assert np.allclose(read(out / f"x.{frame}.exr")["backward.u"][inner], -1.0, atol=1e-3)
    done = [event for event in ended.events if event["type"] == "frame_done"]
    assert [event["figures"]["time"] for event in done] == [1001 + step / 2 for step in range(9)]
    assert any("splat: frames 1002-1008x2" in event["message"] for event in ended.events if event["type"] == "warning")


def test_frames_do_not_depend_on_which_others_were_asked_for(impasto: Command, shot: Path, tmp_path: Path):
    made = {}
    for name, frames in (("all", "1001-1013"), ("some", "1006,1009")):
        cache = tmp_path / f"cache-{name}"
        ended = impasto(
            "interpolate", shot, "--factor", "3", "--frames", frames, "--out", tmp_path / name / "x.####.exr",
            cache=cache,
        )  # fmt: skip
        assert ended.code == 0
        shutil.rmtree(cache)
        made[name] = {
            number: {n: pixels.tobytes() for n, pixels in read(tmp_path / name / f"x.{number}.exr").items()}
            for number in numbers(tmp_path / name)
        }
    assert made["some"] == {number: made["all"][number] for number in (1006, 1009)}


def test_missing_and_repeated_frames_are_made_anew(impasto: Command, shot: Path, tmp_path: Path):
    shutil.copy(shot.parent / "plate.1001.exr", shot.parent / "plate.1002.exr")
    (shot.parent / "plate.1004.exr").unlink()
    ended = impasto("interpolate", shot, "--repair", "--motion", "plate", "--out", tmp_path / "out" / "x.####.exr")
    assert ended.code == 0
    assert numbers(tmp_path / "out") == list(range(1001, 1006))
    inner = (slice(4, -4), slice(12, -12))
    for frame in (1002, 1004):
        made = read(tmp_path / "out" / f"x.{frame}.exr")["R"].astype(np.float32)
        assert np.median(np.abs(made - texture(2.0 * (frame - 1001)))[inner]) < 0.02


def test_what_needs_a_missing_frame_fails_alone_and_says_the_cure(impasto: Command, shot: Path, tmp_path: Path):
    (shot.parent / "plate.1003.exr").unlink()
    ended = impasto(
        "interpolate", shot, "--at", "1001.5,1002.5,1004.5", "--out-first", "1", "--out", tmp_path / "out" / "x.#.exr"
    )
    assert ended.code == 4
    assert list(ended.failed()) == [2]
    assert "--repair" in ended.failed()[2]
    assert numbers(tmp_path / "out") == [1, 3]


def test_a_cut_is_never_blended(impasto: Command, shot: Path, tmp_path: Path):
    window = plates.Window(0, 0, WIDTH, HEIGHT)
    random = np.random.default_rng(5)
    for frame in (1004, 1005):
        other = {name: np.float16(random.random((HEIGHT, WIDTH))) for name in "RGB"}
        plates.write(shot.parent / f"plate.{frame}.exr", plates.Plate(channels(frame) | other, window, window))
    for cuts, source in (("hold", 1003), ("nearest", 1004)):
        ended = impasto(
            "interpolate", shot, "--at", "1003.75", "--at-cuts", cuts, "--out", tmp_path / cuts / "x.####.exr"
        )
        assert ended.code == 0
        made, held = read(tmp_path / cuts / "x.1001.exr"), read(shot.parent / f"plate.{source}.exr")
        assert all(made[name].tobytes() == held[name].tobytes() for name in "RGB")
    for cuts, is_held in (("none", False), ("cuts.txt", True)):
        (shot.parent / "cuts.txt").write_text("1002\n")  # one the pictures do not tell
        told = shot.parent / cuts if cuts.endswith("txt") else cuts
        at = ("--at", "1001.5" if is_held else "1003.75", "--out", tmp_path / cuts / "x.####.exr")
        assert impasto("interpolate", shot, *at, "--cuts", told).code == 0
        made = read(tmp_path / cuts / "x.1001.exr")
        held = read(shot.parent / f"plate.{1001 if is_held else 1003}.exr")
        assert all((made[name].tobytes() == held[name].tobytes()) is is_held for name in "RGB")
    ended = impasto("interpolate", shot, "--at", "1003.75", "--cuts", "hold", "--out", tmp_path / "x.####.exr")
    assert ended.code == 2, "what is shown at cuts is --at-cuts"


def test_paint_is_carried_and_never_cross_faded(impasto: Command, shot: Path, tmp_path: Path):
    """The painted texture swims against the plate: mixed over time it would double, carried it stays as it was."""
    window = plates.Window(0, 0, WIDTH, HEIGHT)
    for frame in range(1001, 1006):
        stripes = np.float32(0.5 + 0.5 * np.sign(np.sin(np.arange(WIDTH) * 0.7 + frame * 2.1 + 0 * texture(0))))
        painted = dict.fromkeys("RGB", stripes)
        plates.write(tmp_path / "in" / f"painted.{frame}.exr", plates.Plate(painted, window, window))
    ended = impasto(
        "interpolate", shot, "--at", "1002.25,1002.75", "--paint", shot.parent / "painted.####.exr",
        "--motion", "plate", "--out", tmp_path / "out" / "x.####.exr",
    )  # fmt: skip
    assert ended.code == 0
    for number, source, shift in ((1001, 1002, 0.5), (1002, 1003, -0.5)):
        made = read(tmp_path / "out" / f"x.{number}.exr")["R"].astype(np.float32)
        own = read(shot.parent / f"painted.{source}.exr")["R"].astype(np.float32)
        moved = own[:, 8:-8] + shift * (own[:, 7:-9] - own[:, 8:-8] if shift > 0 else own[:, 8:-8] - own[:, 9:-7])
        inner = np.abs(made[4:-4, 8:-8] - moved[4:-4])
        assert np.median(inner) < 0.05, "the nearer frame's paint, moved by the plate's motion"


def test_a_time_outside_the_shot_is_refused_before_any_work(impasto: Command, shot: Path, tmp_path: Path):
    ended = impasto("interpolate", shot, "--at", "1009", "--out", tmp_path / "out" / "x.####.exr")
    assert ended.code == 2
    assert "outside the shot 1001-1005" in ended.error
    assert not (tmp_path / "out").exists()


def test_frames_of_different_sizes_are_refused(impasto: Command, shot: Path, tmp_path: Path):
    window = plates.Window(0, 0, 8, 8)
    plates.write(
        shot.parent / "plate.1003.exr", plates.Plate(dict.fromkeys("RGB", np.zeros((8, 8), np.float16)), window, window)
    )
    ended = impasto("interpolate", shot, "--factor", "2", "--out", tmp_path / "out" / "x.####.exr")
    assert ended.code == 2
    assert ended.events[-1]["reason"] == "FORMAT_CHANGES"


def test_sheet_and_preview_show_what_was_made_between_its_neighbours(impasto: Command, shot: Path, tmp_path: Path):
    sheet, preview = tmp_path / "sheet.png", tmp_path / "preview.mp4"
    asked = ("interpolate", shot, "--speed", "0.5", "--motion", "plate", "--out", tmp_path / "out" / "x.####.exr")
    impasto(*asked)
    again = impasto(*asked, "--sheet", sheet, "--preview", preview)
    assert sum(event["type"] == "frame_skipped" for event in again.events) == 9
    drawn = cv2.imread(str(sheet))
    assert drawn.shape[1] == 8 + 3 * (WIDTH + 8)  # before, made, after
    assert drawn.shape[0] == 8 + 28 + 4 * (HEIGHT + 8)  # the frames that are none of the plate's
    below = slice(36 + 25, 36 + HEIGHT)  # the label
    before, made, after = (drawn[below, 8 + x * (WIDTH + 8) :][:, 4 : WIDTH - 4].astype(float) for x in range(3))
    moved = np.abs(before - after).mean()
    assert np.abs(before - made).mean() < 0.8 * moved
    assert np.abs(made - after).mean() < 0.8 * moved
    with av.open(str(preview)) as video:
        assert sum(1 for _ in video.decode(video=0)) == 9


@pytest.fixture
def crossing(tmp_path: Path) -> Path:
    """Two bars that change places, their motion, and inverse depth that makes the brighter one the nearer."""
    (tmp_path / "crossing").mkdir()
    window = plates.Window(0, 0, WIDTH, HEIGHT)
    for frame, (bright, dim) in ((1, (1, 3)), (2, (3, 1))):
        strip = np.arange(WIDTH) // 8 + np.zeros((HEIGHT, 1), int)
        light = np.float32(np.select([strip == bright, strip == dim], [1.0, 0.5], 0.1))
        step = np.float32(np.select([strip == 1, strip == 3], [16.0, -16.0], 0.0))
        made: Pixels = {**dict.fromkeys("RGB", light), "inverse.Z": light}
        for layer in ("forward", "backward"):
            made[f"{layer}.u"], made[f"{layer}.v"] = step, np.zeros_like(step)
        plates.write(tmp_path / "crossing" / f"p.{frame:04d}.exr", plates.Plate(made, window, window))
    return tmp_path / "crossing" / "p.####.exr"


def test_a_layer_of_depth_says_what_passes_in_front(impasto: Command, crossing: Path, tmp_path: Path):
    def where_they_meet(name: str, *depth: str) -> float:
        out = tmp_path / name / "x.####.exr"
        assert impasto("interpolate", crossing, "--at", "1.5", "--motion", "plate", "--out", out, *depth).code == 0
        return float(read(out.parent / "x.0001.exr")["G"][:, 17:23].mean())

    assert where_they_meet("near", "--depth", "inverse.Z,near=high") > 0.9
    assert where_they_meet("far", "--depth", "inverse.Z") < 0.6
    gone = impasto("interpolate", crossing, "--at", "1.5", "--out", tmp_path / "o.####.exr", "--depth", "deep.Z")
    assert gone.code == 2
    assert "it has" in gone.error
    assert "inverse.Z" in gone.error
