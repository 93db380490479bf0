import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from impasto.server.plates import alpha as alphas

COLOUR = arrays(np.float32, (3, 4, 5), elements=st.floats(-4, 60, width=32))
ALPHA = arrays(np.float32, (4, 5), elements=st.floats(0, 1, width=32))


@given(COLOUR, ALPHA)
def test_taking_alpha_off_and_putting_it_back_gives_the_colour_again(rgb: np.ndarray, alpha: np.ndarray) -> None:
    before = rgb.copy(), alpha.copy()
    back = alphas.premultiply(alphas.unpremultiply(rgb, alpha), alpha, rgb)
    assert np.allclose(back, rgb, rtol=1e-5, atol=1e-30)
    assert np.array_equal(rgb, before[0])
    assert np.array_equal(alpha, before[1])


def test_below_the_guard_nothing_is_divided_and_the_stored_colour_stays() -> None:
    rgb = np.full((3, 1, 4), 0.5, np.float32)
    alpha = np.float32([[0.0, 1e-4, np.nan, -1.0]])
    assert np.array_equal(alphas.unpremultiply(rgb, alpha), rgb)
    assert np.array_equal(alphas.premultiply(rgb * 9, alpha, rgb), rgb)


def test_an_empty_alpha_over_colour_says_nothing_but_over_black_it_does() -> None:
    empty = np.zeros((2, 2), np.float32)
    assert not alphas.usable(np.ones((3, 2, 2)), empty)
    assert alphas.usable(np.zeros((3, 2, 2)), empty)
    assert not alphas.usable(np.ones((3, 2, 2)), None)
