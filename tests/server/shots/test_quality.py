import pytest
import torch

from impasto.sequences import FIGURES
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import Recipe, render
from impasto.server.shots.layers import Layer
from impasto.server.shots.quality import painted_alone, reviewed, with_neighbours
from impasto.server.shots.render import Painted


def plain(shot, frame, picture=None, born=None, kind=1.0):
    """A frame whose paint is the plate itself, laid in `born`."""
    one = torch.ones(1, 1, shot.height, shot.width)
    column = torch.arange(float(shot.width)).expand(1, 1, shot.height, shot.width)
    row = torch.arange(float(shot.height))[:, None].expand(1, 1, shot.height, shot.width)
    picture = shot.picture(frame) if picture is None else picture
    return Painted(frame, picture, column, row, one * (frame if born is None else born), one * kind, {})


def review(tiny, shot, frames, wanted):
    motion = tiny.Motion(shot)
    return {each.frame: each.figures for each in reviewed(iter(frames), wanted, shot, motion, Shaper(1.0))}


def test_paint_that_moves_with_the_plate_changes_no_more_than_the_plate(tiny):
    shot = tiny.Shot()
    figures = review(tiny, shot, [plain(shot, 4), plain(shot, 5)], [5])[5]
    assert figures["error"] == figures["plate_error"] < 1e-9
    assert 0 < figures["occluded"] < 0.1
    assert figures["cut"] == 0


def test_paint_that_stays_on_the_screen_is_told_from_paint_that_sticks(tiny):
    shot = tiny.Shot()
    stuck = [plain(shot, 4), plain(shot, 5, shot.picture(4))]
    figures = review(tiny, shot, stuck, [5])[5]
    assert figures["error"] > 1e-4
    assert figures["error_ratio"] > 100


def test_the_first_frame_of_a_shot_is_a_cut_and_has_no_error(tiny):
    shot = tiny.Shot()
    figures = review(tiny, shot, [plain(shot, 1)], [1])[1]
    assert (figures["cut"], figures["occluded"]) == (1.0, 1.0)
    assert "error" not in figures
    assert "filled" not in figures


def test_what_no_key_painted_counts_as_filled(tiny):
    shot = tiny.Shot()
    by_key = review(tiny, shot, [plain(shot, 4), plain(shot, 5)], [5])[5]
    by_fill = review(tiny, shot, [plain(shot, 4), plain(shot, 5, kind=2.0)], [5])[5]
    assert (by_key["filled"], by_fill["filled"]) == (0.0, 1.0)


def test_light_is_told_in_stops_against_the_plate_at_birth(tiny):
    shot = tiny.Shot(speed=0, fade=0.5**0.5)
    figures = review(tiny, shot, [plain(shot, 4, born=3), plain(shot, 5, born=3)], [5])[5]
    assert figures["relight_low"] == pytest.approx(-1.0, abs=0.02)
    assert figures["relight_high"] == pytest.approx(-1.0, abs=0.02)


def test_the_frames_before_are_painted_too_though_not_given_on(tiny):
    shot = tiny.Shot(missing=(4,))
    assert with_neighbours([5, 9], tiny.Motion(shot)) == (3, 5, 8, 9)


def test_a_frames_numbers_do_not_depend_on_the_others_asked_for(tiny):
    def numbers(wanted):
        shot = tiny.Shot()
        motion, memory, audience = tiny.Motion(shot), tiny.Memory(), tiny.Audience()
        layer = Layer(lambda frame: tiny.Painter(), "stripes")
        recipe = Recipe((), (layer,), 1.0, 3, Shaper(1.0))
        frames = render(shot, recipe, motion, with_neighbours(wanted, motion), memory, audience)
        return {each.frame: each.figures for each in reviewed(frames, wanted, shot, motion, Shaper(1.0))}

    whole = numbers(range(1, 13))
    assert set(whole[7]) <= set(FIGURES)
    assert numbers([7]) == {7: whole[7]}
    assert numbers([3, 8]) == {frame: whole[frame] for frame in (3, 8)}


def test_how_far_frames_painted_alone_differ_stands_beside_the_own_error(tiny):
    shot, store = tiny.Shot(), tiny.Memory()
    motion, audience = tiny.Motion(shot), tiny.Audience()
    recipe = Recipe((), (Layer(lambda frame: tiny.Painter(), "stripes"),), 0.0, 3, Shaper(1.0))
    alone = painted_alone(shot, recipe, store, audience)
    frames = render(shot, recipe, motion, with_neighbours([6], motion), store, audience)
    (figures,) = (each.figures for each in reviewed(frames, [6], shot, motion, Shaper(1.0), alone))
    encoded = [Shaper(1.0).encode(alone(frame)) for frame in (6, 5)]
    expected = (encoded[0][..., :-1] - encoded[1][..., 1:]).square().mean()
    assert figures["alone_error"] == pytest.approx(float(expected), rel=0.05)
    assert figures["error"] < 0.01 * figures["alone_error"]
    assert [frame for name, frame in audience.stages if name == "alone"] == [6, 5]


def test_without_a_style_nothing_is_painted_alone(tiny):
    assert painted_alone(tiny.Shot(), Recipe((), (), 1.0, 0, Shaper(1.0)), tiny.Memory(), tiny.Audience()) is None
