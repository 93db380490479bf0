"""Keys as artists use them: masked, partial, of another size, outside the frames wanted; and what fills in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from world import serving

from impasto.client import BadRequestError, Client, Painting
from impasto.server import plates
from impasto.server.jobs.running.run import run

WIDTH, HEIGHT = 48, 32
Render = Callable[..., dict[int, plates.Plate]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four frames of a still texture."""
    noise = cv2.GaussianBlur(np.random.default_rng(1).random((HEIGHT, WIDTH, 3), np.float32), (0, 0), 1.5)
    window = plates.Window(0, 0, WIDTH, HEIGHT)
    (tmp_path / "in").mkdir()
    for frame in range(1001, 1005):
        channels = dict(zip("RGB", np.ascontiguousarray(noise.transpose(2, 0, 1)).astype(np.float16), strict=True))
        plates.write(tmp_path / "in" / f"plate.{frame}.exr", plates.Plate(channels, window, window))
    return tmp_path / "in"


@pytest.fixture
def render(tmp_path: Path, folder: Path) -> Iterator[Render]:
    """Paint the shot from a key of frame 1002 and read what was made."""
    with serving(tmp_path / "s", run, roots=(Path("/"),)) as (running, _), Client.connect(running.address) as client:

        def painted(key: Any, frames: str = "1003", **options: Any) -> dict[int, plates.Plate]:
            out, settings = tmp_path / "out" / "x.####.exr", {"fill": "none", "quality": "none", "passes": ["source"]}
            made = client.stylize(
                folder / "plate.####.exr", out=out, frames=frames, keys={1002: key}, **{**settings, **options}
            )
            return {int(path.name.split(".")[1]): plates.read(path) for path in made.result().done}

        yield painted


def by_key(frame: plates.Plate) -> np.ndarray[Any, Any]:
    """(H, W) bool: painted by a key."""
    return frame.channels["source.kind"] == 1


def write(path: Path, width: int = WIDTH, height: int = HEIGHT, alpha: bool = False) -> Path:
    """A grey key; with alpha its right half is transparent."""
    picture = np.full((height, width, 4 if alpha else 3), 120, np.uint8)
    if alpha:
        picture[..., 3] = 255
        picture[:, width // 2 :, 3] = 0
    cv2.imwrite(str(path), picture)
    return path


def test_a_key_outside_the_frames_wanted_paints_them(render: Render, folder: Path) -> None:
    made = render(write(folder / "k.png"), frames="1004")
    assert list(made) == [1004]
    assert by_key(made[1004]).all()
    assert (made[1004].channels["source.frame"] == 1002).all()


def test_alpha_says_where_a_key_paints(render: Render, folder: Path) -> None:
    made = render(Painting(write(folder / "k.png", alpha=True), mask="alpha"))[1003]
    before = plates.read(folder / "plate.1003.exr").channels
    assert by_key(made)[:, : WIDTH // 2 - 2].all()
    assert not by_key(made)[:, WIDTH // 2 + 2 :].any()
    right = np.s_[:, WIDTH // 2 + 2 :]
    assert np.allclose(made.channels["R"][right], before["R"][right], atol=2e-3), "the fill 'none' keeps the plate"


def test_a_layer_of_the_key_or_a_picture_masks_it(render: Render, folder: Path) -> None:
    window = plates.Window(0, 0, WIDTH, HEIGHT)
    matte = np.zeros((HEIGHT, WIDTH), np.float16)
    matte[:16] = 1
    channels = {**dict.fromkeys("RGB", np.full((HEIGHT, WIDTH), 0.3, np.float16)), "face.a": matte}
    plates.write(folder / "k.exr", plates.Plate(channels, window, window))
    cv2.imwrite(str(folder / "m.png"), (matte * 255).astype(np.uint8))
    for mask in ("face", folder / "m.png"):
        painted = by_key(render(Painting(folder / "k.exr", mask=mask), overwrite=True)[1003])
        assert painted[:14].all()
        assert not painted[18:].any()


def test_a_key_of_another_size_is_scaled_where_asked(render: Render, folder: Path) -> None:
    key = write(folder / "k.png", 2 * WIDTH, 2 * HEIGHT)
    with pytest.raises(BadRequestError, match="96x64 and the plate 48x32; say --scale-keys"):
        render(key)
    assert by_key(render(key, scale_keys=True)[1003]).all()


def test_a_scaled_key_that_covers_a_part_stays_a_part(render: Render, folder: Path) -> None:
    channels = dict.fromkeys("RGB", np.full((HEIGHT * 2, WIDTH), 0.3, np.float16))
    key = plates.Plate(channels, plates.Window(0, 0, WIDTH, HEIGHT * 2), plates.Window(0, 0, WIDTH * 2, HEIGHT * 2))
    plates.write(folder / "k.exr", key)
    painted = by_key(render(folder / "k.exr", scale_keys=True)[1003])
    assert painted[:, : WIDTH // 2 - 2].all()
    assert not painted[:, WIDTH // 2 + 2 :].any()


def test_a_hold_range_ends_a_keys_paint(render: Render, folder: Path) -> None:
    made = render(Painting(write(folder / "k.png"), hold="1001-1003"), frames="1003-1004")
    assert by_key(made[1003]).all()
    assert not by_key(made[1004]).any()


def test_a_net_trained_on_the_key_fills_in(render: Render, folder: Path) -> None:
    key = Painting(write(folder / "k.png", alpha=True), mask="alpha")
    made = render(key, fill="net", fill_minutes=0.01)[1003]
    right = made.channels["R"][:, WIDTH // 2 + 4 :].astype(np.float32)
    assert np.abs(right - 0.19).mean() < 0.05, "grey, as the key is"
    assert (made.channels["source.kind"][:, WIDTH // 2 + 2 :] == 2).all()


def test_the_plate_in_the_keys_colours_fills_in(render: Render, folder: Path) -> None:
    key = Painting(write(folder / "k.png", alpha=True), mask="alpha")
    made = render(key, fill="colours")[1003]
    right = made.channels["R"][:, WIDTH // 2 + 4 :].astype(np.float32)
    assert np.abs(right - 0.19).mean() < 0.05, "grey, as the key is"
    assert (made.channels["source.kind"][:, WIDTH // 2 + 2 :] == 2).all()


@pytest.mark.parametrize(
    ("key", "options", "says"),
    [
        ({}, {"fill": "magic"}, "There is no fill 'magic'; there are: style, nearest, colours, net, none"),
        ({}, {"fill": "net", "fill_minutes": 0.0}, "lies above 0 and up to 600"),
        ({"mask": "face"}, {}, "has no layer 'face'"),
        ({"mask": "empty.png"}, {}, "is empty, so it paints nothing"),
        ({"wide": True}, {"scale_keys": True}, "its shape differs, paint it at the plate's size"),
    ],
)
def test_a_key_that_cannot_be_is_refused(render: Render, folder: Path, key, options, says: str, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    cv2.imwrite("empty.png", np.zeros((HEIGHT, WIDTH), np.uint8))
    picture = write(folder / "k.png", WIDTH + 9 if key.pop("wide", False) else WIDTH)
    with pytest.raises(BadRequestError) as refused:
        render(Painting(picture, **key), **options)
    assert says in str(refused.value)
