import torch

from impasto.server.models.mattes.matte_net import SEEN
from impasto.server.shots.signs import VECTORS, Signs, weighed


def pair(height=48, width=64):
    random = torch.Generator().manual_seed(4)
    pictures = [torch.rand(1, 3, height, width, generator=random) for _ in range(2)]
    motions = [torch.rand(1, 2, height, width, generator=random) * 4 - 2 for _ in range(2)]
    return *pictures, *motions, torch.rand(1, 2, height, width, generator=random)


def test_signs_are_finite_whatever_the_motion():
    here, there, out, home, ruled = pair()
    for motion in (out, out * 0, out * 1000):
        found = weighed(Signs.of(here, there, motion, home), ruled)
        assert found.shape == (1, SEEN, 48, 64)
        assert found.dtype == torch.float16
        assert torch.isfinite(found).all()
        assert torch.equal(found[:, -2:], ruled.half())


def test_a_mirrored_pair_has_mirrored_signs_with_its_vectors_turned():
    here, there, out, home, ruled = pair()
    found = weighed(Signs.of(here, there, out, home), ruled).float()
    sign = torch.tensor([-1.0, 1.0])[:, None, None]
    pictures = here.flip(-1), there.flip(-1), out.flip(-1) * sign, home.flip(-1) * sign
    mirrored = weighed(Signs.of(*pictures), ruled.flip(-1)).float().flip(-1)
    mirrored[:, [x for x, _ in VECTORS]] *= -1
    inner = (..., slice(4, -4), slice(4, -4))
    assert float((mirrored - found)[inner].abs().max()) < 0.02


def test_the_true_motion_of_a_moved_picture_leaves_no_difference():
    random = torch.Generator().manual_seed(5)
    here = torch.rand(1, 3, 40, 60, generator=random)
    there = here.roll(3, -1)
    out = torch.zeros(1, 2, 40, 60)
    out[:, 0] = 3
    signs = Signs.of(here, there, out, -out)
    assert float(signs.differs[..., 8:-8].max()) < 1e-5
    assert float(signs.parted[..., 4:-4].max()) == 0
    assert float((signs.arrived[..., :-3] - 1).abs().max()) < 1e-5
