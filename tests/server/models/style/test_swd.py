import hashlib
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto.server.errors import Cancelled
from impasto.server.models import catalogue
from impasto.server.models.style import swd, transport
from impasto.server.models.style.patches import PatchTable
from impasto.server.models.style.regions import TILE, boxes, widen


def strokes(height: int, width: int) -> torch.Tensor:
    """Slanted red and yellow stripes."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    band = 0.5 + 0.5 * torch.sin((x + 2 * y) * 0.7)
    return torch.stack([0.6 + 0.3 * band, 0.1 + 0.7 * band, 0.1 * torch.ones_like(band)])[None]


def plate(height: int, width: int) -> torch.Tensor:
    """A grey-blue ramp with a bright disc."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    disc = ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.06).float()
    return torch.stack([0.2 + 0.3 * x + 0.3 * disc, 0.25 + 0.3 * x + 0.3 * disc, 0.4 + 0.3 * x])[None]


@pytest.fixture(scope="module")
def painter() -> swd.SlicedWassersteinPainter:
    return swd.build(strokes(48, 64))


@pytest.fixture(scope="module")
def painted(painter) -> torch.Tensor:
    return painter.paint(plate(96, 160))


def distance(first: torch.Tensor, second: torch.Tensor, size: int = 7) -> float:
    """Sliced Wasserstein distance of the patches of two pictures."""
    filters = transport.directions(64, 3 * size * size, torch.Generator().manual_seed(0))
    rows = [transport.quantiles(filters @ torch.nn.functional.unfold(p, size)[0]) for p in (first, second)]
    return float((rows[0] - rows[1]).abs().mean())


def test_the_catalogue_finds_it_with_its_knobs():
    model = catalogue.find("swd", "style")
    assert model.weights is None
    assert [knob.name for knob in model.parameters] == ["style_scale", "content"]


def test_at_most_32_projections_are_drawn_a_step():
    assert swd.PROJECTIONS <= 32


def test_the_paint_has_the_style_patches_and_the_plates_structure(painted):
    style, content = strokes(96, 128), plate(96, 160)
    assert distance(painted, style) < 0.4 * distance(content, style)
    # Strokes are finer than structure: it is looked for in what is left at an eighth of the size.
    luma = [torch.nn.functional.avg_pool2d(p.mean(1), 8).flatten() for p in (painted, content)]
    assert torch.corrcoef(torch.stack(luma))[0, 1] > 0.5


def test_the_same_seed_gives_the_same_bits_and_another_gives_others(painter, painted):
    assert torch.equal(painter.paint(plate(96, 160)), painted)
    assert not torch.equal(painter.paint(plate(96, 160), seed=1), painted)


def test_a_little_grain_changes_little_paint(painter, painted):
    noise = 0.003 * torch.randn(painted.shape, generator=torch.Generator().manual_seed(3))
    change = (painter.paint(plate(96, 160) + noise) - painted).square().mean().sqrt()
    # Even stripes are the worst of styles here: any phase of them fits a flat area equally well. Other paint would
    # be off by 1.4 standard deviations.
    assert change < 0.5 * painted.std()


def test_only_newborn_pixels_change_and_they_continue_the_paint(painter, painted):
    where = torch.zeros(1, 1, 96, 160, dtype=torch.bool)
    where[..., 30:60, 40:80] = True
    start = torch.where(where, torch.zeros(()), painted)
    born = painter.paint(plate(96, 160), start=start, where=where)
    old = ~where.expand_as(born)
    assert torch.equal(born[old], start[old])
    assert (born - painted).square().mean(1, keepdim=True)[where].mean().sqrt() < 0.6 * painted.std()
    assert torch.equal(start, torch.where(where, torch.zeros(()), painted))


def test_newborn_paint_depends_on_nothing_far_away(painter):
    where = torch.zeros(1, 1, 128, 512, dtype=torch.bool)
    where[..., 20:50, 20:50] = True
    content, start = plate(128, 512), torch.full((1, 3, 128, 512), 0.5)
    other = start.clone()
    other[..., 256:] = 0.9
    both = where.clone()
    both[..., 20:50, 400:430] = True
    first = painter.paint(content, start=start, where=where)
    assert torch.equal(first[..., :200], painter.paint(content, start=other, where=where)[..., :200])
    assert torch.equal(first[..., :200], painter.paint(content, start=start, where=both)[..., :200])


def test_nothing_newborn_costs_nothing(painter):
    start = torch.rand(1, 3, 96, 160)
    none = torch.zeros(1, 1, 96, 160, dtype=torch.bool)
    assert torch.equal(painter.paint(plate(96, 160), start=start, where=none), start)


