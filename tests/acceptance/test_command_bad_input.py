"""What goes wrong from outside: one sentence that names the thing, the exit code promised, and nothing half-written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from impasto.sequences import Standing, standing
from impasto.server import plates

Command = Callable[..., Any]


def _write(path: Path, number: int, width: int = 64, height: int = 48) -> None:
    texture = np.random.default_rng(5).random((height, 2 * width, 3)).astype(np.float32)
    texture = sum(np.roll(texture, (y, x), (0, 1)) for y in range(3) for x in range(3)) / 9
    begin = max(width - number, 0)
    window = plates.Window(0, 0, width, height)
    pixels = texture[:, begin : begin + width].astype(np.float16)
    channels = {name: np.ascontiguousarray(pixels[..., place]) for place, name in enumerate("RGB")}
    plates.write(path, plates.Plate(channels, window, window))


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for number in range(4):
        _write(tmp_path / "in" / f"plate.{1001 + number}.exr", number)
    return tmp_path / "in" / "plate.####.exr"


def _made(folder: Path) -> list[int]:
    """Numbers of the whole frames in a folder, which must hold nothing else."""
    paths = sorted(folder.iterdir()) if folder.exists() else []
    for path in paths:
        assert path.suffix == ".exr", f"{path} is left"
        digest = str(plates.read(path).attributes["impasto/job"])
        assert standing(path, digest) is Standing.SAME
    return [int(path.name.split(".")[1]) for path in paths]


@pytest.mark.assets
def test_every_damaged_file_fails_alone_by_name_and_the_frames_between_are_made(impasto, assets, tmp_path) -> None:
    damaged = sorted(path for path in (assets / "exr" / "Damaged").iterdir() if path.is_file())
    (tmp_path / "in").mkdir()
    for number, path in enumerate(damaged):
        _write(tmp_path / "in" / f"plate.{2 * number:04d}.exr", 2 * number)
        shutil.copyfile(path, tmp_path / "in" / f"plate.{2 * number + 1:04d}.exr")
    ended = impasto("flow", tmp_path / "in" / "plate.####.exr", "--out", tmp_path / "out" / "f.####.exr")
    assert ended.code == 4, ended.error
    failed = ended.failed()
    assert sorted(failed) == [2 * number + 1 for number in range(len(damaged))]
    assert all(f"plate.{frame:04d}.exr" in sentence for frame, sentence in failed.items()), failed
    assert _made(tmp_path / "out") == [2 * number for number in range(len(damaged))]


@pytest.mark.parametrize("kind", ["truncated", "text", "empty", "missing"])
def test_a_frame_that_cannot_be_read_fails_alone(impasto, shot, tmp_path, kind) -> None:
    victim = tmp_path / "in" / "plate.1002.exr"
    if kind == "truncated":
        victim.write_bytes(victim.read_bytes()[:-700])
    elif kind == "missing":
        victim.unlink()
    else:
        victim.write_text("these are not pixels\n" if kind == "text" else "")
    ended = impasto("flow", shot, "--frames", "1001-1004", "--out", tmp_path / "out" / "f.####.exr")
    assert ended.code == 4, ended.error
    assert "1002" in ended.error
    assert list(ended.failed()) == [1002]
    assert _made(tmp_path / "out") == [1001, 1003, 1004]


def test_a_shot_of_which_nothing_can_be_read_is_refused(impasto, shot, tmp_path) -> None:
    for path in (tmp_path / "in").iterdir():
        path.write_text("these are not pixels")
    ended = impasto("flow", shot, "--out", tmp_path / "out" / "f.####.exr")
    assert ended.code in (2, 4)
    assert "plate.1001.exr" in ended.error
    assert _made(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--style", "no-such-style"), "no-such-style"),
        (("--style", "gone.png"), "gone.png is not there"),
        (("--style", "text.png"), "text.png"),
        (("--key", "1002=text.png"), "text.png"),
        (("--key", "1002=small.exr"), "small.exr is 32x24 and the plate 64x48"),
        (("--key", "1002=wide.exr"), "wide.exr is 96x48 and the plate 64x48"),
        (("--key", "2002=small.exr"), "The key of frame 2002 is not in the shot"),
        (("--style", "wide.exr", "--motion", "no-such-model"), "no-such-model"),
        (("--style", "wide.exr", "--motion", "gone.####.exr"), "gone.####.exr is there"),
        (("--style", "wide.exr", "--colour", "NoSuchSpace"), "NoSuchSpace"),
        (("--style", "wide.exr", "--device", "cuda:77"), "cuda:77"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(impasto, shot, tmp_path, monkeypatch, arguments, says) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("these are not pixels")
    _write(tmp_path / "small.exr", 0, 32, 24)
    _write(tmp_path / "wide.exr", 0, 96, 48)
    ended = impasto("stylize", shot, *arguments, "--out", tmp_path / "out" / "s.####.exr")
    assert ended.code == 2, ended.error
    assert says in ended.error
    assert not ended.failed()
    assert _made(tmp_path / "out") == []


def test_the_plate_is_never_written_onto(impasto, shot, tmp_path) -> None:
    before = (tmp_path / "in" / "plate.1002.exr").read_bytes()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "f.1002.exr").symlink_to(tmp_path / "in" / "plate.1003.exr")
    (tmp_path / "out" / "g.1002.exr").hardlink_to(tmp_path / "in" / "plate.1003.exr")
    for out in (shot, tmp_path / "out" / "f.####.exr", tmp_path / "out" / "g.####.exr"):
        ended = impasto("flow", shot, "--out", out, "--overwrite")
        assert ended.code == 2
        assert "the job's own plate" in ended.error
    assert (tmp_path / "in" / "plate.1002.exr").read_bytes() == before


def test_what_somebody_else_wrote_is_kept(impasto, shot, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "f.1003.exr").write_text("precious")
    ended = impasto("flow", shot, "--out", tmp_path / "out" / "f.####.exr")
    assert ended.code == 2
    assert "f.1003.exr" in ended.error
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["precious"]


def test_a_folder_that_cannot_be_made_is_refused(impasto, shot, tmp_path) -> None:
    (tmp_path / "file").touch()
    ended = impasto("flow", shot, "--out", tmp_path / "file" / "f.####.exr")
    assert ended.code == 2
    assert f"{tmp_path / 'file'} is a file" in ended.error


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that may not be written to")
def test_a_folder_that_may_not_be_written_to_is_refused(impasto, shot, tmp_path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    ended = impasto("flow", shot, "--out", tmp_path / "closed" / "f.####.exr")
    assert ended.code == 2
    assert "cannot be written to" in ended.error


def test_a_full_disk_ends_the_job_and_keeps_whole_frames_alone(impasto, tmp_path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for number in range(3):
        _write(tmp_path / "in" / f"plate.{1001 + number}.exr", number, 320, 180)
    # A file system of our own that holds one frame; what is left on it is told by the shell before it goes away.
    room = f"mount -t tmpfs -o size=1500k none {tmp_path}/out"
    if subprocess.run(["unshare", "-rm", "sh", "-c", room], capture_output=True, check=False).returncode != 0:
        pytest.skip("this system lets nobody mount a small disk of their own")
    shot = tmp_path / "in" / "plate.####.exr"
    listing = tmp_path / "listing"
    wrapper = (
        "unshare",
        "-rm",
        "sh",
        "-c",
        f'{room}; "$@"; code=$?; ls -A {tmp_path}/out > {listing}; exit $code',
        "sh",
    )
    ended = impasto("flow", shot, "--out", tmp_path / "out" / "f.####.exr", inside=wrapper)
    assert ended.code == 1, ended.error
    assert ended.events[-1]["reason"] in ("DISK_FULL", "NO_ROOM")
    assert "f.100" in ended.error
    done = [event["frame"] for event in ended.events if event["type"] == "frame_done"]
    assert listing.read_text().split() == [f"f.{frame}.exr" for frame in done]
