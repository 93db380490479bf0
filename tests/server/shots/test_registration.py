"""Carried paint drawn back onto its birth plate."""

from dataclasses import dataclass, replace

import pytest
import torch

from impasto.server.ops.warp import warp
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.chains import Stage, advance
from impasto.server.shots.provenance import identity
from impasto.server.shots.registration import register


def plate(height=72, width=96, seed=3):
    coarse = torch.rand(1, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)


def still(picture, painted=None):
    where = torch.ones_like(picture[:, :1], dtype=torch.bool) if painted is None else painted
    return identity(1001, where)


def drifted(picture, by):
    """A map off by so much, and the birth plate it fetches."""
    here = still(picture)
    off = torch.tensor(by)[None, :, None, None].expand(1, 2, *picture.shape[-2:])
    return replace(here, x=here.x + by[0], y=here.y + by[1]), warp(picture, off, "bicubic")


@pytest.mark.parametrize("by", [(0.4, -0.3), (-0.6, 0.2)])
def test_drift_is_taken_back_frame_by_frame(by):
    picture = plate()
    here, then = drifted(picture, by)
    true = still(picture)
    inner = (..., slice(8, -8), slice(8, -8))
    once = register(here, picture, then)
    before, after = ((m.x - true.x)[inner].hypot((m.y - true.y)[inner]).mean() for m in (here, once))
    assert after < 0.65 * before


def test_a_true_map_keeps_its_places():
    picture = plate()
    here = still(picture)
    again = register(here, picture, picture)
    assert torch.equal(again.x, here.x)
    assert torch.equal(again.y, here.y)


def test_what_looks_otherwise_and_what_is_not_painted_is_left_alone():
    picture = plate()
    painted = torch.ones(1, 1, 72, 96, dtype=torch.bool)
    painted[..., :40] = False
    here = still(picture, painted)
    again = register(here, picture, plate(seed=8))
    assert torch.equal(again.alive, here.alive)
    assert torch.equal(again.born, here.born)
    assert torch.equal(again.x[~painted], here.x[~painted])
    assert ((again.x - here.x).abs() < 2).all()


def test_paint_of_two_births_does_not_mix():
    picture = plate()
    here, then = drifted(picture, (0.5, 0.0))
    two = replace(here, born=torch.where(here.x > 50, 1004, here.born).to(torch.int32))
    again = register(two, picture, then)
    assert torch.equal(again.born, two.born)
    assert ((again.x - two.x).abs() < 2).all()


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (15, 40), (17, 33)])
def test_every_size_has_an_answer(size):
    picture = plate()[..., : size[0], : size[1]]
    here = still(picture)
    again = register(here, picture, picture * 0.9)
    assert again.x.shape == here.x.shape
    assert again.x.isfinite().all()


@dataclass
class Slipping:
    """Motion that is a third of a pixel off in every step."""

    motion: object
    measured: bool
    digest: str = "slipping"

    def neighbours(self, frame):
        return self.motion.neighbours(frame)

    def frame(self, frame):
        true = self.motion.frame(frame)
        return replace(true, backward=true.backward + torch.tensor([0.3, 0.0])[:, None, None])


def last_map(tiny, measured):
    """How far the first frame's paint has drifted in the eighth."""
    shot = tiny.Shot(frames=tuple(range(1, 9)), speed=0)
    stage = Stage(shot, Slipping(tiny.Motion(shot), measured), Shaper(1.0), tiny.Memory(), tiny.Audience())
    everywhere = torch.ones_like(stage.light(1).gain) > 0
    here = identity(1, everywhere)
    for frame in shot.frames[1:]:
        here = advance(stage, here, frame, True)
    middle = (..., slice(8, -8), slice(8, -8))
    return float((here.x - identity(1, everywhere).x)[middle][here.alive[middle]].mean())


def test_measured_motion_is_held_to_the_birth_plate_and_given_motion_is_followed(tiny):
    assert last_map(tiny, measured=False) == pytest.approx(7 * 0.3, abs=0.05)
    assert abs(last_map(tiny, measured=True)) < 0.8