def test_painting_a_part_without_paint_around_it_is_refused(painter):
    with pytest.raises(ValueError, match="start"):
        painter.paint(plate(32, 32), where=torch.ones(1, 1, 32, 32, dtype=torch.bool))


def test_cancelling_is_asked_at_every_step(painter):
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 12:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        painter.paint(plate(96, 160), check=check)
    assert calls == 12


def test_highlights_and_negatives_are_survived_without_nan(painter):
    content = plate(40, 56)
    content[..., 3:6, 3:6], content[..., 20, 20] = 9.0, -0.4
    assert torch.isfinite(painter.paint(content)).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (17, 23)])
def test_small_and_odd_plates_come_back_the_same_size(painter, size):
    assert painter.paint(plate(*size)).shape == (1, 3, *size)


def test_styles_mix_as_a_collage_in_which_each_has_its_share_of_the_width():
    one, other = torch.zeros(1, 3, 40, 60), torch.ones(1, 3, 80, 100)
    mixed = swd.collage([one, other], [0.75, 0.25])
    assert mixed.shape[-2] == 40
    assert float(mixed.mean()) == pytest.approx(0.25, abs=0.02)
    assert torch.equal(swd.collage([one, other], [1.0, 0.0]), one)


def test_a_larger_style_scale_makes_larger_strokes():
    def waves(scale: float) -> float:
        picture = swd.build(strokes(96, 128), style_scale=scale).paint(plate(96, 160))
        return float(picture.diff(dim=-1).abs().mean() / picture.std())

    assert waves(2.0) < waves(0.75)


def test_work_is_bounded_above_two_million_pixels():
    large, small = swd.build(strokes(4000, 4000)), swd.build(strokes(100, 100))
    factors = large._factors(2160, 3840)
    assert 2160 * 3840 / factors[-1] ** 2 <= 2_300_000
    assert small._factors(2160, 3840)[-1] == 16
    assert small._factors(96, 160) == [1]


def test_the_number_of_threads_changes_no_bit():
    script = (
        "import hashlib, sys, torch; sys.path.insert(0, sys.argv[1]); import test_swd as t\n"
        "painter, content = t.swd.build(t.strokes(90, 120)), t.plate(170, 200)\n"
        "whole = painter.paint(content)\n"
        "where = torch.zeros(1, 1, 170, 200, dtype=torch.bool); where[..., 50:90, 70:150] = True\n"
        "born = painter.paint(content, start=0 * whole, where=where)\n"
        "print(hashlib.sha256(whole.numpy().tobytes() + born.numpy().tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script, os.path.dirname(__file__)],  # noqa: PTH120
            env=os.environ | {"OMP_NUM_THREADS": threads},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == hashlib.sha256().digest_size * 2


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    marks=st.lists(st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)), max_size=6),
)
def test_boxes_cover_every_marked_pixel_once_and_stay_inside(height, width, marks):
    where = torch.zeros(1, 1, height, width, dtype=torch.bool)
    for y, x in marks:
        where[..., int(y * height), int(x * width)] = True
    seen = torch.zeros(height, width, dtype=torch.int)
    for box in boxes(where):
        x0, y0, x1, y1 = widen(box, 8, height, width)
        assert 0 <= x0 <= box[0] < box[2] <= x1 <= width
        assert 0 <= y0 <= box[1] < box[3] <= y1 <= height
        seen[box[1] : box[3], box[0] : box[2]] += 1
    assert seen.max() <= 1
    assert (seen[where[0, 0]] == 1).all()
    assert int(seen.sum()) <= len(marks) * TILE * TILE


def test_a_colour_map_brings_the_palette():
    content, style = torch.rand(1, 3, 40, 40), strokes(40, 40)
    moved = transport.ColourMap.between(content, style)(content)
    assert (moved.mean((2, 3)) - style.mean((2, 3))).abs().max() < 0.03
    assert (moved.std((2, 3)) - style.std((2, 3))).abs().max() < 0.05


def test_directions_are_orthonormal():
    rows = transport.directions(32, 75, torch.Generator().manual_seed(0))
    assert torch.allclose(rows @ rows.T, torch.eye(32), atol=1e-5)


def test_voting_with_the_pictures_own_patches_gives_the_picture():
    picture = strokes(30, 41)
    table = PatchTable.of(picture, 7)
    voted, _ = table.vote(picture, picture, None, 0.5, 2, lambda: None)
    assert (voted - picture)[..., 4:-4, 4:-4].abs().max() < 0.02
