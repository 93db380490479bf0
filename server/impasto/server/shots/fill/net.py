"""A small network trained on the keys of one shot, which then paints what they do not see.

After Texler et al., "Interactive Video Stylization Using Few-Shot Patch-Based Training" (2020), in a slim form: few
filters, no normalisation layers, so that tiles and frames cannot pump; and no pretrained features. Where they compare
VGG features and train an adversary, patches of what is painted and of what should be are compared here by sorted random
projections (Elnekave and Weiss 2022), which keeps strokes from being averaged away. Training starts from the best
affine map of the plate's colours.

The number of steps follows from the minutes asked for by a fixed rate, never from the clock, so that the same job
gives the same pixels on machines of one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.style.regions import boxes, joined, widen
from impasto.server.ops.threads import fixed_threads
from impasto.server.ops.tiling import tiled
from impasto.server.shots.fill.colours import affine
from impasto.server.shots.fill.example import Example
from impasto.server.shots.shot import Store

VERSION = 1
"""Raised when training comes out otherwise; part of the painter's digest and of the key in the store."""
STEPS_PER_MINUTE = 400
"""What a CPU core does, well rounded down; the number of steps is this times the minutes, on any machine."""

_STRIDE = 4
_REACH = 64
_TILE = 512
_PATCH = 64
_BATCH = 4
_RATE = 2e-3
_FILTERS = 24
_TEXTURE = 1.0


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        more: Tensor = self.second(F.leaky_relu(self.first(F.leaky_relu(x, 0.2)), 0.2))
        return x + more


class Net(nn.Module):
    """From (B, 3, H, W) display values to the same; sides are multiples of 4."""

    def __init__(self) -> None:
        super().__init__()

        def conv(before: int, after: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
            return nn.Conv2d(before, after, size, stride, padding=size // 2)

        self.colour = nn.Conv2d(3, 3, 1)
        self.fine, self.middle, self.coarse = conv(3, 16, 5), conv(16, 32, 3, 2), conv(32, 64, 3, 2)
        self.blocks = nn.Sequential(*(_Block(64) for _ in range(4)))
        self.to_middle, self.to_fine = conv(64 + 32, 32), conv(32 + 16 + 3, 24)
        self.mix, self.last = conv(24, 24), conv(24, 3)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Paint."""
        fine = F.leaky_relu(self.fine(x - 0.5), 0.2)
        middle = F.leaky_relu(self.middle(fine), 0.2)
        deep = F.leaky_relu(self.blocks(self.coarse(middle)), 0.2)
        deep = F.interpolate(deep, scale_factor=2, mode="bilinear", align_corners=False)
        deep = F.leaky_relu(self.to_middle(torch.cat([deep, middle], 1)), 0.2)
        deep = F.interpolate(deep, scale_factor=2, mode="bilinear", align_corners=False)
        deep = F.leaky_relu(self.to_fine(torch.cat([deep, fine, x - 0.5], 1)), 0.2)
        painted: Tensor = self.colour(x) + self.last(F.leaky_relu(self.mix(deep), 0.2))
        return painted


class Trained:
    """Trains a net when it is first to paint, and paints with it; see `Painter`. Display values.

    Args:
        examples: gives the keys, at least one.
        minutes: of training, see `steps_of`.
        seed: of random draws.
        store: keeps trained nets.
        name: of this very training in the store: keys, plates, minutes, seed and device kind.
        told: told which share of the training is done, 0..1.
        device: `cpu` or `cuda:N`.
    """

    local = True

    def __init__(
        self,
        examples: Callable[[], Sequence[Example]],
        minutes: float,
        seed: int,
        store: Store,
        name: str,
        told: Callable[[float], None] = lambda share: None,
        device: str = "cpu",
    ) -> None:
        self._examples, self._steps, self._seed = examples, steps_of(minutes), seed
        self._store, self._name, self._told, self._device = store, name, told, device
        self._painter: NetPainter | None = None

    def paint(
        self,
        content: Tensor,
        *,
        start: Tensor | None = None,
        where: Tensor | None = None,
        seed: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Paint `content` where asked; see `Painter.paint`. `check` is called at every step of training too."""
        if self._painter is None:
            self._painter = NetPainter(self._net(check).to(self._device).eval(), self._device)
        return self._painter.paint(content, start=start, where=where, seed=seed, check=check)

    def _net(self, check: Callable[[], None]) -> Net:
        kept = self._store.load(self._name)
        if kept is None:
            net = _train(self._examples(), self._steps, self._seed, check, self._told, self._device)
            self._store.save(self._name, {key: value.cpu().numpy() for key, value in net.state_dict().items()})
            return net
        net = Net()
        net.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in kept.items()})
        return net


