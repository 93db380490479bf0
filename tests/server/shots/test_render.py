from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto.server.errors import BadRequest, Cancelled
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import Recipe, render
from impasto.server.shots.keys import Key
from impasto.server.shots.layers import Layer
from impasto.server.shots.render import FILL, KEY, STYLE

SHAPER = Shaper(1.0)


def key(shot, frame, coverage=1.0, **more):
    picture = shot.picture(frame).flip(1)
    fields = {"weight": 1.0, "hold": None, "digest": f"key {frame} {coverage} {more}", **more}
    return Key(frame, picture, torch.full((1, 1, shot.height, shot.width), coverage), **fields)


def recipe(keys=(), painter=None, relight=1.0, consistency=1.0):
    layers = () if painter is None else (Layer(lambda frame: painter, "stripes"),)
    return Recipe(tuple(keys), layers, relight, 7, SHAPER, consistency=consistency)


def frames(tiny, shot, how, wanted=None, store=None, watch=None):
    found = render(
        shot, how, tiny.Motion(shot), wanted or shot.frames, store or tiny.Memory(), watch or tiny.Audience()
    )
    return {painted.frame: painted for painted in found}


def same(one, other):
    names = ("picture", "source_x", "source_y", "source_frame", "source_kind")
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in names) and one.figures == other.figures


KINDS = {
    "style": lambda tiny, shot: recipe(painter=tiny.Painter()),
    "renewed": lambda tiny, shot: recipe(painter=tiny.Painter(), consistency=0.3),
    "keys": lambda tiny, shot: recipe([key(shot, 4), key(shot, 9)]),
    "keys and fill": lambda tiny, shot: recipe([key(shot, 6)], painter=tiny.Painter()),
}
WHOLE = {}


@settings(max_examples=6, deadline=None)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    order=st.permutations(range(1, 13)),
    cuts=st.lists(st.integers(1, 11), max_size=3),
    keep=st.booleans(),
)
def test_any_partition_in_any_order_gives_the_same_bits(tiny, kind, order, cuts, keep):
    shot = tiny.Shot()
    whole = WHOLE.setdefault(kind, frames(tiny, shot, KINDS[kind](tiny, shot)))
    store = tiny.Memory()
    bounds = [0, *sorted(set(cuts)), 12]
    for start, end in pairwise(bounds):
        part = order[start:end]
        made = frames(tiny, shot, KINDS[kind](tiny, shot), part, store if keep else tiny.Memory())
        assert list(made) == part
        assert all(same(made[frame], whole[frame]) for frame in part)


@pytest.mark.parametrize("lost", ["birth", "map", "forward", "both"])
def test_what_the_store_has_lost_is_made_again_alike(tiny, lost):
    shot, store = tiny.Shot(), tiny.Memory()
    how = recipe([key(shot, 6)], painter=tiny.Painter())
    whole = frames(tiny, shot, how, store=store)
    store.forget(lost)
    again = frames(tiny, shot, how, [11, 3, 7], store)
    assert all(same(again[frame], whole[frame]) for frame in again)


def test_threads_do_not_change_a_bit(tiny):
    shot = tiny.Shot()
    threads = torch.get_num_threads()
    made = []
    for count in (1, 3):
        torch.set_num_threads(count)
        made.append(frames(tiny, shot, recipe([key(shot, 6)], painter=tiny.Painter()), [2, 11]))
    torch.set_num_threads(threads)
    assert all(same(made[0][frame], made[1][frame]) for frame in (2, 11))


def test_a_key_is_itself_at_its_own_frame_and_moves_with_the_shot(tiny):
    shot = tiny.Shot()
    made = frames(tiny, shot, recipe([key(shot, 6)], relight=0.0))
    painted = shot.picture(6).flip(1)
    assert torch.allclose(made[6].picture, painted, atol=1e-5)
    assert torch.allclose(made[9].picture[..., :-3], painted[..., 3:], atol=1e-5)
    assert torch.allclose(made[3].picture[..., 3:], painted[..., :-3], atol=1e-5)
    assert (made[9].source_kind[..., :-3] == KEY).all()
    assert (made[9].source_frame[..., :-3] == 6).all()
    assert (made[9].source_x[..., :-3] == torch.arange(3.0, 40.0)).all()


