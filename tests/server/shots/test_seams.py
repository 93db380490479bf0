import torch

from impasto.server.shots.seams import mend

NEWBORN = torch.zeros(1, 1, 40, 60, dtype=torch.bool)
NEWBORN[..., 20:] = True
FLAT = torch.full((1, 3, 40, 60), 0.5)


def test_newborn_paint_meets_its_neighbours_colour_and_eases_into_its_own():
    mended = mend(FLAT, FLAT + 0.2, ~NEWBORN, NEWBORN, FLAT)
    step = (mended[..., 20] - mended[..., 19]).abs().max()
    assert step < 0.05
    assert (mended[..., 59] - 0.5).abs().max() < 0.02
    assert torch.equal(mended[..., :20], (FLAT + 0.2)[..., :20])


def test_colour_does_not_ease_across_an_edge_of_the_plate():
    plate = FLAT.clone()
    plate[..., 20:] = 0.9
    assert torch.allclose(mend(FLAT, FLAT + 0.2, ~NEWBORN, NEWBORN, plate)[..., 20:], FLAT[..., 20:], atol=1e-3)


def test_without_neighbours_paint_stays_as_it_is():
    everywhere = torch.ones_like(NEWBORN)
    assert torch.equal(mend(FLAT, FLAT * 0, ~everywhere, everywhere, FLAT), FLAT)
