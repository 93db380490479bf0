"""Motion in tiles: no seams, far motion, the chunk rule, and every size."""

import pytest
import torch
from torch.nn import functional as F

from impasto.server.models.flow import raft_weights
from impasto.server.models.flow.raft import Raft
from impasto.server.models.flow.raft_estimator import RaftEstimator
from impasto.server.models.flow.raft_tiles import refined


def estimator(raft: Raft, **options: int) -> RaftEstimator:
    return RaftEstimator(raft, **({"settled": 0, "polish": False} | options))  # type: ignore[arg-type]


def moved_pair(height: int, width: int, x: int, y: int) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(3)
    sizes = [(height // each + 2, width // each + 2) for each in (2, 5, 16)]
    layers = [torch.rand(1, 3, *size, generator=draws) for size in sizes]
    large = [F.interpolate(each, (height + 2 * abs(y), width + 2 * abs(x)), mode="bicubic") for each in layers]
    scene = torch.stack(large).mean(0).clamp(0, 1)
    top, left = abs(y), abs(x)
    first, second = scene[..., top:, left:], scene[..., top - y :, left - x :]
    return first[..., :height, :width].contiguous(), second[..., :height, :width].contiguous()


@pytest.fixture(scope="module")
def raft() -> Raft:
    torch.manual_seed(7)
    return Raft("small").eval().requires_grad_(False)


def field(height: int, width: int, x: float, y: float) -> torch.Tensor:
    return torch.tensor([float(x), float(y)])[:, None, None].expand(1, 2, height, width).clone()


def test_each_tile_is_shown_the_part_of_the_second_picture_its_pixels_move_to():
    rows, columns = torch.meshgrid(torch.arange(512.0), torch.arange(768.0), indexing="ij")
    picture = torch.stack([columns, rows, rows * 0])[None]
    sizes = set()

    def measure(first, second, begun, origin):
        moved = first[0, :2, 0, 0] + torch.tensor(origin)
        assert torch.equal(second[0, :2, 0, 0], moved)  # both parts say where they lie
        assert all(int(side) % 8 == 0 for side in (*origin, *first.shape[-2:], *second.shape[-2:]))
        sizes.add(tuple(second.shape[-2:]))
        return begun + 0.25

    found = refined(picture, picture, field(512, 768, 300, -20), 128, measure)
    inside = found[..., 64:-64, 64:-400]
    assert torch.allclose(inside, field(*inside.shape[-2:], 300.25, -19.75), atol=1e-4)
    assert max(max(size) for size in sizes) <= 128 + 2 * 128 + 2 * 128 + 8


def test_tiles_that_differ_go_over_into_each_other_without_a_step():
    values = iter(range(100))
    found = refined(
        torch.zeros(1, 3, 256, 640), torch.zeros(1, 3, 256, 640), field(256, 640, 0, 0), 128,
        lambda first, second, begun, origin: begun + next(values),
    )  # fmt: skip
    assert float(found.diff(dim=-1).abs().max()) < 0.05
    assert float(found.diff(dim=-2).abs().max()) < 0.05


def test_what_a_tile_cannot_see_keeps_the_motion_known():
    start = field(256, 1024, 0, 0)
    start[..., 100:120, 200:230] = 600.0  # far out of what its tile is shown, though within the picture
    start[:, 1, 100:120, 200:230] = 0.0
    found = refined(
        torch.zeros(1, 3, 256, 1024), torch.zeros(1, 3, 256, 1024), start, 128,
        lambda first, second, begun, origin: begun + 5,
    )  # fmt: skip
    assert torch.allclose(found[0, 0, 105:115, 205:225], torch.tensor(600.0))
    assert torch.allclose(found[0, 0, 10:50, 300:400], torch.tensor(5.0))


@pytest.mark.parametrize("size", [(1, 1), (9, 300), (200, 210)])
def test_any_size_gives_finite_motion_both_ways_and_the_same_bits_again(raft, size):
    made = estimator(raft, updates=1, tiles=100)
    first, second = torch.rand(1, 3, *size), torch.rand(1, 3, *size)
    there, back = made.both(first, second)
    assert there.shape == back.shape == (1, 2, *size)
    assert bool(torch.isfinite(torch.cat([there, back])).all())
    assert torch.equal(there, made(first, second))
    assert torch.equal(back, made(second, first))


def test_one_tile_that_holds_the_picture_is_the_whole_picture(raft):
    first, second = moved_pair(128, 136, 3, -2)
    assert torch.equal(estimator(raft, updates=2, tiles=136)(first, second), estimator(raft, updates=2)(first, second))


@pytest.mark.assets
def test_far_motion_in_tiles_is_found_as_in_the_whole_and_without_seams(assets):
    made = raft_weights.load(assets / "weights/raft-small-princeton.pth", "small")
    pair = moved_pair(160, 400, 36, -10)
    whole, tiled = (estimator(made, updates=8, tiles=tiles)(*pair)[..., 48:-48, 48:-48] for tiles in (0, 128))
    truth = field(*whole.shape[-2:], 36, -10)
    errors = [float(torch.linalg.vector_norm(found - truth, dim=1).median()) for found in (whole, tiled)]
    assert errors[1] < max(0.5, 1.5 * errors[0])
    step = F.avg_pool2d(tiled.diff(dim=-1).abs(), (tiled.shape[-2], 1))
    assert float(step.max()) < 0.25