def test_without_a_painter_the_plate_stays_where_no_key_sees(tiny):
    shot = tiny.Shot()
    made = frames(tiny, shot, recipe([key(shot, 6)]), [9])[9]
    assert (made.source_kind[..., -3:] == FILL).all()
    assert torch.allclose(made.picture[..., -3:], shot.picture(9)[..., -3:], atol=1e-5)


def test_a_partly_covering_key_is_laid_over_what_is_below(tiny):
    shot = tiny.Shot()
    made = frames(tiny, shot, recipe([key(shot, 6, coverage=0.25)]), [6])[6]
    encoded = SHAPER.encode(shot.picture(6).flip(1)) * 0.25 + SHAPER.encode(shot.picture(6)) * 0.75
    assert torch.allclose(SHAPER.encode(made.picture), encoded, atol=1e-4)
    assert (made.source_kind == FILL).all()


def test_paint_is_born_once_and_stays_where_it_was_put(tiny):
    shot, painter = tiny.Shot(), tiny.Painter()
    made = frames(tiny, shot, recipe(painter=painter, relight=0.0))
    assert (made[5].source_kind == STYLE).all()
    for frame in range(2, 13):
        now, before = made[frame].picture[..., :-1], made[frame - 1].picture[..., 1:]
        assert torch.allclose(SHAPER.encode(now), SHAPER.encode(before), atol=2e-4)
    assert painter.calls[0] == (8, 1.0)
    assert sum(share for _, share in painter.calls) < 1.5


def test_frame_numbers_below_0_are_numbers_like_others(tiny):
    plain, below = tiny.Shot(), tiny.Shot(frames=tuple(range(-6, 6)))
    picture = recipe(painter=tiny.Painter(), relight=0.0)
    made = {shot.frames[0]: frames(tiny, shot, replace(picture, seed=-shot.frames[0])) for shot in (plain, below)}
    for frame in plain.frames:
        one, other = made[1][frame], made[-6][frame - 7]
        assert torch.equal(one.picture, other.picture)
        assert torch.equal(one.source_frame, other.source_frame + 7)
    keyed = frames(tiny, below, recipe([key(below, -1)]))
    assert (keyed[2].source_frame[..., :-3] == -1).all()


def test_newborn_paint_continues_its_neighbours(tiny):
    shot = tiny.Shot(speed=3)
    made = frames(tiny, shot, recipe(painter=tiny.Painter()))
    last = made[9]
    border = int((last.source_frame[0, 0, 0] == 1).sum())
    step = SHAPER.encode(last.picture).diff(dim=-1).abs().mean((0, 1, 2))
    assert step[border - 1] < 2.5 * step[: border - 1].mean()


def test_figures_tell_what_was_carried(tiny):
    shot = tiny.Shot()
    made = frames(tiny, shot, recipe(painter=tiny.Painter()), [1, 3])
    assert made[1].figures == {"carried": 0.0, "newborn": 1.0, "age": 0.0}
    assert made[3].figures["carried"] == 1.0
    assert made[3].figures["age"] == pytest.approx((2 * 38 + 6 * 2) / 40)


def test_unreadable_frames_are_bridged(tiny):
    shot = tiny.Shot(missing=(4, 5))
    made = frames(tiny, shot, recipe([key(shot, 2)]))
    assert sorted(made) == [1, 2, 3, *range(6, 13)]
    assert (made[7].source_frame[..., :-5] == 2).all()
    assert (made[7].source_x[..., :-5] == torch.arange(5.0, 40.0)).all()


