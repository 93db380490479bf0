import torch

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.relight import (
    answer,
    change,
    develop,
    excess,
    follow,
    knee,
    luminance,
    split,
    undevelop,
)

SHAPER = Shaper(1.0)
ALL = torch.ones(1, 1, 32, 48, dtype=torch.bool)


def plate(peak=40.0):
    picture = 0.05 + 0.4 * torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    picture[..., 10:14, 20:24] = peak
    return picture


def test_base_times_gain_is_the_plate_and_the_base_ends_at_the_knee():
    light = split(plate(), SHAPER)
    assert torch.allclose(SHAPER.decode(light.base) * light.gain, plate(), rtol=1e-4)
    assert luminance(SHAPER.decode(light.base)).max() <= knee(SHAPER) * 1.001


def test_under_unchanged_light_paint_comes_back_as_it_was():
    light = split(plate(), SHAPER)
    paint = torch.rand(1, 3, 32, 48) * 0.9
    assert torch.allclose(follow(paint, paint, light.base, ALL, light, SHAPER, 1.0), paint, atol=2e-6)


def test_paint_darkens_with_the_plate_unless_told_not_to():
    then, now = split(plate(0.3), SHAPER), split(plate(0.3) / 4, SHAPER)
    paint = torch.full((1, 3, 32, 48), 0.5)
    relit = SHAPER.decode(follow(paint, paint, then.base, ALL, now, SHAPER, 1.0))
    ratio = (relit / SHAPER.decode(paint)).mean()
    assert 0.2 < ratio < 0.33
    assert torch.allclose(follow(paint, paint, then.base, ALL, now, SHAPER, 0.0), paint, atol=2e-6)


def test_a_key_that_holds_highlights_is_kept_exactly_at_its_own_frame():
    light = split(plate(), SHAPER)
    for key in (plate(), plate(5.0), plate(0.2), plate() * 3):
        base, match = undevelop(key, light, SHAPER)
        if excess(key, SHAPER).max() > 1.001:
            assert torch.allclose(develop(base, match, light, SHAPER), key, rtol=2e-4)


def test_a_clipped_key_gets_the_plates_highlights_back():
    light = split(plate(), SHAPER)
    base, match = undevelop(plate().clamp(0, 1), light, SHAPER)
    assert torch.allclose(develop(base, match, light, SHAPER), plate(), rtol=1e-3)


def test_a_highlight_the_artist_painted_over_stays_painted_over():
    light = split(plate(), SHAPER)
    base, match = undevelop(plate(0.1), light, SHAPER)
    assert develop(base, match, light, SHAPER).max() < 0.5


def test_a_glint_that_moves_keeps_its_energy_and_its_colour():
    then = split(plate(), SHAPER)
    moved = plate().roll(12, -1)
    now = split(moved, SHAPER)
    base, match = undevelop(plate(), then, SHAPER)
    painted = develop(follow(base, base, then.base, ALL, now, SHAPER, 1.0), match, now, SHAPER)
    bright = luminance(moved) > 1
    assert abs(luminance(painted)[bright].sum() / luminance(moved)[bright].sum() - 1) < 0.05
    assert painted.max() < 1.5 * moved.max()
    assert torch.isfinite(painted).all()


def test_black_and_negative_plates_do_not_break_the_light():
    dark = torch.zeros(1, 3, 16, 16)
    dark[..., :8] = -0.05
    now, then = split(dark, SHAPER), split(dark + 3, SHAPER)
    for a, b in ((now, then), (then, now)):
        assert torch.isfinite(follow(a.base, a.base, a.base, a.gain > 0, b, SHAPER, 1.0)).all()


def shaded(shade):
    """A ground with light and shade broader than strokes, under a shade, (48,), from left to right."""
    wave = 0.2 + 0.1 * torch.sin(torch.arange(96) * 0.4) * torch.ones(64, 1)
    return (wave * shade).expand(1, 3, 64, 96).contiguous()


