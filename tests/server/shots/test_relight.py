import torch

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.relight import develop, excess, follow, knee, luminance, split, undevelop

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
