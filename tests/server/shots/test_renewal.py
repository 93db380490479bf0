import pytest
import torch

from impasto.server.ops.lowpass import broad
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.keys import Key
from impasto.server.shots.layers import Layer
from impasto.server.shots.quality import painted_alone
from impasto.server.shots.render import Recipe, render

SHAPER = Shaper(1.0)


def paint(tiny, consistency, keys=(), store=None, wanted=(1, 6, 12)):
    class Drifting(tiny.Painter):
        """Every frame's stripes are elsewhere, and brighter than those before."""

        def paint(self, content, *, seed=0, **more):
            return super().paint(content, seed=seed, **more) + 0.01 * seed

    shot, painter = tiny.Shot(), Drifting()
    recipe = Recipe(tuple(keys), (Layer(lambda frame: painter, "stripes"),), 0.0, 7, SHAPER, consistency=consistency)
    store = store or tiny.Memory()
    made = {each.frame: each for each in render(shot, recipe, tiny.Motion(shot), wanted, store, tiny.Audience())}
    return made, painter, painted_alone(shot, recipe, store, tiny.Audience())


def test_at_0_every_frame_is_what_it_would_be_alone(tiny):
    made, _, alone = paint(tiny, 0.0)
    for frame, each in made.items():
        assert torch.allclose(each.picture, alone(frame), atol=1e-5)
        assert bool((each.source_frame == frame).all())


def test_at_a_half_the_colours_are_the_frames_own_and_the_strokes_stay_where_they_were(tiny):
    kept, _, alone = paint(tiny, 1.0)
    half, _, _ = paint(tiny, 0.5)
    encode = SHAPER.encode
    assert torch.equal(half[6].source_frame, kept[6].source_frame)
    strokes = [encode(one[6].picture) - broad(encode(one[6].picture), 3.0) for one in (kept, half)]
    assert torch.allclose(*strokes, atol=0.02)
    off = [float((encode(one[6].picture) - encode(alone(6))).mean().abs()) for one in (kept, half)]
    assert off[1] < 0.1 * off[0]


def test_paint_comes_nearer_to_the_frames_own_the_less_consistent_it_is(tiny):
    _, _, alone = paint(tiny, 1.0)
    off = [
        float((SHAPER.encode(paint(tiny, each)[0][6].picture) - SHAPER.encode(alone(6))).square().mean())
        for each in (1.0, 0.75, 0.5, 0.25, 0.0)
    ]
    assert off == sorted(off, reverse=True)


def test_another_consistency_paints_nothing_anew(tiny):
    store = tiny.Memory()
    _, painter, _ = paint(tiny, 0.4, store=store)
    assert len(painter.calls) == 6  # three births, and the three frames asked for
    _, again, _ = paint(tiny, 0.8, store=store)
    assert again.calls == []


def test_paint_that_is_to_stay_costs_no_frame_painted_alone(tiny):
    _, painter, _ = paint(tiny, 1.0)
    assert sum(share == 1.0 for _, share in painter.calls) == 1


@pytest.mark.parametrize("consistency", [0.0, 0.5])
def test_the_artists_paint_always_stays(tiny, consistency):
    shot = tiny.Shot()
    key = Key(6, shot.picture(6).flip(1), torch.ones(1, 1, shot.height, shot.width), 1.0, None, "key")
    kept, _, _ = paint(tiny, 1.0, (key,))
    less, _, _ = paint(tiny, consistency, (key,))
    by_key = (kept[12].source_kind == 1).expand_as(kept[12].picture)
    assert torch.equal(kept[12].picture[by_key], less[12].picture[by_key])