def half_dark(depth):
    return torch.where(torch.arange(96) < 32, depth, 1.0)


def test_a_glint_that_passes_changes_no_light_around_it():
    still = torch.full((1, 3, 64, 96), 0.2)
    passing = still.clone()
    passing[..., 28:34, 40:46] = 40.0
    then, now = split(still, SHAPER), split(passing, SHAPER)
    ratio = change(now, then.base, torch.ones(1, 1, 64, 96, dtype=torch.bool), SHAPER)
    assert ratio[..., 20:42, 48:].max() < 1.1
    assert change(then, now.base, torch.ones(1, 1, 64, 96, dtype=torch.bool), SHAPER)[..., 48:].min() > 0.9


def test_a_bright_wall_that_fades_is_followed():
    there = torch.ones(1, 1, 64, 96, dtype=torch.bool)
    then, now = split(torch.full((1, 3, 64, 96), 0.99), SHAPER), split(torch.full((1, 3, 64, 96), 0.2), SHAPER)
    paint = torch.full((1, 3, 64, 96), 0.6)
    relit = SHAPER.decode(follow(paint, paint, then.base, there, now, SHAPER, 1.0)) / SHAPER.decode(paint)
    assert torch.allclose(relit, torch.tensor(0.2 / 0.99), rtol=0.1)


def test_a_look_answers_to_light_as_far_as_its_paint_keeps_it():
    light = split(shaded(torch.ones(96)), SHAPER)
    there = torch.ones(1, 1, 64, 96, dtype=torch.bool)
    half = SHAPER.encode(SHAPER.decode(light.base) ** 0.5)
    assert answer(light.base, light.base, there, SHAPER) == 1.0
    assert 0.4 < answer(half, light.base, there, SHAPER) < 0.6
    assert answer(1 - light.base, light.base, there, SHAPER) == 0.0
    assert answer(torch.full_like(light.base, 0.5), light.base, there, SHAPER) < 0.1
    even = torch.full_like(light.base, 0.3)
    assert answer(light.base, even, there, SHAPER) > 0.9


def test_paint_follows_a_shadow_as_far_as_its_look_answers_and_exposure_fully():
    there = torch.ones(1, 1, 64, 96, dtype=torch.bool)
    then = split(shaded(torch.ones(96)), SHAPER)
    paint = torch.full((1, 3, 64, 96), 0.5)

    def followed(light, answers):
        now = split(light, SHAPER)
        return SHAPER.decode(follow(paint, paint, then.base, there, now, SHAPER, 1.0, answers)) / SHAPER.decode(paint)

    shadow = shaded(half_dark(0.25))
    assert torch.allclose(followed(shadow, 1.0)[..., :20], torch.tensor(0.25), rtol=0.1)
    assert torch.allclose(followed(shadow, 0.5)[..., :20], torch.tensor(0.5), rtol=0.1)
    assert torch.allclose(followed(shadow, 0.5)[..., 50:], torch.tensor(1.0), rtol=0.05)
    assert torch.allclose(followed(shaded(torch.tensor(0.25)), 0.0), torch.tensor(0.25), rtol=0.1)


def test_a_glint_that_was_painted_as_one_leaves_nothing_behind():
    then, now = split(plate(), SHAPER), split(plate().roll(12, -1), SHAPER)
    base, match = undevelop(plate(), then, SHAPER)
    painted = develop(follow(base, base, then.base, ALL, now, SHAPER, 1.0), match, now, SHAPER)
    assert luminance(painted)[..., 10:14, 20:24].max() < 0.6


def test_a_stroke_under_a_glint_is_no_glint_and_stays():
    then, now = split(plate(), SHAPER), split(plate().roll(12, -1), SHAPER)
    paint = SHAPER.encode(torch.full((1, 3, 32, 48), 0.3))
    there = SHAPER.decode(follow(paint, paint, then.base, ALL, now, SHAPER, 1.0, 0.0))[..., 10:14, 20:24]
    assert torch.allclose(there, torch.tensor(0.3), rtol=0.1)
