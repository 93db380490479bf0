import torch

from impasto.server.ops.moments import gram, moments


def test_a_mask_of_ones_changes_nothing():
    x = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(0))
    ones = torch.ones(1, 1, 6, 5)
    assert torch.allclose(gram(x), gram(x, ones), atol=1e-6)
    for plain, masked in zip(moments(x), moments(x, ones), strict=True):
        assert torch.allclose(plain, masked, atol=1e-6)


def test_a_half_mask_sees_only_its_half():
    x = torch.randn(1, 4, 6, 8, generator=torch.Generator().manual_seed(0))
    left = torch.zeros(1, 1, 6, 8)
    left[..., :4] = 1
    assert torch.allclose(gram(x, left), gram(x[..., :4]), atol=1e-6)
    for masked, cut in zip(moments(x, left), moments(x[..., :4]), strict=True):
        assert torch.allclose(masked, cut, atol=1e-6)


def test_an_empty_mask_gives_finite_numbers():
    x = torch.randn(1, 4, 6, 8)
    nothing = torch.zeros(1, 1, 6, 8)
    assert gram(x, nothing).isfinite().all()
    assert all(value.isfinite().all() for value in moments(x, nothing))
