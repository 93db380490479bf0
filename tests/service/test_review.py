"""Sheet, preview and grades, from a server that does real work and sees or does not see our files."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from world import serving

from impasto.client import BelowQuality, Client
from impasto.sequences import Threshold
from impasto.server import plates
from impasto.server.jobs.running.run import run

WIDTH, HEIGHT = 48, 32
ROWS = 4


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """Five frames of a texture that moves a pixel a frame, and a key."""
    noise = cv2.GaussianBlur(np.random.default_rng(1).random((HEIGHT, WIDTH + 8, 3), np.float32), (0, 0), 1.5)
    window = plates.Window(0, 0, WIDTH, HEIGHT)
    for frame in range(1001, 1006):
        cut = np.ascontiguousarray(noise[:, frame - 1001 : frame - 1001 + WIDTH].transpose(2, 0, 1)).astype(np.float16)
        path = tmp_path / "in" / f"plate.{frame}.exr"
        path.parent.mkdir(exist_ok=True)
        plates.write(path, plates.Plate(dict(zip("RGB", cut, strict=True)), window, window))
    key = (np.clip(noise[:, 2 : 2 + WIDTH], 0, 1) * 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "in" / "key.png"), 255 - key)
    return tmp_path / "in" / "plate.####.exr"


@pytest.mark.parametrize("seen", [True, False], ids=["in place", "sent and fetched"])
def test_sheet_preview_and_numbers_arrive_beside_the_frames(tmp_path: Path, shot: Path, seen: bool) -> None:
    roots = (Path("/"),) if seen else ()
    out = tmp_path / "out"
    asked = {
        "out": out / "x.####.exr",
        "frames": "1001-1005",
        "keys": {1003: shot.parent / "key.png"},
        "sheet": out / "sheet.png",
        "preview": out / "look.mp4",
    }
    with serving(tmp_path / "s", run, roots=roots) as (running, _), Client.connect(running.address) as client:
        events = list(client.stylize(shot, **asked))
        made = {event.what for event in events if event.type == "file_made"}
        assert made == {"sheet", "preview", "quality"}
        sheet = cv2.imread(str(out / "sheet.png"))
        assert sheet.shape == (8 + 28 + ROWS * (HEIGHT + 8), 8 + 4 * (WIDTH + 8), 3)
        with av.open(str(out / "look.mp4")) as video:
            assert sum(1 for _ in video.decode(video=0)) == 5
        rows = json.loads((out / "quality.json").read_text())["frames"]
        assert [row["frame"] for row in rows] == list(range(1001, 1006))
        done = {event.frame: event for event in events if event.type == "frame_done"}
        assert {row["frame"]: row["grade"] for row in rows} == {n: event.grade for n, event in done.items()}
        assert rows[3]["error"] == pytest.approx(done[1004].figures["error"], rel=1e-5)
        assert done[1001].figures["cut"] == 1.0
        _again(client, shot, asked, out, seen)


def _again(client: Client, shot: Path, asked: dict[str, object], out: Path, seen: bool) -> None:
    """Frames stand: none is painted, the sheet is drawn where the server sees them, and other thresholds grade them."""
    (out / "sheet.png").unlink()
    strict = {"thresholds": (Threshold("occluded", None, 0.0),), "fail_on": "red"}
    events = []
    with pytest.raises(BelowQuality, match=r"1001-1005 are red, the first because of occluded 1 above 0"):
        events.extend(client.stylize(shot, **asked, **strict))
    assert not [event for event in events if event.type == "frame_done"]
    assert [event.frame for event in events if event.type == "frame_skipped"] == list(range(1001, 1006))
    assert (out / "sheet.png").exists() == seen
    assert any("neither sheet nor preview" in getattr(event, "message", "") for event in events) != seen
    assert len(list(out.glob("*.exr"))) == 5
