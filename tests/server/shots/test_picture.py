import torch

from impasto.server.shots.picture import finish


def test_strength_zero_gives_the_plates_bits_and_one_the_paints():
    plate, painted = torch.randn(1, 3, 5, 7) * 50, torch.randn(1, 3, 5, 7)
    assert torch.equal(finish(plate, painted, 0.0), plate)
    assert torch.equal(finish(plate, painted, 1.0), painted)
    assert torch.allclose(finish(plate, painted, 0.25), plate * 0.75 + painted * 0.25, atol=1e-5)


def test_strength_may_differ_from_pixel_to_pixel():
    plate, painted = torch.rand(1, 3, 2, 2), torch.rand(1, 3, 2, 2)
    strength = torch.tensor([[[[0.0, 1.0], [0.5, 0.0]]]])
    mixed = finish(plate, painted, strength)
    assert torch.equal(mixed[..., 0, 0], plate[..., 0, 0])
    assert torch.equal(mixed[..., 0, 1], painted[..., 0, 1])
