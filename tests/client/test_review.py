from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from impasto.client import BelowQuality, stylize_spec
from impasto.client.options import Options
from impasto.client.review import Review
from impasto.sequences import Threshold
from impasto.server import plates

DIGEST = "d" * 64


def write(folder: Path, frame: int, name: str = "x", digest: str = DIGEST, **figures: float) -> None:
    window = plates.Window(0, 0, 2, 2)
    attributes = {"impasto/job": digest, "impasto/frame": frame, **{f"impasto/{k}": v for k, v in figures.items()}}
    pixels = np.zeros((2, 2), np.float16)
    plates.write(folder / f"{name}.{frame}.exr", plates.Plate(dict.fromkeys("RGB", pixels), window, window, attributes))


def review(folder: Path, frames: str = "1001-1004", name: str = "x", **options: object) -> Review:
    settings = Options(frames=frames, thresholds=(Threshold("carried", 0.5, 0.2, below=True),), **options)
    spec = stylize_spec("p.####.exr", out=folder / f"{name}.####.exr", keys={1001: "k.png"}, options=settings)
    return Review.of(spec, DIGEST)


def test_the_files_hold_every_frame_of_the_job_that_stands_whoever_made_it(tmp_path: Path) -> None:
    write(tmp_path, 1001, carried=0.9, error=1e-4)
    write(tmp_path, 1002, carried=0.4)
    write(tmp_path, 1003, digest="e" * 64, carried=0.1)
    (tmp_path / "x.1004.exr").write_bytes(b"no EXR")
    made = [Path(event.path).name for event in review(tmp_path, "1001").written()]
    assert made == ["quality.json", "quality.csv"]
    content = json.loads((tmp_path / "quality.json").read_text())
    assert [(row["frame"], row["grade"]) for row in content["frames"]] == [(1001, "green"), (1002, "yellow")]
    assert content["frames"][1]["reasons"] == ["carried 0.4 below 0.5"]
    assert content["grades"] == {"green": 1, "yellow": 1, "red": 0}
    rows = list(csv.DictReader((tmp_path / "quality.csv").open()))
    assert [row["frame"] for row in rows] == ["1001", "1002"]
    assert float(rows[0]["error"]) == pytest.approx(1e-4)
    assert rows[1]["error"] == ""


def test_what_another_chunk_wrote_meanwhile_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 1001, carried=0.9)
    late = [1002, 1003]
    gathered = Review._gathered

    def slowly(self: Review) -> object:
        found = gathered(self)
        if late:
            write(tmp_path, late.pop(0), carried=0.9)
        return found

    monkeypatch.setattr(Review, "_gathered", slowly)
    list(review(tmp_path).written())
    content = json.loads((tmp_path / "quality.json").read_text())
    assert [row["frame"] for row in content["frames"]] == [1001, 1002, 1003]


def test_another_sequence_in_the_folder_and_a_strange_file_keep_their_reviews(tmp_path: Path) -> None:
    write(tmp_path, 1001, "x", carried=0.9)
    write(tmp_path, 1001, "y", carried=0.9)
    for name in ("x", "y", "x"):
        list(review(tmp_path, name=name).written())
    assert json.loads((tmp_path / "quality.json").read_text())["pattern"].endswith("x.####.exr")
    assert json.loads((tmp_path / "y.quality.json").read_text())["pattern"].endswith("y.####.exr")
    other = tmp_path / "other"
    other.mkdir()
    write(other, 1001, carried=0.9)
    (other / "quality.json").write_text("[]")
    list(review(other).written())
    assert (other / "quality.json").read_text() == "[]"
    assert (other / "x.quality.json").exists()


def test_a_grade_that_may_not_be_ends_the_job_below_quality(tmp_path: Path) -> None:
    write(tmp_path, 1001, carried=0.9)
    write(tmp_path, 1002, carried=0.4)
    write(tmp_path, 1003, carried=0.1)
    for frames, fail_on, bad in (
        ("1001-1003", "red", "1003"),
        ("1001-1003", "yellow", "1002-1003"),
        ("1001-1002", "red", ""),
        ("1001-1003", "", ""),
    ):
        wish = review(tmp_path, frames, fail_on=fail_on)
        list(wish.written())
        if not bad:
            wish.raise_unless_good()
            continue
        with pytest.raises(BelowQuality, match=bad) as raised:
            wish.raise_unless_good()
        assert raised.value.exit_code == 5
        assert raised.value.metadata == {"frames": bad}


def test_nothing_is_written_where_nothing_is_measured_or_stands(tmp_path: Path) -> None:
    assert list(review(tmp_path).written()) == []
    write(tmp_path, 1001, carried=0.9)
    assert list(review(tmp_path, quality="none").written()) == []
    assert not list(tmp_path.glob("quality*"))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 1001, carried=0.9)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(PermissionError("no")))
    (event,) = review(tmp_path).written()
    assert event.type == "warning"
    assert not list(tmp_path.glob(".quality*"))
