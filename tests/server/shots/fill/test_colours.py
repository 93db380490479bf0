"""The plate in the keys' colours."""

import pytest
import torch

from impasto.server.errors import Cancelled
from impasto.server.shots.fill.colours import Recoloured, affine
from impasto.server.shots.fill.example import Example

MIX = torch.tensor([[0.2, 0.5, 0.1, 0.05], [0.6, 0.1, 0.1, 0.1], [0.0, 0.2, 0.7, 0.0]])


def example(seed: int = 0, plate: torch.Tensor | None = None) -> Example:
    """A key painted by an affine map in its left half; what it holds elsewhere is not its own."""
    plate = torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(seed)) if plate is None else plate
    paint = torch.einsum("kc,bchw->bkhw", MIX[:, :3], plate) + MIX[:, 3, None, None]
    where = (torch.arange(16) < 8).expand(1, 1, 12, 16)
    return Example(seed, plate, torch.where(where, paint, torch.ones(())), where, "key")


def test_an_affine_recolouring_is_found_and_goes_on_in_other_frames():
    assert torch.allclose(affine([example(), example(1)]), MIX, atol=5e-3)
    other = example(2)
    painted = Recoloured(lambda: [example(), example(1)]).paint(other.plate)
    assert (painted - other.paint).abs()[..., :8].max() < 5e-3


def test_a_key_on_a_plate_of_one_colour_still_has_an_answer():
    flat = example(plate=torch.full((1, 3, 12, 16), 0.4))
    painted = Recoloured(lambda: [flat]).paint(flat.plate)
    assert (painted - flat.paint).abs()[..., :8].max() < 5e-3
    assert torch.isfinite(Recoloured(lambda: [flat]).paint(torch.rand(1, 3, 5, 7))).all()


def test_it_paints_only_where_asked_and_a_pixel_does_not_know_its_neighbours():
    plate, start = example(3).plate, torch.zeros(1, 3, 12, 16)
    painter, where = Recoloured(lambda: [example()]), torch.rand(1, 1, 12, 16) > 0.5
    whole, part = painter.paint(plate), painter.paint(plate, start=start, where=where)
    assert torch.equal(part, torch.where(where, whole, start))
    assert torch.equal(painter.paint(plate[..., 3:9, 5:6]), whole[..., 3:9, 5:6])


def test_it_stops_when_told_to():
    def stop():
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        Recoloured(lambda: [example()]).paint(example().plate, check=stop)
