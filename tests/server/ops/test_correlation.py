import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto.server.ops import correlation
from impasto.server.ops.correlation import LEVELS, Lookup, Volume, form, table_cells, volume_bytes

GIB = 1 << 30


def features(height: int, width: int, seed: int, channels: int = 8) -> torch.Tensor:
    return torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


def places(height: int, width: int, spread: float, seed: int = 2) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    drawn = torch.randn(1, 2, height, width, generator=torch.Generator().manual_seed(seed))
    return torch.stack([columns, rows])[None] + spread * drawn


def by_definition(first: torch.Tensor, second: torch.Tensor, place: torch.Tensor, radius: int) -> torch.Tensor:
    """All pairs, averaged by halves, fetched linearly with zeros outside, x in the outer index."""
    channels, height, width = first.shape[1:]
    volume = torch.einsum("cij,ckl->ijkl", first[0].double(), second[0].double()) / channels**0.5
    volume = volume.reshape(height * width, 1, height, width)
    answers = []
    for level in range(LEVELS):
        volume = torch.nn.functional.avg_pool2d(volume, 2) if level else volume
        rows, columns = volume.shape[-2:]
        padded = torch.nn.functional.pad(volume[:, 0], (1, 1, 1, 1))
        cells = torch.arange(height * width)
        for dx in range(-radius, radius + 1):
            for dy in range(-radius, radius + 1):
                x = place[0, 0].reshape(-1).double() / 2**level + dx
                y = place[0, 1].reshape(-1).double() / 2**level + dy
                answer = torch.zeros(height * width, dtype=torch.float64)
                for right in (0, 1):
                    for below in (0, 1):
                        column, row = x.floor().long() + right, y.floor().long() + below
                        weight = (1 - (x - column).abs()) * (1 - (y - row).abs())
                        column, row = column.clamp(-1, columns) + 1, row.clamp(-1, rows) + 1
                        answer += weight * padded[cells, row, column]
                answers.append(answer)
    return torch.stack(answers).reshape(1, -1, height, width).float()


@pytest.mark.parametrize("kind", [Volume, Lookup])
@pytest.mark.parametrize("spread", [0.4, 12.0], ids=["smooth", "torn"])
def test_both_forms_are_the_correlation_of_the_paper(kind, spread):
    first, second, place = features(17, 11, 0), features(17, 11, 1), places(17, 11, spread)
    answer = kind(first, second, 2)(place)
    assert answer.shape == (1, LEVELS * 25, 17, 11)
    assert torch.allclose(answer, by_definition(first, second, place, 2), atol=2e-5)


@pytest.mark.parametrize("kind", [Volume, Lookup])
def test_the_second_picture_may_be_larger(kind):
    whole, second = features(24, 40, 0), features(24, 40, 1)
    first, place = whole[..., 4:13, 8:26].contiguous(), places(24, 40, 3.0)[..., 4:13, 8:26]
    assert torch.allclose(
        kind(first, second, 2)(place), kind(whole, second, 2)(places(24, 40, 3.0))[..., 4:13, 8:26], atol=2e-5
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(8, 26), st.integers(8, 26), st.floats(0, 40), st.integers(0, 99))
def test_the_lookup_gives_what_the_volume_holds(height, width, spread, seed):
    first, second = features(height, width, seed), features(height, width, seed + 1)
    place = places(height, width, spread, seed)
    assert torch.allclose(Volume(first, second, 3)(place), Lookup(first, second, 3)(place), atol=1e-5)


def test_the_size_of_a_chunk_changes_nothing(monkeypatch):
    first, second, place = features(40, 24, 0), features(40, 24, 1), places(40, 24, 1.0)
    whole = Lookup(first, second, 3)(place)
    monkeypatch.setattr(correlation, "CHUNK", 1)
    assert torch.allclose(Lookup(first, second, 3)(place), whole, atol=1e-6)


def test_places_far_outside_and_not_a_number_see_nothing_and_break_nothing():
    first, second = features(8, 9, 0), features(8, 9, 1)
    place = torch.full((1, 2, 8, 9), 1e9)
    place[..., 0] = -1e9
    for kind in (Volume, Lookup):
        assert torch.equal(kind(first, second, 3)(place), torch.zeros(1, LEVELS * 49, 8, 9))
        assert kind(first, second, 3)(torch.full((1, 2, 8, 9), float("nan"))).shape == (1, LEVELS * 49, 8, 9)


@pytest.mark.parametrize("second", [(7, 9, 8), (9, 8, 7)], ids=["too small", "unlike"])
def test_features_that_cannot_be_compared_are_refused(second):
    height, width, channels = second
    for kind in (Volume, Lookup):
        with pytest.raises(ValueError, match="of as many features and 8 cells a side at least"):
            kind(features(8, 9, 0), features(height, width, 1, channels), 3)


def test_the_volume_grows_with_the_square_of_the_picture():
    # 1080p, 3840x2160 and 4096x2160: 5.2, 83 and 95 GiB of all pairs and their averages, plus a thin border.
    for (height, width), gib in {(135, 240): 5.2, (270, 480): 83.0, (270, 512): 95.0}.items():
        assert volume_bytes(height, width) / GIB == pytest.approx(gib, rel=0.06)
    assert volume_bytes(135, 240, element=2) * 2 == volume_bytes(135, 240)


def test_the_form_depends_on_size_and_planned_memory_alone():
    assert form(45, 80, 8 * GIB) == "volume"
    assert form(135, 240, 8 * GIB) == "lookup"
    assert form(135, 240, 24 * GIB) == "volume"
    assert form(270, 512, 24 * GIB) == form(270, 512, 8 * GIB) == "lookup"


def test_a_lookup_at_4096x2160_takes_under_a_gibibyte():
    # Features of 256 channels of both pictures at all levels, one chunk of gathered features with its products, and the
    # answer of 324 numbers a cell twice (the chunks and their whole).
    cells = 270 * 512
    held = 4 * 256 * (cells + table_cells(270, 512)) + 4 * correlation.CHUNK + 2 * 4 * 324 * cells
    assert held < GIB
