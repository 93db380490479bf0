import torch

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.heal import hairlines, heal
from impasto.server.shots.provenance import identity
from impasto.server.shots.recall import Recall
from impasto.server.shots.relight import split

SHAPER = Shaper(1.0)
SIZE = (1, 1, 16, 20)


def healed(tiny, missing, now, then):
    light = split(then, SHAPER)
    return heal(
        identity(1, ~missing),
        split(now, SHAPER).base,
        torch.ones(SIZE),
        Recall(lambda frame: light.base, *SIZE[-2:], 1),
        SHAPER,
    )


def line(width):
    missing = torch.zeros(SIZE, dtype=torch.bool)
    missing[..., 8 : 8 + width] = True
    return missing


def test_a_hairline_is_closed_by_the_paint_beside_it(tiny):
    picture = torch.full((1, 3, 16, 20), 0.3)
    here = healed(tiny, line(1), picture, picture)
    assert here.alive.all()
    assert (here.x == torch.arange(20.0)).all()


def test_a_hairline_that_shows_another_thing_stays_open(tiny):
    other = torch.full((1, 3, 16, 20), 0.3)
    other[..., 8] = 0.9
    assert not healed(tiny, line(1), other, torch.full((1, 3, 16, 20), 0.3)).alive[..., 8].any()


def test_a_wide_gap_stays_open(tiny):
    picture = torch.full((1, 3, 16, 20), 0.3)
    assert torch.equal(~healed(tiny, line(5), picture, picture).alive, line(5))
    assert hairlines(line(2)).any()
    assert not hairlines(line(3)).any()
