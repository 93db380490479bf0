from dataclasses import replace

import pytest
import torch
from torch import nn

from impasto.server.errors import BadRequest
from impasto.server.models.style import johnson, statistics
from impasto.server.models.style.feedforward import FeedForwardPainter, for_shot, style_at
from impasto.server.models.style.mixing import checked
from impasto.server.models.style.statistics import Statistics


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.InstanceNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 3, 3, padding=1),
        nn.InstanceNorm2d(3),
    ).eval()


@pytest.fixture
def painter() -> FeedForwardPainter:
    return FeedForwardPainter(_net(), stride=4, smallest=8, reach=3, tile=16)


@pytest.fixture
def frames() -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    return [torch.rand(1, 3, 40, 44, generator=random) * gain for gain in (0.2, 0.5, 1.0)]


def test_a_still_shot_paints_the_same_frozen_as_per_frame(painter, frames):
    whole = FeedForwardPainter(painter.net, 4, 8, 3, tile=None)
    frozen = whole.prepare([frames[1], frames[1]])
    assert torch.allclose(frozen.paint(frames[1]), whole.paint(frames[1]), atol=1e-4)


def test_frozen_statistics_let_the_plate_s_light_change_through(painter, frames):
    frozen = painter.prepare(frames)
    means = [frozen.paint(frame).mean((0, 2, 3)) for frame in frames]
    alone = [painter.paint(frame).mean((0, 2, 3)) for frame in frames]
    assert (means[0] - means[2]).abs().max() > 10 * (alone[0] - alone[2]).abs().max()


def test_tiles_equal_the_whole_once_statistics_are_frozen(painter, frames):
    frozen = painter.prepare(frames)
    whole = FeedForwardPainter(painter.net, 4, 8, 3, tile=None, moments=frozen.moments)
    assert (frozen.paint(frames[2]) - whole.paint(frames[2])).abs().max() < 1e-4


def test_a_frame_in_tiles_is_normalised_as_one(painter, frames):
    whole = FeedForwardPainter(painter.net, 4, 8, 3, tile=None)
    assert (painter.paint(frames[2]) - whole.paint(frames[2])).abs().max() < 1e-4


def test_statistics_ease_over_a_shot_and_do_not_depend_on_what_is_asked_for(painter, frames):
    samples = dict(zip((1001, 1030, 1060), frames, strict=True))
    first = for_shot(painter, samples, Statistics.SMOOTHED)
    again = for_shot(painter, samples, Statistics.SMOOTHED)
    assert torch.equal(first(1030).paint(frames[1]), again(1030).paint(frames[1]))
    nearby = (first(1030).paint(frames[1]) - first(1031).paint(frames[1])).abs().mean()
    afar = (first(1001).paint(frames[1]) - first(1060).paint(frames[1])).abs().mean()
    assert 0 < nearby < afar / 5


def test_per_frame_statistics_leave_the_painter_as_it_is(painter, frames):
    assert for_shot(painter, {1: frames[0]}, Statistics.PER_FRAME)(7) is painter


def test_a_frame_far_from_every_sample_takes_the_nearest(painter, frames):
    measured = {1: painter.measure(frames[0]), 100_000: painter.measure(frames[2])}
    eased = statistics.eased(measured, 99_000)
    for name, (mean, _) in eased.items():
        assert torch.equal(mean, measured[100_000][name][0])


def test_freezing_leaves_the_net_as_it_was(painter, frames):
    before = painter.paint(frames[0])
    painter.prepare(frames).paint(frames[0])
    assert torch.equal(painter.paint(frames[0]), before)


def test_a_shot_without_frames_is_refused(painter):
    with pytest.raises(BadRequest, match="at least one readable frame"):
        painter.prepare([])


def test_statistics_of_another_net_are_refused(painter, frames):
    with pytest.raises(ValueError, match="the statistics are of"):
        statistics.frozen(painter.net, statistics.measured(nn.InstanceNorm2d(3), frames[0]))


def test_large_frames_are_measured_on_a_reduced_copy():
    frame = torch.rand(1, 3, 64, 128)
    assert statistics.reduced(frame, 8, largest=64 * 32).shape == (1, 3, 32, 64)
    assert statistics.reduced(frame, 8) is frame


def test_highlights_are_clipped_for_the_net_only(painter, frames):
    bright = frames[0] + 7.0
    kept = bright.clone()
    assert torch.equal(painter.paint(bright), painter.paint(torch.ones_like(bright)))
    assert torch.equal(bright, kept)


def test_any_size_down_to_one_pixel_comes_back_the_same_size(painter):
    for size in [(1, 1), (5, 40), (33, 46)]:
        assert painter.paint(torch.rand(1, 3, *size)).shape == (1, 3, *size)


@pytest.mark.parametrize("size", [(1, 1), (2, 9000), (600, 40)])
def test_any_style_picture_is_brought_to_a_size_the_nets_can_take(size):
    height, width = style_at(torch.rand(1, 3, *size) * 9, 0.25).shape[-2:]
    assert height % 16 == width % 16 == 0
    assert 32 <= height <= 512
    assert 32 <= width <= 512


@pytest.mark.parametrize("shares", [[1.0], [1.0, -1.0], [0.0, 0.0]])
def test_shares_that_do_not_fit_the_styles_are_refused(shares):
    with pytest.raises(BadRequest, match="2 styles got the weights"):
        checked(shares, 2)


def test_masks_that_do_not_fit_the_styles_are_refused():
    with pytest.raises(BadRequest, match="2 styles got 1 masks"):
        checked(None, 2, torch.zeros(1, 1, 4, 4))


@pytest.mark.assets
def test_the_published_johnson_net_is_tile_exact_too_once_frozen(assets):
    painter = johnson.build(assets / "weights" / "johnson" / "mosaic.pth")
    frame = torch.rand(1, 3, 176, 200, generator=torch.Generator().manual_seed(1))
    frozen = painter.prepare([frame])
    whole = replace(frozen, tile=None).paint(frame)
    assert (replace(frozen, tile=96).paint(frame) - whole).abs().max() < 1e-4
    assert torch.allclose(whole, painter.paint(frame), atol=1e-4)
