import pytest
import torch

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.layers import Layer
from impasto.server.shots.render import Recipe, render


def paint(tiny, every, wanted, shot=None, store=None):
    shot = shot or tiny.Shot()
    painter = tiny.Painter()
    recipe = Recipe((), (Layer(lambda frame: painter, "stripes"),), 1.0, 0, Shaper(), every)
    made = list(render(shot, recipe, tiny.Motion(shot), wanted, store or tiny.Memory(), tiny.Audience()))
    return {each.frame: each for each in made}, painter


def test_every_fourth_frame_is_painted_and_the_last(tiny):
    made, painter = paint(tiny, 4, range(1, 13))
    assert [seed for seed, _ in painter.calls] == [1, 5, 9, 12]
    assert set(made) == set(range(1, 13))
    # The ground pans: what comes into view is carried back from the next painted frame, as far as it is seen there.
    assert float((made[3].source_frame == 5).float().mean()) > 0.03
    assert all(bool(torch.isfinite(each.picture).all()) for each in made.values())


def test_a_painted_shot_costs_less_the_fewer_frames_are_painted(tiny):
    calls = [len(paint(tiny, every, range(1, 13))[1].calls) for every in (2, 4, 8)]
    assert calls == sorted(calls, reverse=True)
    assert len(set(calls)) == 3


@pytest.mark.parametrize("wanted", [(7,), (3, 10)])
def test_frames_do_not_depend_on_which_others_were_asked_for(tiny, wanted):
    whole, _ = paint(tiny, 4, range(1, 13))
    some, _ = paint(tiny, 4, wanted)
    assert all(torch.equal(some[frame].picture, whole[frame].picture) for frame in wanted)


def test_what_no_painted_frame_sees_is_filled_and_not_painted(tiny):
    """A frame whose motion breaks all over shows nothing of the painted ones."""
    shot = tiny.Shot()

    class Broken(tiny.Motion):
        def frame(self, frame):
            known = super().frame(frame)
            if frame in (2, 3):
                hidden = torch.ones_like(known.occlusion_next)
                known = type(known)(
                    **{**vars(known), "occlusion_prev": hidden, "cause": hidden * 30 + known.cause % 10}
                )
            if frame in (3, 4):
                hidden = torch.ones_like(known.occlusion_next)
                cause = hidden * 3 + 10 * torch.div(known.cause, 10, rounding_mode="floor")
                known = type(known)(**{**vars(known), "occlusion_next": hidden, "cause": cause})
            return known

    painter = tiny.Painter()
    recipe = Recipe((), (Layer(lambda frame: painter, "stripes"),), 1.0, 0, Shaper(), 8)
    frames = (3, *range(1, 10))
    made, *_ = render(shot, recipe, Broken(shot), frames, tiny.Memory(), tiny.Audience())
    assert [seed for seed, _ in painter.calls] == [1, 9]
    assert bool((made.source_frame == 3).all())
    assert float((made.picture - shot.picture(3)).abs().max()) < 0.2
