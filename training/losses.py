"""What tells a painted picture from a good one: features, statistics, patches, neighbours, and a small push."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.checkpoint import fit
from impasto.server.models.style.vgg19 import NormalisedVGG19, load_normalised
from impasto.server.ops.flatten import luma

EXACT = ("relu1_1", "relu2_1", "relu3_1")


class CompressedVGG19(nn.Module):
    """VGG19 to relu4_1 with a quarter of the channels (Wang et al., "Collaborative Distillation for Ultra-Resolution
    Universal Style Transfer", CVPR 2020), keys of the published `4SE.pth` without its `aux` convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(3, 3, 1)
        widths = {"11": (3, 16), "12": (16, 16), "21": (16, 32), "22": (32, 32), "31": (32, 64), "41": (64, 128)}
        widths |= dict.fromkeys(("32", "33", "34"), (64, 64))
        self.order = sorted(widths)
        for name in self.order:
            setattr(self, f"conv{name}", nn.Conv2d(*widths[name], 3))

    def forward(self, x: Tensor) -> Tensor:
        """Features at relu4_1 of RGB 0..1: (B, 128, H / 8, W / 8)."""
        x = self.conv0(x)
        for name in self.order:
            if name.endswith("1") and name != "11":
                x = F.max_pool2d(x, 2)
            x = F.relu(getattr(self, f"conv{name}")(F.pad(x, (1, 1, 1, 1), mode="reflect")))
        return x


class Features(nn.Module):
    """The loss networks, frozen: exact VGG19 to relu3_1, compressed relu4_1."""

    def __init__(self, assets: Path) -> None:
        super().__init__()
        folder = assets / "weights"
        self.exact: NormalisedVGG19 = load_normalised(
            folder / "vgg19-normalised" / "vgg_normalised_conv3_1.pth", "relu3_1"
        )
        self.compressed = CompressedVGG19()
        path = folder / "vgg19-compressed-16x" / "4SE.pth"
        fit(
            self.compressed,
            path,
            "the compressed VGG19",
            "4SE.pth of Collaborative-Distillation",
            part="model",
            rename=lambda key: None if "_aux." in key else key,
        )
        self.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Features of RGB 0..1 by layer, bfloat16."""
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16):
            return self.exact.features(x, EXACT) | {"relu4_1": self.compressed(x)}


def structure(features: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a picture shows, apart from how: features normalised over the picture, at relu3_1 and relu4_1."""
    return {layer: F.instance_norm(features[layer].float(), eps=1e-3) for layer in ("relu3_1", "relu4_1")}


def content_loss(painted: Mapping[str, Tensor], content: Mapping[str, Tensor]) -> Tensor:
    """How far two structures lie apart; 0 the same, about 2 unrelated."""
    return torch.stack([F.mse_loss(painted[layer], content[layer]) for layer in content]).mean()


def light(picture: Tensor) -> Tensor:
    """Where a picture (B, 3, H, W) is bright and where dark, whatever its contrast: broad luma, normalised."""
    return F.instance_norm(F.avg_pool2d(luma(picture), 4), eps=1e-3)


Manner = dict[str, tuple[Tensor, Tensor, Tensor | None]]
"""Of each layer: mean and deviation of every channel, (B, C), and from relu2_1 on the covariance, (B, C, C)."""


def manner(features: Mapping[str, Tensor]) -> Manner:
    """The statistics of features that a style is known by."""
    found: Manner = {}
    for layer, value in features.items():
        flat = value.flatten(2)
        mean = flat.mean(-1, dtype=torch.float32)
        flat = flat - mean.to(flat.dtype)[..., None]
        if layer == "relu1_1":
            found[layer] = mean, (flat.square().mean(-1, dtype=torch.float32) + 1e-5).sqrt(), None
            continue
        covariance = (flat @ flat.mT).float() / flat.shape[-1]
        found[layer] = mean, (covariance.diagonal(dim1=1, dim2=2) + 1e-5).sqrt(), covariance
    return found


def style_loss(painted: Manner, style: Manner) -> tuple[Tensor, Tensor]:
    """Relative distances of means and deviations, and of covariances, each averaged over layers and pictures."""
    statistics, textures = [], []
    for layer, (mean_s, std_s, covariance_s) in style.items():
        mean, std, covariance = painted[layer]
        power = (mean_s.square() + std_s.square()).mean(1)
        statistics.append((((mean - mean_s).square() + (std - std_s).square()).mean(1) / power).mean())
        if covariance is not None and covariance_s is not None:
            # Both powers, or a painting of flat style would drown the rest of the batch.
            power = covariance_s.square().sum((1, 2)) + covariance.detach().square().sum((1, 2)) + 1e-6
            textures.append(((covariance - covariance_s).square().sum((1, 2)) / power).mean())
    return torch.stack(statistics).mean(), torch.stack(textures).mean()


class Slices:
    """Patches along random directions at two sizes of the picture (Elnekave and Weiss, GPDM, CVPR 2022).

    Args:
        count: directions at each size.
        side: of a patch, pixels.
        random: on the CPU.
        device: where pictures are.
    """

    def __init__(self, count: int, side: int, random: torch.Generator, device: torch.device) -> None:
        filters = torch.randn(2, count, 3, side, side, generator=random)
        self._filters = (filters / filters.flatten(2).norm(dim=2)[..., None, None, None]).to(device)

    def __call__(self, picture: Tensor) -> list[Tensor]:
        """Sorted responses of (B, 3, H, W) at both sizes, (B, count, n) each."""
        sizes = (picture, F.avg_pool2d(picture, 2))
        steps = (3, 2)
        return [
            F.conv2d(size, filters, stride=step).flatten(2).sort(-1).values
            for size, filters, step in zip(sizes, self._filters, steps, strict=True)
        ]


def sliced_patches(painted: list[Tensor], style: list[Tensor]) -> Tensor:
    """Mean distance between the sorted responses of two pictures."""
    return torch.stack([(ours - theirs).abs().mean() for ours, theirs in zip(painted, style, strict=True)]).mean()


class Neighbours(nn.Module):
    """CCPL: painted features differ from their neighbours as the content's do (Wu et al., ECCV 2022).

    At random places the differences to the eight neighbours are projected; a contrastive loss asks each painted
    difference to be nearest to the content's at the same place.
    """

    def __init__(self, anchors: int = 8) -> None:
        super().__init__()
        self.anchors = anchors
        widths = {"relu2_1": 128, "relu3_1": 256, "relu4_1": 128}
        self.project = nn.ModuleDict(
            {name: nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 32)) for name, width in widths.items()}
        )

    def forward(self, painted: Mapping[str, Tensor], content: Mapping[str, Tensor], random: torch.Generator) -> Tensor:
        total = torch.zeros((), device=painted["relu2_1"].device)
        around = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
        for layer, project in self.project.items():
            height, width = painted[layer].shape[-2:]
            y = torch.randint(1, height - 1, (self.anchors,), generator=random).to(painted[layer].device)
            x = torch.randint(1, width - 1, (self.anchors,), generator=random).to(painted[layer].device)
            codes = []
            for side in (painted[layer], content[layer]):
                here = side[:, :, y, x]
                differences = torch.stack([here - side[:, :, y + dy, x + dx] for dy, dx in around], -1)
                codes.append(F.normalize(project(differences.float().permute(0, 2, 3, 1).flatten(1, 2)), dim=-1))
            likeness = codes[0] @ codes[1].mT / 0.07
            target = torch.arange(likeness.shape[-1], device=likeness.device).expand(likeness.shape[0], -1)
            total = total + F.cross_entropy(likeness.flatten(0, 1), target.flatten())
        return total / (3 * math.log(8 * self.anchors))


def pushed(height: int, width: int, count: int, random: torch.Generator) -> Tensor:
    """A smooth made-up motion, as grids for `grid_sample`: a shift of up to 10 pixels and a waver around it.

    Compound regularisation (Wang et al., "Consistent Video Style Transfer via Compound Regularization", AAAI 2020).
    """
    coarse = torch.randn(count, 2, max(2, height // 32), max(2, width // 32), generator=random) * 2.0
    motion = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)
    motion = motion + torch.rand(count, 2, 1, 1, generator=random) * 20.0 - 10.0
    theta = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]).expand(count, 2, 3)
    grid = F.affine_grid(theta, [count, 3, height, width], align_corners=False)
    return grid + motion.permute(0, 2, 3, 1) * torch.tensor([2.0 / width, 2.0 / height])