@dataclass(frozen=True)
class NetPainter:
    """Paints with a trained net; see `Painter`. Display values."""

    net: Net
    device: str = "cpu"
    local = True

    @torch.no_grad()
    def paint(
        self,
        content: Tensor,
        *,
        start: Tensor | None = None,
        where: Tensor | None = None,
        seed: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Paint `content` where asked; see `Painter.paint`. Nothing is drawn at random."""
        if start is None or where is None:
            return self._painted(content, check)
        painted = start.clone()
        height, width = content.shape[-2:]
        for box in joined(boxes(where), _REACH, height, width):
            check()
            x0, y0, x1, y1 = widen(box, _REACH, height, width)
            # The net's grid is that of the picture, whatever is painted of it.
            x0, y0 = x0 // _STRIDE * _STRIDE, y0 // _STRIDE * _STRIDE
            part = self._painted(content[..., y0:y1, x0:x1], check)
            left, top, right, bottom = box
            inner = part[..., top - y0 : bottom - y0, left - x0 : right - x0]
            place = (..., slice(top, bottom), slice(left, right))
            painted[place] = torch.where(where[place], inner, painted[place])
        return painted

    def _painted(self, content: Tensor, check: Callable[[], None]) -> Tensor:
        height, width = content.shape[-2:]
        x = F.pad(content.clamp(0.0, 1.0), (0, -width % _STRIDE, 0, -height % _STRIDE), mode="replicate")

        def run(part: Tensor) -> Tensor:
            out: Tensor = self.net(part.to(self.device))
            return out.cpu()

        return tiled(run, x, _TILE, _REACH, _STRIDE, check)[..., :height, :width].clamp(0.0, 1.0).contiguous()


def steps_of(minutes: float) -> int:
    """Steps of training that minutes stand for, at least one."""
    return max(1, round(minutes * STEPS_PER_MINUTE))


def _train(
    examples: Sequence[Example],
    steps: int,
    seed: int,
    check: Callable[[], None],
    told: Callable[[float], None],
    device: str,
) -> Net:
    draw = torch.Generator().manual_seed(seed)
    with torch.enable_grad(), fixed_threads():
        net = _started(examples, draw).to(device)
        optimiser = torch.optim.Adam(net.parameters(), lr=_RATE, betas=(0.9, 0.99))
        places = [_places(example) for example in examples]
        for step in range(steps):
            check()
            told(step / steps)
            for group in optimiser.param_groups:
                group["lr"] = _RATE * _pace(step, steps)
            plate, paint, seen = (part.to(device) for part in _batch(examples, places, draw))
            optimiser.zero_grad(set_to_none=True)
            _loss(net(plate), paint, seen, draw).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
    return net


def _pace(step: int, steps: int) -> float:
    """Share of the full rate: a short rise, then a long fall."""
    rise = max(1, steps // 50)
    return min((step + 1) / rise, 0.5 + 0.5 * float(np.cos(np.pi * step / steps))) + 0.01


def _started(examples: Sequence[Example], draw: torch.Generator) -> Net:
    """A net drawn by the seed that as yet only maps colours."""
    net = Net()
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module is not net.colour:
            fan = module.weight[0].numel()
            # What was made zero stays so: blocks and the last layer begin by adding nothing.
            drawn = torch.randn(module.weight.shape, generator=draw) * (2.0 / (1.04 * fan)) ** 0.5
            with torch.no_grad():
                module.weight.copy_(drawn * bool(module.weight.any()))
                assert module.bias is not None
                module.bias.zero_()
    colours = affine(examples)
    with torch.no_grad():
        net.colour.weight.copy_(colours[:, :3, None, None])
        assert net.colour.bias is not None
        net.colour.bias.copy_(colours[:, 3])
    return net


def _places(example: Example) -> Tensor:
    """(n, 2) rows and columns of upper left corners of patches in which the key paints most of the middle."""
    height, width = example.plate.shape[-2:]
    size = min(_PATCH, height // _STRIDE * _STRIDE, width // _STRIDE * _STRIDE)
    filled = F.avg_pool2d(example.where.float(), size, 1)[0, 0]
    return (filled >= min(0.75, float(filled.max()))).nonzero()


def _batch(
    examples: Sequence[Example], places: Sequence[Tensor], draw: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Patches of plates, of paint, and where the key paints: (B, 3, s, s), (B, 3, s, s), (B, 1, s, s)."""
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    size = min(_PATCH, *(min(e.plate.shape[-2:]) // _STRIDE * _STRIDE for e in examples))
    for _ in range(_BATCH):
        which = int(torch.randint(len(examples), (1,), generator=draw))
        example, corners = examples[which], places[which]
        top, left = corners[int(torch.randint(len(corners), (1,), generator=draw))].tolist()
        cut = (..., slice(top, top + size), slice(left, left + size))
        parts.append((example.plate[cut], example.paint[cut], example.where[cut].float()))
    plate, paint, seen = (torch.cat(group) for group in zip(*parts, strict=True))
    return plate, paint, seen


def _loss(painted: Tensor, paint: Tensor, seen: Tensor, draw: torch.Generator) -> Tensor:
    """Absolute difference, and that of sorted random projections of patches."""
    plain = ((painted - paint).abs() * seen).sum() / (3 * seen.sum()).clamp_min(1.0)
    filters = torch.randn(_FILTERS, 3, 5, 5, generator=draw)
    filters = (filters - filters.mean((2, 3), keepdim=True)) / filters.flatten(1).norm(dim=1)[:, None, None, None]
    filters = filters.to(painted.device)

    def cloud(picture: Tensor) -> Tensor:
        return F.conv2d(picture * seen, filters, padding=2).transpose(0, 1).flatten(1).sort(1).values

    texture = (cloud(painted) - cloud(paint)).abs().mean()
    return plain + _TEXTURE * texture
