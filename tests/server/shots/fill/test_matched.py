import pytest
import torch

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.fill.example import Example
from impasto.server.shots.fill.matched import Matching
from impasto.server.shots.keys import Key
from impasto.server.shots.screen import light, show

SHAPER = Shaper(1.0)


class Flat:
    """Paints the plate far too dark and blue."""

    local = True

    def __init__(self):
        self.calls = 0

    def paint(self, content, *, start=None, where=None, seed=0, check=lambda: None):
        check()
        self.calls += 1
        shown = show(SHAPER.decode(content), SHAPER) * torch.tensor([0.1, 0.2, 0.6])[:, None, None]
        return SHAPER.encode(light(shown, SHAPER))


@pytest.fixture
def example(tiny):
    """A key that paints the left half of frame 4 in warm colours."""
    shot = tiny.Shot()
    coverage = torch.zeros(1, 1, shot.height, shot.width)
    coverage[..., :20] = 1
    warm = shot.picture(4) * torch.tensor([1.0, 0.6, 0.2])[:, None, None]
    return Example.of(Key(4, warm, coverage, 1.0, None, "warm"), shot, SHAPER)


def matching(painter, examples, store):
    return Matching(lambda frame: painter, examples, SHAPER, 0, store, "colours")


def test_a_look_comes_in_the_colours_of_the_keys(tiny, example):
    plate = SHAPER.encode(tiny.Shot().picture(9))
    painted = matching(Flat(), lambda: [example], tiny.Memory()).painter(9).paint(plate)
    shown = show(SHAPER.decode(painted), SHAPER)
    wanted = example.colours(example.paint)
    for part in ("mean", "std"):
        found, meant = (getattr(values.flatten(2), part)(2) for values in (shown, wanted))
        assert torch.allclose(found, meant, atol=0.08)


def test_the_map_is_found_once_for_the_shot_and_kept(tiny, example):
    store, plate = tiny.Memory(), SHAPER.encode(tiny.Shot().picture(9))
    first = matching(Flat(), lambda: [example], store).painter(9).paint(plate)
    painter = Flat()
    again = matching(painter, lambda: pytest.fail("matched again"), store)
    assert (again.painter(2).paint(plate) == first).all()
    assert painter.calls == 1


def test_only_what_the_key_paints_is_an_example(example):
    assert example.where[..., :20].all()
    assert not example.where[..., 20:].any()
    assert example.colours(example.plate).shape == (1, 3, 1, 24 * 20)
