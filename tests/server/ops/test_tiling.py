import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from impasto.server.errors import Cancelled
from impasto.server.ops.tiling import blending, grid, tiled


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 6), st.integers(0, 3), st.sampled_from([1, 4, 8]))
def test_every_pixel_is_kept_once_and_tiles_stay_on_the_grid(height, width, tile, pad, stride):
    counts = torch.zeros(height * stride, width * stride)
    for piece in grid(height * stride, width * stride, tile * stride, pad * stride, stride):
        top, bottom, left, right = piece.seen
        first, last, start, stop = piece.kept
        assert 0 <= top <= first < last <= bottom <= height * stride
        assert 0 <= left <= start < stop <= right <= width * stride
        assert all(edge % stride == 0 for edge in piece.seen)
        counts[first:last, start:stop] += 1
    assert bool((counts == 1).all())


@given(st.integers(1, 90), st.integers(1, 90), st.integers(8, 40), st.integers(1, 4))
def test_blended_tiles_weigh_something_everywhere_and_one_where_they_are_wide_enough(height, width, tile, blend):
    weights = torch.zeros(1, 1, height, width)
    for piece in grid(height, width, tile, 4):
        top, bottom, left, right = piece.seen
        part = blending(piece, height, width, blend)
        assert part.shape == (1, 1, bottom - top, right - left)
        weights[..., top:bottom, left:right] += part
    assert float(weights.min()) > 0
    if all(side % tile == 0 or side % tile >= 2 * blend for side in (height, width)):
        assert torch.allclose(weights, torch.ones_like(weights), atol=1e-5)


def test_tiles_of_a_convolution_equal_the_whole():
    x = torch.randn(1, 2, 37, 53, generator=torch.Generator().manual_seed(0))
    kernel = torch.randn(3, 2, 5, 5, generator=torch.Generator().manual_seed(1))

    def blur(part):
        return F.conv2d(F.pad(part, (2, 2, 2, 2), mode="reflect"), kernel)

    assert torch.allclose(tiled(blur, x, 16, 4), blur(x), atol=1e-5)


@pytest.mark.parametrize("size", [(30, 32, 16, 8), (32, 32, 12, 8), (32, 32, 16, 4), (32, 32, 0, 0)])
def test_a_size_off_the_grid_is_refused(size):
    with pytest.raises(ValueError, match="multiple of 8"):
        grid(*size, stride=8)


def test_cancelling_stops_between_tiles():
    calls = []

    def check() -> None:
        calls.append(None)
        if len(calls) == 3:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        tiled(lambda part: part, torch.zeros(1, 1, 8, 8), 2, 0, check=check)
    assert len(calls) == 3
