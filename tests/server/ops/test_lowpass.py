import torch

from impasto.server.ops.lowpass import broad, lowpass


def test_a_flat_picture_stays_flat_up_to_its_borders():
    flat = torch.full((1, 2, 13, 17), 0.7)
    assert torch.allclose(lowpass(flat, 3.0), flat)
    assert torch.allclose(broad(flat, 9.0), flat)


def test_the_broad_one_is_nearly_the_exact_one():
    picture = torch.rand(1, 1, 128, 144)
    assert (broad(picture, 12.0) - lowpass(picture, 12.0))[..., 40:-40, 40:-40].abs().max() < 0.02


def test_no_sigma_gives_the_picture_back():
    picture = torch.rand(1, 1, 5, 5)
    assert lowpass(picture, 0) is picture