def test_paint_follows_a_fade_without_being_born_again(tiny):
    shot = tiny.Shot(fade=0.85)
    made = frames(tiny, shot, recipe([key(shot, 1)]))
    assert (made[12].source_kind[..., :-11] == KEY).all()
    ratio = made[12].picture[..., :-11] / made[1].picture[..., 11:]
    assert torch.allclose(ratio.mean(), torch.tensor(0.85**11), rtol=0.15)


def test_a_key_outside_the_shot_is_refused_by_its_number(tiny):
    shot = tiny.Shot()
    with pytest.raises(BadRequest, match="Key 40 is not a frame of the shot 1-12"):
        frames(tiny, shot, recipe([Key(40, shot.picture(1), torch.ones(1, 1, 24, 40), 1.0, None, "k")]))


def test_a_key_without_a_plate_is_left_out_and_told_of(tiny):
    shot, watch = tiny.Shot(missing=(4,)), tiny.Audience()
    lost = Key(4, shot.picture(4), torch.ones(1, 1, 24, 40), 1.0, None, "k")
    made = frames(tiny, shot, recipe([lost, key(shot, 6)]), [5], watch=watch)
    assert watch.said == ["Key 4 is left out: its plate cannot be read."]
    assert (made[5].source_frame[..., 1:] == 6).all()


def test_a_key_paints_only_while_it_holds(tiny):
    shot = tiny.Shot()
    made = frames(tiny, shot, recipe([key(shot, 6, hold=frozenset({6, 7}))]), [7, 8])
    assert (made[7].source_kind == KEY).float().mean() > 0.9
    assert (made[8].source_kind == FILL).all()


def test_the_watch_may_stop_the_work(tiny):
    watch = tiny.Audience(stop=Cancelled("stopped"))
    with pytest.raises(Cancelled):
        frames(tiny, tiny.Shot(), recipe(painter=tiny.Painter()), watch=watch)


def test_each_frame_may_have_a_painter_of_its_own(tiny):
    painters = {}

    def painter(frame):
        return painters.setdefault(frame, tiny.Painter())

    frames(tiny, tiny.Shot(), Recipe((), (Layer(painter, "each its own"),), 1.0, 7, SHAPER))
    assert set(painters) == {1, 9, 12}


def test_a_changed_relight_paints_and_carries_nothing_anew(tiny):
    shot, store, painter = tiny.Shot(), tiny.Memory(), tiny.Painter()
    frames(tiny, shot, recipe(painter=painter), store=store)
    painted, saved = len(painter.calls), store.saved
    half = frames(tiny, shot, recipe(painter=painter, relight=0.5), store=store)
    assert (len(painter.calls), store.saved) == (painted, saved)
    assert all(same(half[f], other) for f, other in frames(tiny, shot, recipe(painter=painter, relight=0.5)).items())


def test_another_style_is_painted_and_carries_nothing_anew(tiny):
    shot, store, watch = tiny.Shot(speed=3), tiny.Memory(), tiny.Audience()
    frames(tiny, shot, recipe(painter=tiny.Painter()), store=store)
    layer = Layer(lambda frame: tiny.Painter(), "other stripes")
    other = Recipe((), (layer,), 1.0, 8, SHAPER)
    made = frames(tiny, shot, other, store=store, watch=watch)
    assert {name for name, _ in watch.stages} == {"births", "picture"}
    assert all(same(made[frame], one) for frame, one in frames(tiny, shot, other).items())


def test_one_key_more_carries_only_itself_and_equals_a_render_from_an_empty_store(tiny):
    shot, store = tiny.Shot(), tiny.Memory()
    frames(tiny, shot, recipe([key(shot, 4)]), store=store)
    audience = tiny.Audience()
    two = frames(tiny, shot, recipe([key(shot, 4), key(shot, 9)]), store=store, watch=audience)
    assert sum(name == "maps" for name, _ in audience.stages) == len(shot.frames) - 1
    fresh = frames(tiny, shot, recipe([key(shot, 4), key(shot, 9)]))
    assert all(same(two[frame], fresh[frame]) for frame in shot.frames)
