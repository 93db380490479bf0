import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto.server.shots.matte_edges import MatteEdges, shrunk


def square(height=24, width=30):
    """A square of 10 in black."""
    matte = torch.zeros(1, 1, height, width)
    matte[..., 7:17, 9:19] = 1
    return matte


PICTURE = torch.rand(1, 3, 24, 30, generator=torch.Generator().manual_seed(1))


def test_the_defaults_leave_every_bit():
    matte = torch.rand(1, 1, 24, 30)
    assert not MatteEdges()
    assert torch.equal(MatteEdges()(matte, PICTURE), matte)


def test_a_matte_shrinks_and_grows_by_so_many_pixels():
    assert shrunk(square(), 2).sum() == 6 * 6
    grown = shrunk(square(), -2)
    assert grown[..., 5:19, 11].min() == 1
    assert grown[..., 4, :].max() == 0
    assert grown[..., 5, 7] == 0, "corners are round"
    assert torch.equal(shrunk(square(), 1.5), (shrunk(square(), 1) + shrunk(square(), 2)) / 2)


def test_gain_widens_what_is_blurred_and_holds_it_to_one():
    soft = MatteEdges(blur=2)(square(), PICTURE)
    wide = MatteEdges(blur=2, gain=3)(square(), PICTURE)
    assert (wide > 0.5).sum() > (soft > 0.5).sum()
    assert wide.max() == 1


def test_a_soft_border_finds_the_edge_of_the_picture():
    picture, true, rough = torch.full((1, 3, 40, 40), 0.2), torch.zeros(1, 1, 40, 40), torch.zeros(1, 1, 40, 40)
    picture[..., 10:30, 10:30] = 0.8
    true[..., 10:30, 10:30] = 1
    rough[..., 12:32, 10:30] = 1  # two pixels beside
    found = MatteEdges(soft=4)(rough, picture)
    wrong = ((found > 0.5) != (true > 0.5)).sum()
    assert wrong < 0.5 * ((rough > 0.5) != (true > 0.5)).sum()


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from([(1, 1), (2, 9), (8, 8), (3, 40)]),
    st.floats(0, 100),
    st.floats(-100, 100),
    st.floats(0, 20),
    st.floats(0, 1, width=16),
    st.integers(0, 99),
)
def test_a_matte_of_one_value_stays_what_it_is_at_any_size(size, soft, erode, blur, value, seed):
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(seed))
    found = MatteEdges(soft, erode, blur)(torch.full((1, 1, *size), value), picture)
    assert found.shape == (1, 1, *size)
    assert torch.allclose(found, torch.tensor(value), atol=1e-6)


@pytest.mark.parametrize("edges", [MatteEdges(soft=6), MatteEdges(erode=-2.5, blur=1.5), MatteEdges(gain=2)])
def test_mattes_stay_in_their_range(edges):
    found = edges(torch.rand(1, 1, 24, 30), PICTURE)
    assert found.min() >= 0
    assert found.max() <= 1
