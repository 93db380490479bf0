"""Monocular depth that is steady in video (Li et al. 2021, "Enforcing Temporal Consistency in Video Depth Estimation").

The encoder is ShuffleNet V2 at half width (Ma et al. 2018) without its pooling; the decoder goes back up in three
steps, each joined by the encoder's features of its size. Names of parts are those of the published checkpoint, which
holds the encoder's blocks twice: as `features`, and shared among three stages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.errors import BadRequest
from impasto.server.models import weights
from impasto.server.models.card import Model, Weights
from impasto.server.models.weights import default_store

_WIDTHS = (24, 48, 96, 192)
_REPEATS = (4, 8, 4)
_SHORT_SIDE, _STRIDE = 256, 32


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels)


class _Unit(nn.Module):
    """A unit of ShuffleNet V2: half of the channels pass by, half are worked on; a stage's first halves the size."""

    def __init__(self, width: int, out: int, first: bool) -> None:
        super().__init__()
        middle, stride = out // 2, 2 if first else 1
        self.branch_main = nn.Sequential(
            nn.Conv2d(width, middle, 1, bias=False),
            _norm(middle),
            nn.ReLU(),
            nn.Conv2d(middle, middle, 3, stride, 1, groups=middle, bias=False),
            _norm(middle),
            nn.Conv2d(middle, out - width, 1, bias=False),
            _norm(out - width),
            nn.ReLU(),
        )
        self.branch_proj = None
        if first:
            self.branch_proj = nn.Sequential(
                nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False),
                _norm(width),
                nn.Conv2d(width, width, 1, bias=False),
                _norm(width),
                nn.ReLU(),
            )

    def forward(self, features: Tensor) -> Tensor:
        if self.branch_proj is not None:
            return torch.cat([self.branch_proj(features), self.branch_main(features)], 1)
        return torch.cat([features[:, 0::2], self.branch_main(features[:, 1::2])], 1)


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first_conv = nn.Sequential(nn.Conv2d(3, _WIDTHS[0], 3, 2, 1, bias=False), _norm(_WIDTHS[0]), nn.ReLU())
        units: list[nn.Module] = []
        for width, out, repeats in zip(_WIDTHS, _WIDTHS[1:], _REPEATS, strict=False):
            units += [_Unit(width, out, True), *(_Unit(out // 2, out, False) for _ in range(repeats - 1))]
        # At half width a stage doubles its channels only where two branches are joined, as the file's widths say.
        self.features = nn.Sequential(*units)
        first, second = _REPEATS[0], _REPEATS[0] + _REPEATS[1]
        self.stage1, self.stage2 = self.features[:first], self.features[first:second]
        self.stage3 = self.features[second:]

    def forward(self, picture: Tensor) -> list[Tensor]:
        found = [self.first_conv(picture)]
        for stage in (self.stage1, self.stage2, self.stage3):
            found.append(stage(found[-1]))
        return found


class _Separable(nn.Module):
    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, groups=width, bias=False),
            _norm(width),
            nn.ReLU(),
            nn.Conv2d(width, out, 1, bias=False),
        )

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = self.conv(features)
        return result


class _Up(nn.Module):
    """Features brought to the size of the encoder's of the step before, and joined with them."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.skip_conv = nn.Sequential(nn.Conv2d(low, high // 4, 1, bias=False), _norm(high // 4), nn.ReLU())
        self.last_conv = nn.Sequential(_Separable(high + high // 4, low), _norm(low), nn.ReLU())

    def forward(self, here: Tensor, below: Tensor) -> Tensor:
        raised = F.interpolate(below, here.shape[-2:], mode="bilinear", align_corners=False)
        result: Tensor = self.last_conv(torch.cat([raised, self.skip_conv(here)], 1))
        return result


class _Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.decoder3, self.decoder2, self.decoder1 = (_Up(_WIDTHS[step - 1], _WIDTHS[step]) for step in (3, 2, 1))
        self.final = nn.Conv2d(_WIDTHS[0], 1, 3, 1, 1)
        # Of the coarser steps, used while training alone.
        self.final2 = nn.Sequential(nn.Conv2d(_WIDTHS[1], 1, 3, 1, 1))
        self.final3 = nn.Sequential(nn.Conv2d(_WIDTHS[2], 1, 3, 1, 1))

    def forward(self, features: list[Tensor]) -> Tensor:
        here = features[3]
        for step, raise_ in ((2, self.decoder3), (1, self.decoder2), (0, self.decoder1)):
            here = raise_(features[step], here)
        return F.interpolate(F.relu(self.final(here)), scale_factor=2, mode="bilinear", align_corners=False)


class TCMonoDepthSmall(nn.Module):
    """The net: (B, 3, H, W) RGB 0..1, sides multiples of 32, to (B, 1, H, W), larger is nearer."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = _Encoder(), _Decoder()

    def forward(self, picture: Tensor) -> Tensor:
        """See the class."""
        result: Tensor = self.decoder(self.encoder(picture))
        return result


def load(path: Path) -> TCMonoDepthSmall:
    """The net with the weights of a file.

    Raises:
        NotFound: there is no such file.
        BadRequest: it is damaged, holds code, or is not the published checkpoint's kind.
    """
    state = {key.removeprefix("module."): value for key, value in weights.read(path).items()}
    net = TCMonoDepthSmall()
    wrong = weights.first_difference(state, net.state_dict())
    if wrong:
        raise BadRequest(
            f"{path} is not a checkpoint of TCMonoDepth's small net ({wrong}); give the published one.",
            reason="WEIGHTS_UNKNOWN",
        )
    net.load_state_dict(state)
    return net.eval().requires_grad_(False)


class Estimator:
    """Measures depth with the net at its own size; see `impasto.server.models.depth.estimator.DepthEstimator`."""

    def __init__(self, net: TCMonoDepthSmall) -> None:
        self._net = net

    @torch.no_grad()
    def __call__(self, picture: Tensor) -> Tensor:
        """See `DepthEstimator`."""
        height, width = picture.shape[-2:]
        scale = _SHORT_SIDE / min(height, width)
        # A very long picture is measured no longer than four times its short side.
        sides = [
            min(4 * _SHORT_SIDE, max(_STRIDE, round(side * scale / _STRIDE) * _STRIDE)) for side in (height, width)
        ]
        small = F.interpolate(picture.clamp(0, 1), sides, mode="bilinear", align_corners=False, antialias=True)
        near = self._net(small)
        return F.interpolate(near, (height, width), mode="bilinear", align_corners=False)


def build(*, path: Path | None = None, **_: Any) -> Estimator:
    """An estimator from a file of weights; None takes the first of the model's that is in the store."""
    return Estimator(load(path if path is not None else default_store().ready(MODEL)))


MODEL = Model(
    id="tcmonodepth-small",
    family="depth",
    summary="Relative depth from one picture, steady in video; needs weights (`impasto models import`).",
    build=lambda weights=None, **options: build(path=weights, **options),
    weights=Weights(
        "tcmonodepth_small.pt.tar",
        "c7a87f34a432d11b831d9d27c531eaaef90e0282e2f8a7b87c0202b80ad76b2b",
        "MIT",
        "weights/_ckpt_small.pt.tar of yu-li/TCMonoDepth",
        "NYU, KITTI and others, as its paper says; data sets for research",
    ),
    stride=_STRIDE,
    smallest=1,
)
