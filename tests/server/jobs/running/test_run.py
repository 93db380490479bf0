"""Ranges of several shots, run on real files: what is made of each is what would be made of it alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from footage import Scene, spliced

from impasto.sequences import SequencePattern, parse_frames
from impasto.server import plates
from impasto.server.errors import BadRequest
from impasto.server.jobs.planning.plan import Plan
from impasto.server.jobs.running.run import run
from impasto.server.jobs.task import Task
from impasto.server.plates.srgb import decode
from impasto.v1.job_pb2 import JobSpec
from impasto.v1.plate_pb2 import FileRef

WIDTH, HEIGHT = 64, 36


@dataclass
class Heard:
    """A listener that remembers."""

    figures: dict[int, dict[str, float]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    warned: list[str] = field(default_factory=list)
    shots: list[str] = field(default_factory=list)

    def progress(self, *told: object) -> None:
        pass

    def frame_done(self, frame: int, view: str, path: Path, figures: dict[str, float]) -> None:
        self.figures[frame] = figures

    def frame_failed(self, frame: int, view: str, reason: str, message: str) -> None:
        self.failed[frame] = message

    def warning(self, message: str) -> None:
        self.warned.append(message)

    def shots_found(self, cuts: Any, shots: list[str]) -> None:
        self.shots = list(shots)


class Kept(dict[str, Any]):
    """A store."""

    def load(self, key: str) -> Any:
        return self.get(key)

    def save(self, key: str, arrays: Any) -> None:
        self[key] = {name: np.array(array) for name, array in arrays.items()}


def write(folder: Path, pictures: list[Any]) -> dict[int, Path]:
    """Plates from frame 1, as half; their paths."""
    folder.mkdir(parents=True)
    window, paths = plates.Window(0, 0, WIDTH, HEIGHT), {}
    for frame, picture in enumerate(pictures, 1):
        small = decode(cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)).astype(np.float16)
        channels = {name: np.ascontiguousarray(small[..., index]) for index, name in enumerate("RGB")}
        paths[frame] = folder / f"p.{frame}.exr"
        plates.write(paths[frame], plates.Plate(channels, window, window))
    return paths


def name(ref: FileRef, path: Path) -> None:
    """Name a file by its path and content."""
    ref.path, ref.sha256 = str(path), hashlib.sha256(path.read_bytes()).hexdigest()


def job(paths: dict[int, Path], shot: str = "", passes: tuple[str, ...] = ("motion", "occlusion", "cause")) -> JobSpec:
    """Measure motion of a range."""
    spec = JobSpec()
    spec.plate.shot = spec.plate.frames = shot or f"{min(paths)}-{max(paths)}"
    for frame in parse_frames(spec.plate.shot):
        name(spec.plate.files.add(frame=frame).file, paths[frame])
    spec.output.passes.extend(passes)
    spec.motion.motion.model = "dis"
    return spec


def made(spec: JobSpec, out: Path, store: Kept | None = None) -> SimpleNamespace:
    """Run a job; its files by frame, and what was told."""
    out.mkdir(exist_ok=True)
    pattern = SequencePattern.parse(out / "x.####.exr")
    heard = Heard()
    task = Task(
        spec=spec,
        plan=Plan("digest", parse_frames(spec.plate.shot), parse_frames(spec.plate.frames), ("",)),
        local=lambda ref: Path(ref.path),
        target=lambda frame, view: pattern.path(frame),
        beside=lambda what: out / what,
        done=frozenset(),
        store=Kept() if store is None else store,
        listener=heard,
        cancelled=lambda: False,
    )
    run(task)
    files = {frame: plates.read(pattern.path(frame)) for frame in heard.figures}
    pixels = {frame: {name: c.tobytes() for name, c in file.channels.items()} for frame, file in files.items()}
    return SimpleNamespace(heard=heard, files=files, pixels=pixels)


@pytest.fixture
def two(tmp_path: Path) -> dict[int, Path]:
    """Two shots of four frames."""
    return write(tmp_path / "in", spliced([Scene(1), Scene(4)], 4))


def test_shots_are_made_as_if_each_were_alone_whatever_is_asked_for(two: dict[int, Path], tmp_path: Path):
    whole = made(job(two), tmp_path / "whole")
    assert whole.heard.shots == ["1-4", "5-8"]
    assert whole.files[4].attributes["impasto/shot"] == "1-4"
    first, second = made(job(two, "1-4"), tmp_path / "a"), made(job(two, "5-8"), tmp_path / "b")
    assert first.heard.shots + second.heard.shots == ["1-4", "5-8"]
    parts = first.pixels | second.pixels
    assert parts == whole.pixels
    spec = job(two)
    spec.plate.frames = "5"
    assert made(spec, tmp_path / "one").pixels == {5: whole.pixels[5]}


def test_no_motion_crosses_a_cut(two: dict[int, Path], tmp_path: Path):
    files = made(job(two), tmp_path / "out").files
    for frame, way, side, step in ((4, "forward", "next", 1), (5, "backward", "prev", 10)):
        channels = files[frame].channels
        assert not np.any(channels[f"{way}.u"])
        assert not np.any(channels[f"{way}.v"])
        assert (channels[f"occlusion.{side}"] == 1).all()
        assert (channels["occlusion.cause"] // step % 10 == 5).all()
        assert np.any(channels["backward.u" if way == "forward" else "forward.u"])


def test_mattes_are_written_as_asked_and_nothing_else_changes(two: dict[int, Path], tmp_path: Path):
    store, passes = Kept(), ("motion", "occlusion", "cause", "confidence")
    plain = made(job(two, "1-4", passes), tmp_path / "a", store).pixels
    kept = dict(store)
    spec = job(two, "1-4", passes)
    spec.mattes.erode, spec.mattes.blur = -1.5, 1
    written = made(spec, tmp_path / "b", store)
    for frame, channels in written.pixels.items():
        others = {name for name, pixels in channels.items() if pixels != plain[frame][name]}
        assert others <= {"occlusion.next", "occlusion.prev"}
    assert np.mean(written.files[2].channels["occlusion.next"]) > np.mean(
        np.frombuffer(plain[2]["occlusion.next"], np.float16)
    )
    assert (written.files[4].channels["occlusion.next"] == 1).all()
    assert store.keys() == kept.keys(), "motion is not measured anew"


def with_depth(paths: dict[int, Path], layer: str) -> None:
    """Give plates a layer of depth: a near half and a far half."""
    for path in paths.values():
        plate = plates.read(path)
        depth = np.where(np.arange(WIDTH) < WIDTH // 2, 2.0, 10.0).astype(np.float32)[None].repeat(HEIGHT, 0)
        plates.write(path, plates.Plate({**plate.channels, layer: depth}, plate.data_window, plate.display_window))


def test_depth_is_written_as_a_distance_whatever_its_layer_holds(two: dict[int, Path], tmp_path: Path):
    passes = ("occlusion", "depth")
    spec = job(two, "1-2", passes)
    with pytest.raises(BadRequest, match=r"neither depth\.Z nor Z") as caught:
        made(spec, tmp_path / "none")
    assert caught.value.reason == "DEPTH_MISSING"
    with_depth(two, "disparity.R")
    spec = job(two, "1-2", passes)
    spec.plate.depth = "disparty"
    with pytest.raises(BadRequest, match=r"no layer 'disparty' in frame 1; it has B, G, R, disparity\.R"):
        made(spec, tmp_path / "none")
    spec.plate.depth, spec.plate.depth_near = "disparity", "high"
    written = made(spec, tmp_path / "inverse").files[1]
    assert np.allclose(np.unique(written.channels["depth.Z"]), [0.1, 0.5])
    assert "impasto_depth.Z" not in written.channels


def test_a_plate_s_own_depth_is_kept_and_none_is_written_beside_it(two: dict[int, Path], tmp_path: Path):
    with_depth(two, "depth.Z")
    written = made(job(two, "1-2", ("depth",)), tmp_path / "out")
    assert not [name for name in written.files[1].channels if name.startswith("impasto_")]
    assert written.pixels[1]["depth.Z"] == plates.read(two[1]).channels["depth.Z"].tobytes()
    assert not written.heard.warned


def painted(spec: JobSpec, key: Path, frame: int = 1) -> JobSpec:
    """The same shot painted from one key; nothing where it sees nothing."""
    spec.ClearField("motion")
    name(spec.stylize.keys.add(frame=frame).file, key)
    spec.stylize.motion.model, spec.stylize.fill = "dis", "none"
    return spec


def change(paths: dict[int, Path], do: Any) -> None:
    """Write plates anew, their channels (H, W) changed by `do(pixels, frame)`."""
    for frame, path in paths.items():
        plate = plates.read(path)
        channels = {name: do(channel.copy(), frame) for name, channel in plate.channels.items()}
        plates.write(path, plates.Plate(channels, plate.data_window, plate.display_window))


def dead(pixels: Any, frame: int) -> Any:
    pixels[8:16, 20:32] = np.nan
    pixels[24:26, 40 + frame] = np.inf
    return pixels


BAD = {
    "dead pixels": dead,
    "nothing but NaN": lambda pixels, frame: pixels * np.float16(np.nan),
    "black": lambda pixels, frame: pixels * 0,
    "black but for one frame": lambda pixels, frame: pixels * (frame == 2),
    "one frame again and again": lambda pixels, frame: np.tile(np.float16([[0.1, 0.7], [0.4, 0.2]]), (18, 32)),
    "negative": lambda pixels, frame: -pixels,
    "as bright as half can be": lambda pixels, frame: pixels * 0 + np.float16(65504),
}


@pytest.mark.parametrize("kind", BAD)
def test_pictures_that_tell_nothing_have_a_defined_answer(tmp_path: Path, kind: str):
    paths = write(tmp_path / "in", spliced([Scene(1)], 3))
    key = write(tmp_path / "key", spliced([Scene(2)], 1))[1]
    change(paths, BAD[kind])
    passes = ("motion", "occlusion", "cause", "confidence")
    measured = made(job(paths, passes=passes), tmp_path / "flow")
    for frame, file in measured.files.items():
        for layer in ("forward.u", "forward.v", "backward.u", "backward.v", "occlusion.next", "confidence.next"):
            assert np.isfinite(file.channels[layer]).all(), (frame, layer)
        for channel in "RGB":
            assert measured.pixels[frame][channel] == plates.read(paths[frame]).channels[channel].tobytes()
    assert bool([told for told in measured.heard.warned if "holes to motion" in told]) == (
        "N" in kind or kind == "dead pixels"
    )
    if kind == "one frame again and again":
        assert not np.any(measured.files[2].channels["forward.u"])
        assert not np.any(measured.files[2].channels["occlusion.next"])
    if kind == "dead pixels":
        confidence = measured.files[2].channels["confidence.next"]
        assert confidence[8:16, 20:32].max() == 0 < confidence.max()
    result = made(painted(job(paths, passes=passes), key), tmp_path / "paint")
    assert sorted(result.files) == [1, 2, 3]
    assert not result.heard.failed
    for file in result.files.values():
        assert all(np.isfinite(file.channels[channel]).all() for channel in "RGB")


def test_one_frame_and_tiny_pictures_are_measured_and_painted(tmp_path: Path):
    pictures = [np.ascontiguousarray(cv2.resize(picture, (8, 8))) for picture in spliced([Scene(1)], 3)]
    window, paths = plates.Window(0, 0, 8, 8), {}
    for frame, picture in enumerate(pictures, 1):
        paths[frame] = tmp_path / f"t.{frame}.exr"
        channels = {name: picture[..., place].astype(np.float16) for place, name in enumerate("RGB")}
        plates.write(paths[frame], plates.Plate(channels, window, window))
    for shot in ("1-3", "2"):
        for spec in (job(paths, shot), painted(job(paths, shot), paths[2], 2)):
            result = made(spec, tmp_path / "out")
            assert sorted(result.files) == list(parse_frames(shot))
            alone = result.files[2].channels
            assert (alone["occlusion.next"] == 1).all() == (shot == "2")


def test_another_size_is_another_shot_unless_cuts_are_off(two: dict[int, Path], tmp_path: Path):
    wide = plates.Window(0, 0, WIDTH + 8, HEIGHT)
    for frame in (3, 4, 5, 6, 7, 8):
        old = plates.read(two[frame])
        channels = {name: np.pad(c, ((0, 0), (0, 8)), mode="edge") for name, c in old.channels.items()}
        plates.write(two[frame], plates.Plate(channels, wide, wide))
    spec = job(two)
    assert made(spec, tmp_path / "a").heard.shots == ["1-2", "3-4", "5-8"]
    spec.plate.cuts = "none"
    with pytest.raises(BadRequest, match="let cuts be found with --cuts detect"):
        made(spec, tmp_path / "b")
