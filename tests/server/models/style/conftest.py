from pathlib import Path

import numpy as np
import pytest
import torch

REFERENCES = Path(__file__).parent / "references"


@pytest.fixture(scope="session")
def plate() -> torch.Tensor:
    """A drawn picture (1, 3, 64, 96): ramps, a disc, stripes."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1.5, 96), indexing="ij")
    picture = torch.stack([0.2 + 0.5 * x / 1.5, 0.3 + 0.4 * y, 0.7 - 0.4 * y])
    disc = ((x - 0.5).square() + (y - 0.5).square() < 0.09).float()
    picture = picture * (1 - disc) + disc * torch.tensor([0.9, 0.3, 0.1])[:, None, None] * (0.5 + y)
    stripes = ((x > 1.0) & (torch.sin(40 * x) > 0)).float()
    return (picture * (1 - 0.6 * stripes))[None].clamp(0, 1)


@pytest.fixture(scope="session")
def style() -> torch.Tensor:
    """A drawn style (1, 3, 96, 96): crossing warm and dark strokes."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 96), torch.linspace(0, 1, 96), indexing="ij")
    strokes = 0.5 + 0.5 * torch.sin(50 * (x + 0.6 * y) + 3 * torch.sin(9 * y))
    other = 0.5 + 0.5 * torch.sin(37 * (x - y))
    return torch.stack([0.3 + 0.6 * strokes, 0.2 + 0.5 * strokes * other, 0.1 + 0.5 * other])[None].clamp(0, 1)


@pytest.fixture(scope="session")
def reference():
    """Compares a picture with the stored one of that name, within two 8-bit steps on average and twelve anywhere."""

    def compare(name: str, picture: torch.Tensor) -> None:
        stored = torch.from_numpy(np.load(REFERENCES / f"{name}.npy").astype(np.float32) / 255.0)
        difference = (picture[0].clamp(0, 1) - stored).abs()
        assert float(difference.mean()) < 2 / 255
        assert float(difference.max()) < 12 / 255

    return compare
