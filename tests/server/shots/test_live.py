from concurrent.futures import Future

import cv2
import numpy as np
import pytest

from impasto.server.shots.live import EASE, Live

HEIGHT, WIDTH = 72, 96


def noise(seed=1):
    values = np.random.default_rng(seed).random((HEIGHT + 40, WIDTH + 200, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(values, (0, 0), 2)
    low, high = soft.min(), soft.max()
    return ((soft - low) / (high - low) * 255).astype(np.uint8)


def panned(step, scene=None):
    scene = noise() if scene is None else scene
    return np.ascontiguousarray(scene[10 : 10 + HEIGHT, 10 + step : 10 + step + WIDTH])


class Painter:
    """Paints the negative, with a texture of its own per painting; done at once, or when told."""

    def __init__(self, at_once=True):
        self.at_once, self.asked = at_once, []

    def __call__(self, plate):
        future = Future()
        self.asked.append((future, plate))
        if self.at_once or len(self.asked) == 1:
            self.finish(len(self.asked) - 1)
        return future

    def finish(self, number):
        future, plate = self.asked[number]
        texture = np.random.default_rng(number).integers(-30, 30, plate.shape[:2])[..., None]
        future.set_result(np.clip(255 - plate.astype(int) + texture, 0, 255).astype(np.uint8))


def test_paint_sticks_to_what_moves_and_only_one_painting_is_made_for_it():
    painter = Painter(at_once=False)
    live = Live(painter)
    scene = noise()
    first = live.show(panned(0, scene))
    assert (first.carried, first.bare, first.age) == (0.0, 0.0, 0)
    for step in range(1, 6):
        shown = live.show(panned(2 * step, scene))
    assert shown.carried > 0.85
    assert shown.age == 5
    inner = (slice(8, -8), slice(8, -24))
    moved = first.picture[:, 10:][inner].astype(int)
    assert np.abs(shown.picture[:, :-10][inner].astype(int) - moved).mean() < 6
    assert np.abs(shown.picture[inner].astype(int) - first.picture[inner].astype(int)).mean() > 15


def test_what_comes_into_view_wears_the_colours_and_is_painted_by_the_next_painting():
    painter = Painter(at_once=False)
    live = Live(painter)
    scene = noise()
    for step in range(8):
        shown = live.show(panned(3 * step, scene))
    assert shown.bare > 0.1
    edge = shown.picture[:, -10:].astype(int)
    negative = 255 - panned(21, scene)[:, -10:].astype(int)
    assert np.abs(edge - negative).mean() < 25
    assert len(painter.asked) == 2
    painter.finish(1)
    shown = live.show(panned(24, scene))
    assert shown.bare < 0.3
    for step in range(9, 9 + EASE):
        painter.finish(len(painter.asked) - 1) if not painter.asked[-1][0].done() else None
        shown = live.show(panned(3 * step, scene))
    assert shown.bare < 0.15


def test_a_still_picture_is_painted_once_and_never_flickers():
    painter = Painter()
    live = Live(painter)
    shown = [live.show(panned(0)) for _ in range(12)]
    assert len(painter.asked) == 1
    assert all(np.array_equal(one.picture, shown[0].picture) for one in shown)


def test_light_that_changes_changes_the_paint_and_kills_nothing():
    live = Live(Painter(at_once=False))
    scene = (noise() * 0.5).astype(np.uint8)
    first = live.show(panned(0, scene))
    brighter = live.show((panned(0, scene) * 1.2).astype(np.uint8))
    assert brighter.bare < 0.02
    assert brighter.picture.mean() > 1.1 * first.picture.mean()


def test_a_cut_lets_go_of_all_paint_and_paints_at_once():
    painter = Painter(at_once=False)
    live = Live(painter, every=1000)
    live.show(panned(0))
    live.show(panned(1))
    other = 255 - noise(7)
    shown = live.show(np.ascontiguousarray(other[:HEIGHT, :WIDTH]))
    if shown.bare < 1:
        shown = live.show(np.ascontiguousarray(other[:HEIGHT, :WIDTH]))
    assert shown.bare == 1.0
    assert len(painter.asked) == 2
    painter.finish(1)
    assert live.show(np.ascontiguousarray(other[:HEIGHT, :WIDTH])).bare < 0.1


def test_a_changed_look_takes_the_place_of_all_paint():
    painter = Painter()
    live = Live(painter)
    before = live.show(panned(0))
    live.renew()
    live.show(panned(0))
    for _ in range(EASE + 1):
        after = live.show(panned(0))
    assert len(painter.asked) == 2
    assert not np.array_equal(before.picture, after.picture)
    assert after.bare == 0.0


@pytest.mark.parametrize(("height", "width"), [(360, 640), (61, 483), (17, 33)])
def test_any_size_works(height, width):
    live = Live(Painter())
    rng = np.random.default_rng(3)
    for _ in range(3):
        plate = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        assert live.show(plate).picture.shape == plate.shape


def test_a_painting_that_fails_ends_the_stream_with_its_error():
    def failing(plate):
        future = Future()
        future.set_exception(MemoryError("no"))
        return future

    with pytest.raises(MemoryError):
        Live(failing).show(panned(0))
