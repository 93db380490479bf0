import pytest
import torch

from impasto.server.ops.warp import sample, warp

METHODS = ["nearest", "bilinear", "bicubic"]


@pytest.mark.parametrize("method", METHODS)
def test_no_motion_gives_back_the_bits(method):
    picture = torch.randn(2, 3, 9, 13) * 40
    assert torch.equal(warp(picture, torch.zeros(2, 2, 9, 13), method), picture)


@pytest.mark.parametrize("method", METHODS)
def test_whole_pixels_give_exact_pixels_with_replicated_borders(method):
    picture = torch.randn(1, 2, 8, 11)
    motion = torch.randint(-15, 16, (1, 2, 8, 11)).float()
    row, column = torch.meshgrid(torch.arange(8), torch.arange(11), indexing="ij")
    row = (row + motion[0, 1].long()).clamp(0, 7)
    column = (column + motion[0, 0].long()).clamp(0, 10)
    assert torch.equal(warp(picture, motion, method)[0], picture[0][:, row, column])


@pytest.mark.parametrize(("method", "degree"), [("bilinear", 1), ("bicubic", 2)])
def test_a_polynomial_is_fetched_true_far_beyond_a_thirty_second_of_a_pixel(method, degree):
    column = torch.arange(4000.0)
    picture = (column / 4000).pow(degree).expand(1, 1, 4, 4000)
    x = torch.linspace(100, 3800, 999).reshape(1, 1, 1, -1)
    fetched = sample(picture, x, torch.full_like(x, 2.25), method)
    assert (fetched - (x / 4000) ** degree).abs().max() < 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_places_far_outside_or_without_a_number_do_not_crash(method):
    x = torch.tensor([[[[1e9, -1e9, float("nan"), 0.0]]]])
    fetched = sample(torch.arange(12.0).reshape(1, 1, 3, 4), x, torch.zeros_like(x), method)
    assert fetched[0, 0, 0, :2].tolist() == [3.0, 0.0]


def test_threads_do_not_change_a_bit():
    picture, motion = torch.randn(1, 3, 67, 91), torch.randn(1, 2, 67, 91) * 5
    threads = torch.get_num_threads()
    results = []
    for count in (1, 3):
        torch.set_num_threads(count)
        results.append(warp(picture, motion, "bicubic"))
    torch.set_num_threads(threads)
    assert torch.equal(*results)
