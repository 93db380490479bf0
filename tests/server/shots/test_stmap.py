import pytest
import torch

from impasto.server.errors import BadRequest
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.provenance import identity
from impasto.server.shots.stmap import REACH, extended, matte, stmaps


def maps(tiny, key, wanted, **shot):
    plates = tiny.Shot(**shot)
    return list(stmaps(plates, tiny.Motion(plates), Shaper(1.0), key, wanted, tiny.Memory(), tiny.Audience()))


def half_painted():
    painted = torch.zeros(1, 1, 12, 40, dtype=torch.bool)
    painted[..., :10] = True
    return identity(5, painted)


def test_at_its_own_frame_a_key_is_where_it_was_painted(tiny):
    (made,) = maps(tiny, 6, [6])
    assert (made.places[0, 0] == torch.arange(40.0)).all()
    assert (made.places[0, 1] == torch.arange(24.0)[:, None]).all()
    assert (made.coverage == 1).all()


def test_a_pan_moves_the_coordinates_and_uncovers_the_border(tiny):
    (made,) = maps(tiny, 3, [6])
    inside = made.coverage[0, 0] == 1
    column = torch.arange(40.0).expand(24, 40)
    assert torch.allclose(made.places[0, 0][inside], (column + 3)[inside])
    assert (made.coverage[0, 0][:, 37:] == 0).all()


def test_a_frame_does_not_depend_on_the_others_asked_for(tiny):
    alone = maps(tiny, 3, [9])[0]
    among = maps(tiny, 3, [1, 12, 9])[2]
    assert (alone.places == among.places).all()
    assert (alone.coverage == among.coverage).all()


def test_coordinates_go_on_past_the_coverage_and_are_finite_everywhere():
    here = half_painted()
    moved = type(here)(here.born, here.x + 2.5 * here.alive, here.y, here.doubt)
    places = extended(moved)
    column = torch.arange(40.0)
    assert (places[0, 0][:, : 10 + REACH] == (column + 2.5)[: 10 + REACH]).all()
    assert (places[0, 0][:, 10 + REACH :] == column[10 + REACH :]).all()
    assert places.isfinite().all()


def test_a_map_without_any_paint_is_the_identity():
    nothing = identity(5, torch.zeros(1, 1, 6, 7, dtype=torch.bool))
    assert (extended(nothing)[0, 0] == torch.arange(7.0)).all()
    assert (matte(nothing) == 0).all()


def test_the_matte_is_1_inside_and_softer_on_the_border_of_the_paint():
    soft = matte(half_painted())[0, 0]
    assert (soft[:, :9] == 1).all()
    assert torch.allclose(soft[:, 9], torch.tensor(2 / 3))
    assert (soft[:, 10:] == 0).all()


@pytest.mark.parametrize("key", [99, 4])
def test_a_key_that_cannot_be_read_is_refused(tiny, key):
    with pytest.raises(BadRequest, match=f"The key {key} is no readable frame"):
        maps(tiny, key, [5], missing=(4,))
