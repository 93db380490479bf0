import torch

from impasto.server.shots.provenance import NOWHERE, Map, carry, identity, over, stretch


def everywhere(frame, height=6, width=9):
    return identity(frame, torch.ones(1, 1, height, width, dtype=torch.bool))


def still(height=6, width=9):
    return torch.zeros(1, 2, height, width)


def test_without_motion_a_map_is_carried_bit_for_bit():
    here = everywhere(3)
    here = Map(here.born, here.x + torch.rand_like(here.x) * 0.3, here.y - 7, here.doubt + 1)
    carried = carry(here, still())
    for name in ("born", "x", "y", "doubt"):
        assert torch.allclose(getattr(carried, name), getattr(here, name), atol=1e-5)


def test_places_are_fetched_bilinearly_as_displacement():
    carried = carry(everywhere(1), still() + torch.tensor([0.25, -0.5])[:, None, None])
    assert torch.allclose(carried.x[0, 0, 2, 2:-2], torch.arange(2.0, 7.0) + 0.25)
    assert torch.allclose(carried.y[0, 0, 2:-2, 3], torch.arange(2.0, 4.0) - 0.5)


def test_paint_from_outside_is_no_paint():
    carried = carry(everywhere(1), still() + torch.tensor([3.0, 0.0])[:, None, None])
    assert carried.born[0, 0, 0].tolist() == [1] * 6 + [NOWHERE] * 3


def test_two_births_never_mix_to_a_third_place():
    here = everywhere(1)
    later = torch.arange(9).expand(1, 1, 6, 9) > 4
    here = Map(torch.where(later, 2, here.born), torch.where(later, here.x + 100, here.x), here.y, here.doubt)
    carried = carry(here, still() + torch.tensor([0.4, 0.0])[:, None, None])
    displacement = carried.x - torch.arange(9.0) - 0.4
    expected = torch.where(carried.born == 2, 100.0, 0.0)
    assert torch.allclose(displacement, expected, atol=1e-4)


def test_two_things_of_one_birth_never_mix_to_a_third_place():
    here = everywhere(1)
    thing = torch.arange(9).expand(1, 1, 6, 9) > 4
    here = Map(here.born, torch.where(thing, here.x + 20, here.x), here.y, here.doubt)
    carried = carry(here, still() + torch.tensor([0.4, 0.0])[:, None, None])
    displacement = (carried.x - torch.arange(9.0) - 0.4).round(decimals=3)
    assert set(displacement.unique().tolist()) == {0.0, 20.0}


def test_paint_of_a_surface_that_turns_away_is_squeezed_and_comes_back_as_it_was():
    here, start = everywhere(1, 6, 40), torch.arange(40.0)
    there = 4 * (start - 20) + 20.3  # so far that a pixel is four pixels of paint
    turned = carry(here, (there - start).expand(1, 1, 6, 40) * torch.tensor([1.0, 0.0])[:, None, None], given=True)
    back = (start - 20) / 4 + 20.1
    again = carry(turned, (back - start).expand(1, 1, 6, 40) * torch.tensor([1.0, 0.0])[:, None, None], given=True)
    assert torch.allclose(again.x[0, 0, 2, 4:-4].diff(), torch.ones(31), atol=1e-4)
    assert torch.allclose(again.y[0, 0, 2, 4:-4], torch.tensor(2.0))


def test_beside_a_tear_nothing_is_joined_around_it():
    here = everywhere(1, 8, 9)
    thing = (torch.arange(9) > 4) & (torch.arange(8)[:, None] > 3)
    here = Map(here.born, torch.where(thing, here.x + 20, here.x), here.y, here.doubt)
    carried = carry(here, still(8, 9) + torch.tensor([0.4, 0.4])[:, None, None], given=True)
    displacement = (carried.x - torch.arange(9.0) - 0.4).round(decimals=3)
    assert set(displacement.unique().tolist()) == {0.0, 20.0}


def test_dead_pixels_stay_dead_and_reborn_ones_are_at_home():
    dead = torch.arange(9).expand(1, 1, 6, 9) == 2
    here = carry(everywhere(1), still() + 0.5).without(dead)
    assert not here.alive[..., 2].any()
    again = here.reborn(dead, 7)
    assert (again.born[..., 2] == 7).all()
    assert (again.x[..., 2] == 2).all()
    assert (here.born[..., 0] == again.born[..., 0]).all()


def test_the_lower_map_shows_only_where_the_upper_has_no_paint():
    dead = torch.arange(9).expand(1, 1, 6, 9) == 2
    mixed = over(everywhere(1).without(dead), everywhere(5))
    assert (mixed.born == torch.where(dead, 5, 1)).all()


def test_stretch_is_the_logarithm_of_the_change_of_length():
    here = everywhere(1)
    double = Map(here.born, here.x * 2, here.y, here.doubt)
    assert torch.allclose(stretch(double), torch.full_like(here.x, 2.0).log())
    assert stretch(here).abs().max() < 1e-6
