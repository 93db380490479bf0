"""Shots of a thousand frames, and renders that are killed and cut up: `make soak`."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from impasto.sequences import format_frames
from impasto.server import plates

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

CACHE_MIB = 256
STYLE = ("--style", "oils", "--look", "impasto", "--style-scale", "4")  # a small canvas, so that it is quick


def write_shot(folder: Path, count: int, width: int, height: int) -> Path:
    """Noise that pans behind a disc of other noise that crosses it, under a light that swells and fades."""
    folder.mkdir()
    rng = np.random.default_rng(7)
    back, front = (
        cv2.GaussianBlur(rng.random((height + 40, width + 256, 3)).astype(np.float32), (0, 0), 1.5) for _ in range(2)
    )
    row, column = np.mgrid[:height, :width]
    window = plates.Window(0, 0, width, height)
    for place in range(count):
        x = abs((2 * place) % 400 - 200)
        picture = back[20 : 20 + height, x : x + width].copy()
        centre = (3 * place) % (width + 60) - 30
        disc = (row - height / 2) ** 2 + (column - centre) ** 2 < (height / 4) ** 2
        shift = -centre % 128
        picture[disc] = (0.7 * front[:height, shift : shift + width])[disc]
        light = (picture * (1.0 + 0.3 * np.sin(place / 40))).astype(np.float16)
        channels = {name: np.ascontiguousarray(light[..., c]) for c, name in enumerate("RGB")}
        plates.write(folder / f"p.{1001 + place}.exr", plates.Plate(channels, window, window))
    return folder / "p.####.exr"


class Command:
    """The command in a process of its own; killed after a number of frames where that is asked for."""

    def __init__(self, home: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("IMPASTO_", "OCIO"))}
        self.environment = kept | {"XDG_STATE_HOME": str(home), "IMPASTO_CACHE_BYTES": str(CACHE_MIB << 20)}

    def __call__(self, *arguments: object, cache: Path, kill_after: int | None = None) -> tuple[int, float]:
        """Exit code (-9 where it was killed), and MiB of memory at most."""
        command = [sys.executable, "-m", "impasto.cli", *map(str, arguments), "--events", "json", "--cache", str(cache)]
        process = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE)
        assert process.stdout is not None
        done = 0
        for line in process.stdout:
            done += json.loads(line)["type"] == "frame_done"
            if kill_after is not None and done >= kill_after:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, used.ru_maxrss / 1024


def size(folder: Path) -> float:
    """MiB of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


KINDS: dict[str, Sequence[str]] = {
    "flow": ("flow", "--motion", "dis"),
    "stylize": ("stylize", "--motion", "dis", *STYLE),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_frames_need_hardly_more_memory_than_twenty(
    kind: str, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    shot = write_shot(tmp_path / "in", 1000, 160, 90)
    command, (name, *options) = Command(tmp_path / "home"), KINDS[kind]
    peak = {}
    for count in (20, 1000):
        out, cache, began = tmp_path / f"out{count}", tmp_path / f"cache{count}", time.monotonic()
        frames = f"1001-{1000 + count}"
        code, peak[count] = command(
            name, shot, "--shot", frames, "--frames", frames, *options, "--out", out / "o.####.exr", cache=cache
        )
        assert code == 0
        assert len(list(out.glob("*.exr"))) == count
        tell(
            f"{kind}, {count} frames of 160x90: {peak[count]:.0f} MiB, {time.monotonic() - began:.0f} s, "
            f"cache {size(cache):.0f} MiB of {CACHE_MIB}, frames {size(out):.0f} MiB"
        )
        assert size(cache) < 1.1 * CACHE_MIB
    assert peak[1000] < 1.1 * peak[20] + 50


def parts(frames: Sequence[int], rng: random.Random) -> Iterator[list[int]]:
    """The frames cut at random places, in random order."""
    cuts = sorted(rng.sample(range(1, len(frames)), rng.randint(1, 2)))
    bounds = [0, *cuts, len(frames)]
    pieces = [list(frames[start:end]) for start, end in itertools.pairwise(bounds)]
    rng.shuffle(pieces)
    yield from pieces


@pytest.mark.parametrize("seed", range(3))
def test_killed_between_frames_and_in_any_partition_a_shot_has_the_same_bits(seed: int, tmp_path: Path) -> None:
    rng, frames = random.Random(seed), range(1001, 1007)
    shot = write_shot(tmp_path / "in", len(frames), 64, 48)
    key = tmp_path / "key.png"
    cv2.imwrite(str(key), np.random.default_rng(seed).integers(0, 255, (48, 64, 3), np.uint8))
    looks = (
        STYLE,
        ("--key", f"1004={key}", "--fill", "none"),
        (*STYLE, "--consistency", "0.4"),
    )
    command, look = Command(tmp_path / "home"), looks[seed % len(looks)]

    def paint(wanted: Sequence[int], out: Path, cache: Path, **more: Any) -> int:
        named = (shot, "--frames", format_frames(wanted), "--motion", "dis", "--passes", "all")
        return command("stylize", *named, *look, "--out", out / "o.####.exr", cache=cache, **more)[0]

    assert paint(frames, tmp_path / "whole", tmp_path / "one") == 0
    for piece in parts(frames, rng):
        kept = tmp_path / (f"cache {rng.random()}" if rng.random() < 0.3 else "two")
        after = rng.randint(1, len(piece))
        assert paint(piece, tmp_path / "cut", kept, kill_after=after) in (0, -signal.SIGKILL)
        assert paint(piece, tmp_path / "cut", kept) == 0
    whole, cut = (sorted((tmp_path / name).glob("*.exr")) for name in ("whole", "cut"))
    assert [path.name for path in whole] == [path.name for path in cut]
    for one, other in zip(whole, cut, strict=True):
        first, second = plates.read(one), plates.read(other)
        assert set(first.channels) == set(second.channels)
        assert all(first.channels[name].tobytes() == second.channels[name].tobytes() for name in first.channels)
