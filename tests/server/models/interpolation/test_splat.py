import pytest
import torch

from impasto.server.models.interpolation.interpolator import Pair
from impasto.server.models.interpolation.splat import Splat, course
from impasto.server.ops.threads import fixed_threads

SIZE = (40, 64)


def texture(seed, height=SIZE[0], width=SIZE[1] + 32):
    noise = torch.rand(1, 3, height // 4 + 1, width // 4 + 1, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, (height, width), mode="bicubic")


def square_over_ground(shift):
    """A square of its own texture, `shift` pixels to the right, and the mask of it."""
    ground = texture(1)[..., : SIZE[1]].clone()
    mask = torch.zeros(1, 1, *SIZE)
    mask[..., 12:28, 20 + shift : 36 + shift] = 1
    square = torch.roll(texture(2), shift, -1)[..., : SIZE[1]]
    return ground * (1 - mask) + square * mask, mask


def pair_of(shift):
    first, here = square_over_ground(0)
    second, there = square_over_ground(shift)
    motion = torch.tensor([float(shift), 0.0])[:, None, None]
    one = torch.ones_like(here)
    return Pair(
        first, second, motion * here, -motion * there,
        ((1 - here) * there), ((1 - there) * here), one, one,
    )  # fmt: skip


@pytest.mark.parametrize("time", [0.25, 0.5, 0.75])
def test_a_square_is_where_it_belongs_at_any_time(time):
    shift = 8
    pair = pair_of(shift)
    made = Splat()(pair, time, course(pair, time))
    true, _ = square_over_ground(int(shift * time))
    difference = (made - true).abs().mean(1)[0]
    assert float(difference.mean()) < 0.004
    assert float((difference > 0.1).float().mean()) < 0.02, "at most the square's border is off"


def test_what_one_side_alone_sees_comes_from_there():
    pair = pair_of(8)
    share = course(pair, 0.5).share[0, 0]
    uncovered, covered = share[20, 21:23], share[20, 41:43]
    assert bool((uncovered > 0.9).all()), "ground the square leaves is seen in the second alone"
    assert bool((covered < 0.1).all()), "ground it will cover is seen in the first alone"


def test_the_nearer_thing_wins_where_depth_is_known():
    pair = pair_of(8)
    # Two things of one likeness land on one place: a band of the ground is told to fly into the square's place.
    forward = pair.forward.clone()
    forward[:, 0, 12:28, 36:52] = -8.0
    near = (pair.forward[:, :1] > 0).float()
    told = Pair(**{**vars(pair), "forward": forward, "near_first": near, "near_second": torch.roll(near, 8, -1)})
    to_first = course(told, 0.5).to_first[0, 0, 20, 28:38]
    assert bool((to_first < 0).all())


def test_equal_pictures_give_themselves_bit_for_bit():
    picture = texture(4)[..., : SIZE[1]] * 40 - 2
    still = torch.zeros(1, 2, *SIZE)
    none, one = torch.zeros(1, 1, *SIZE), torch.ones(1, 1, *SIZE)
    pair = Pair(picture, picture, still, still, none, none, one, one)
    assert torch.equal(Splat()(pair, 0.3, course(pair, 0.3)), picture)


def test_bits_do_not_depend_on_threads():
    pair = pair_of(8)
    made = []
    for count in (1, 2):
        with fixed_threads(count):
            made.append(Splat()(pair, 0.4, course(pair, 0.4)))
    assert torch.equal(*made)


def test_backwards_is_the_same_picture():
    pair = pair_of(8)
    onward, backward = (
        Splat()(pair, 0.25, course(pair, 0.25)),
        Splat()(pair.turned(), 0.75, course(pair.turned(), 0.75)),
    )
    assert float((onward - backward).abs().mean()) < 1e-3


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (17, 3)])
def test_tiny_pictures_work(size):
    picture = torch.rand(1, 3, *size)
    still = torch.zeros(1, 2, *size)
    none, one = torch.zeros(1, 1, *size), torch.ones(1, 1, *size)
    pair = Pair(picture, picture, still, still, none, none, one, one)
    assert Splat()(pair, 0.5, course(pair, 0.5)).shape == picture.shape
