import pytest
import torch

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.chains import Stage
from impasto.server.shots.courses import Courses
from impasto.server.shots.keyed import Keyed


def courses(tiny, length=8, frames=None):
    shot = tiny.Shot()
    stage = Stage(shot, tiny.Motion(shot), Shaper(1.0), tiny.Memory(), tiny.Audience())
    return Courses(stage, Keyed(stage, (), 1.0), frames or shot.frames, length)


@pytest.mark.parametrize(("length", "ends"), [(8, [1, 9, 12]), (4, [1, 5, 9, 12])])
def test_what_comes_into_view_is_born_at_the_ends_of_spans(tiny, length, ends):
    found = courses(tiny, length)
    born = {int(frame) for each in range(1, 13) for frame in torch.unique(found.map(each).born)}
    assert sorted(born) == ends
    assert [frame for frame in range(1, 13) if found.ends(frame)] == ends


def test_what_is_born_in_a_frame_lies_where_it_is(tiny):
    here = courses(tiny).map(9)
    newborn = here.born == 9
    assert 0 < float(newborn.float().mean()) < 0.5
    assert bool((here.x == torch.arange(40.0))[newborn].all())


def test_paint_is_carried_through_the_frames_given_only(tiny):
    part = courses(tiny, frames=tuple(range(4, 9)))
    assert set(torch.unique(part.map(6).born).tolist()) == {4, 8}
