import torch

from impasto.server.ops.splat import fill, inverse, splat


def test_still_pixels_land_where_they_are():
    values = torch.randn(1, 3, 7, 9)
    sums, weight = splat(values, torch.zeros(1, 2, 7, 9))
    assert torch.equal(sums, values)
    assert torch.equal(weight, torch.ones(1, 1, 7, 9))


def test_what_leaves_the_picture_is_lost_and_nothing_else():
    values = torch.rand(1, 1, 6, 10)
    motion = torch.full((1, 2, 6, 10), 0.0)
    motion[:, 0] = 2.25
    sums, weight = splat(values, motion)
    assert torch.allclose(sums.sum(), values[..., :7].sum() + 0.75 * values[..., 7].sum(), atol=1e-5)
    assert weight[..., :2].max() == 0


def test_of_two_that_meet_the_heavier_counts_more():
    motion = torch.zeros(1, 2, 1, 2)
    motion[0, 0, 0, 0] = 1
    weight = torch.tensor([3.0, 1.0]).reshape(1, 1, 1, 2)
    sums, total = splat(torch.tensor([10.0, 2.0]).reshape(1, 1, 1, 2), motion, weight)
    assert (sums / total)[0, 0, 0, 1] == 8


def test_turned_motion_leads_home_and_holes_continue_what_is_around():
    motion = torch.zeros(1, 2, 16, 24)
    motion[:, 0], motion[:, 1] = 3, -2
    turned, reached = inverse(motion, torch.ones(1, 1, 16, 24))
    assert torch.allclose(turned[:, 0], torch.tensor(-3.0))
    assert torch.allclose(turned[:, 1], torch.tensor(2.0))
    assert reached[..., :3].max() == 0
    assert reached[..., :14, 3:].min() == 1


def test_holes_in_one_row_or_everywhere_are_filled_without_a_number_lost():
    known = torch.zeros(1, 1, 1, 5)
    known[..., 2] = 1
    assert torch.equal(fill(torch.full((1, 2, 1, 5), 4.0), known), torch.full((1, 2, 1, 5), 4.0))
    assert torch.equal(fill(torch.ones(1, 2, 3, 3), torch.zeros(1, 1, 3, 3)), torch.zeros(1, 2, 3, 3))


def test_motion_without_bounds_does_not_crash():
    motion = torch.full((1, 2, 3, 3), 1e30)
    _, weight = splat(torch.ones(1, 1, 3, 3), motion)
    assert weight.max() == 0
