"""Which frames to paint, and where the paint of one goes, as a shell would ask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from impasto.server import plates
from impasto.server.jobs.inputs.source import Frames, PlateShot
from impasto.server.models.flow.dis import MODEL as DIS
from impasto.server.ops.threads import fixed_threads
from impasto.server.ops.warp import sample
from impasto.server.shots.analysis import analyse
from impasto.server.shots.births import Birth, Births, fetch
from impasto.server.shots.chains import Stage
from impasto.server.shots.keyed import KeyChain
from impasto.server.shots.keys import Key
from impasto.server.shots.motion import ComputedMotion

EXAMPLE = Path(__file__).parents[2] / "examples" / "shot"
WIDTH, HEIGHT = 112, 72
FRAMES = tuple(range(1001, 1007))
Command = Callable[..., Any]


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """Six frames cut out of the example shot; the data window is larger than the format on every side."""
    (tmp_path / "in").mkdir()
    window = plates.Window(-6, -4, WIDTH - 6, HEIGHT - 4)
    for frame in FRAMES:
        whole = plates.read(EXAMPLE / f"plate.{frame}.exr")
        cut = {name: np.ascontiguousarray(c[180 : 180 + HEIGHT, 60 : 60 + WIDTH]) for name, c in whole.channels.items()}
        plate = plates.Plate(cut, window, plates.Window(0, 0, WIDTH - 12, HEIGHT - 8), whole.attributes)
        plates.write(tmp_path / "in" / f"plate.{frame}.exr", plate)
    return tmp_path / "in" / "plate.####.exr"


class Nobody:
    def check(self) -> None: ...

    def stage(self, name: str, frame: int) -> None: ...

    def warn(self, message: str) -> None: ...


class Memory(dict[str, Any]):
    def load(self, key: str) -> Any:
        return self.get(key)

    def save(self, key: str, arrays: Any) -> None:
        self[key] = {name: np.array(array) for name, array in arrays.items()}


def carried(folder: Path, key: int, frame: int, paint: torch.Tensor) -> torch.Tensor:
    """What the engine fetches of a key's paint, bilinearly, without relighting and seams: (C, H, W)."""
    paths = {number: folder / f"plate.{number}.exr" for number in FRAMES}
    frames = Frames(
        FRAMES,
        lambda n: plates.read(paths[n]),
        lambda n: plates.read_header(paths[n]),
        {n: str(n) for n in FRAMES},
    )
    header = plates.read_header(paths[key])
    colour = plates.ColourSpace.resolve("", header)
    shot, store, watch = PlateShot(frames, "", header.data_window, colour, print), Memory(), Nobody()
    analysis = analyse(shot, store, watch)
    shaper = plates.Shaper(analysis.exposure)
    motion = ComputedMotion(shot, DIS.build(grain=analysis.grain), "dis", shaper, analysis.grain, store, watch)
    with fixed_threads():
        stage = Stage(shot, motion, shaper, store, watch)
        one = torch.ones(1, 1, shot.height, shot.width)
        here = KeyChain(stage, Key(key, shot.picture(key), one, 1.0, None, "the plate itself")).map(frame)
        births = Births(store, lambda n: f"paint {n}", lambda n: None, shaper, shot.height, shot.width, 1)
        births.keep(key, Birth(paint, one, one), one > 0)
        return fetch(here, births, stage.recall).soft[0]


def test_an_stmap_applied_with_plain_bilinear_sampling_is_the_carried_key(impasto: Command, shot: Path, tmp_path: Path):
    ended = impasto(
        "stmap", shot, "--key", "1003", "--frames", "1001,1006", "--motion", "dis", "--out", tmp_path / "o/x.####.exr"
    )
    assert ended.code == 0
    paint = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(3))
    for frame in (1001, 1006):
        made = plates.read(tmp_path / f"o/x.{frame}.exr")
        before = plates.read(shot.parent / f"plate.{frame}.exr")
        assert set(made.channels) == {*before.channels, "stmap.u", "stmap.v", "coverage.a"}
        assert all(made.channels[name].tobytes() == channel.tobytes() for name, channel in before.channels.items())
        u, v, coverage = (made.channels[name] for name in ("stmap.u", "stmap.v", "coverage.a"))
        assert (u.dtype, v.dtype) == (np.float32, np.float32)
        assert np.isfinite(u).all()
        assert np.isfinite(v).all()
        size = made.display_window
        # Nuke: 0..1 over the format from its lower left, the first pixel's centre at half a pixel.
        x = u.astype(np.float64) * size.width - 0.5 - made.data_window.x0
        y = size.height - v.astype(np.float64) * size.height - 0.5 - made.data_window.y0
        applied = sample(paint, torch.from_numpy(x)[None, None], torch.from_numpy(y)[None, None], "bilinear")[0]
        sure = torch.from_numpy(coverage == 1)
        assert sure.float().mean() > 0.3
        difference = (applied - carried(shot.parent, 1003, frame, paint)).abs()[:, sure]
        assert difference.max() < 1e-3


def test_keys_are_picked_and_shown_on_a_sheet(impasto: Command, shot: Path, tmp_path: Path):
    sheet = tmp_path / "sheets" / "keys.png"
    ended = impasto("keys", shot, "--frames", "1001-1005", "--share", "0.9", "--sheet", sheet)
    assert ended.code == 0
    (picked,) = (event for event in ended.events if event["type"] == "keys_picked")
    assert picked["share"] >= picked["wanted"] == 0.9
    assert {key["frame"] for key in picked["keys"]} <= set(range(1001, 1006))
    assert picked["keys"][-1]["together"] == picked["share"]
    assert picked["frames"]
    (made,) = (event for event in ended.events if event["type"] == "file_made")
    assert (made["what"], made["path"]) == ("sheet", str(sheet))
    assert cv2.imread(str(sheet)) is not None
    assert [path.name for path in sheet.parent.iterdir()] == ["keys.png"]
