"""Pairs of pictures whose hiding is known, with motion as the product measures it; each is kept in a file of its own.

Pictures are drawn by `staging` and `scenes`, blurred by a shutter, lit a little differently and covered with grain.
Their motion is measured by one of the product's own estimators, or is the true one made as untrue as a good net's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from data import drawn, read, resized, unseen
from safetensors.torch import load_file, save_file
from scenes import Scene, Scenes
from stages import Stage
from staging import Stages, patterned
from torch import Tensor
from torch.nn import functional as F

from impasto.server.models import catalogue
from impasto.server.models.flow.estimator import FlowEstimator

HEIGHT, WIDTH = 184, 320
MEASURED = ("facets",) * 7 + ("raft-small", "dis", "dis")
"""What measures motion, in turn; RAFT small only where its weights are at hand, else `dis`."""


@dataclass(frozen=True)
class KnownPair:
    """Two pictures (1, 3, H, W), display-like; motion there and back as measured and as it is, (1, 2, H, W) pixels,
    x right, y down; and 1 where a pixel is hidden or outside in the other picture, (1, 1, H, W). All float32."""

    first: Tensor
    second: Tensor
    forward: Tensor
    backward: Tensor
    true_forward: Tensor
    true_backward: Tensor
    hidden_first: Tensor
    hidden_second: Tensor

    def save(self, path: Path) -> None:
        """Write it; a file that is there is whole."""
        part = path.with_suffix(".part")
        save_file({field.name: _packed(field.name, getattr(self, field.name)) for field in fields(self)}, part)
        part.replace(path)

    @staticmethod
    def load(path: Path) -> KnownPair:
        """As `save` wrote it."""
        return KnownPair(**{name: values.float() for name, values in load_file(path).items()})


def _packed(name: str, values: Tensor) -> Tensor:
    kind = torch.uint8 if name.startswith("hidden") else torch.float32 if name.endswith("ward") else torch.float16
    return values.to(kind).contiguous()


class Pairs:
    """Makes pairs, each from its number alone.

    Args:
        assets: the folder with `pictures/masters` and `pictures/monet`, and, where they are, the weights of RAFT small.
        height: pixels.
        width: pixels.
    """

    def __init__(self, assets: Path, height: int, width: int) -> None:
        held = set(unseen(assets / "pictures" / "masters"))
        masters = [path for path in sorted((assets / "pictures" / "masters").glob("*.jpg")) if path not in held]
        monet = sorted((assets / "pictures" / "monet").glob("*.jpg"))[::4]
        random = torch.Generator().manual_seed(6)
        paintings = [resized(read(path), 320) for path in masters] + [read(path) for path in monet]
        textures = [*paintings, *(drawn(256, 256, random) for _ in range(60))]
        textures += [patterned(random) for _ in range(120)]
        self._stages, self._scenes = Stages(textures, height, width), Scenes(textures, height, width, 16.0)
        self._weights = assets / "weights" / "raft-small-princeton.pth"

    def make(self, number: int) -> Iterator[KnownPair]:
        """The pair of this number; of every fourth also one whose motion is nearly true."""
        random = torch.Generator().manual_seed(50_000 + number)
        drawer = self._scenes if number % 4 == 3 else self._stages
        scene: Scene | Stage = drawer.draw(random)
        shutter = float(torch.rand((), generator=random)) * 0.6 if number % 3 == 0 else 0.0
        first, second = (scene.picture(moment, shutter) for moment in (0.0, 1.0))
        second = _relit(second, random) if number % 5 == 1 else second
        strength = 0.02 * float(torch.rand((), generator=random)) ** 2 if number % 2 else 0.0
        pictures = [
            (picture + strength * torch.randn(picture.shape, generator=random))[None] for picture in (first, second)
        ]
        (there, gone, _), (back, new, _) = scene.motion(0.0, 1.0), scene.motion(1.0, 0.0)
        true = there[None], back[None], gone[None], new[None]
        kind = MEASURED[number % len(MEASURED)]
        yield KnownPair(*pictures, *self._estimator(kind, strength).both(*pictures), *true)
        if number % 4 == 0:
            yield KnownPair(*pictures, *(_trembling(motion, random) for motion in true[:2]), *true)

    def _estimator(self, kind: str, grain: float) -> FlowEstimator:
        if kind == "raft-small" and self._weights.exists():
            return catalogue.find(kind, "flow").build(grain=grain, weights=self._weights)  # type: ignore[no-any-return]
        kind = "dis" if kind == "raft-small" else kind
        return catalogue.find(kind, "flow").build(grain=grain)  # type: ignore[no-any-return]


def _relit(picture: Tensor, random: torch.Generator) -> Tensor:
    gain, power = (1 + 0.15 * (2 * torch.rand(2, generator=random) - 1)).tolist()
    return (gain * picture.clamp_min(0) ** power).clamp(0, 1.2)


def _trembling(motion: Tensor, random: torch.Generator) -> Tensor:
    """Motion that errs by up to some tenths of a pixel, evenly over some pixels, and once more at every pixel."""
    height, width = motion.shape[-2:]
    coarse = torch.randn(1, 2, height // 12 + 2, width // 12 + 2, generator=random)
    most, fine = (torch.rand(2, generator=random) * torch.tensor([0.4, 0.1])).tolist()
    soft = F.interpolate(coarse, (height, width), mode="bicubic")
    return motion + most * soft + fine * torch.randn(motion.shape, generator=random)


def fill(folder: Path, assets: Path, count: int) -> None:
    """Make those of the first `count` pairs that are not in the folder yet; see `Pairs`."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(count) if not (folder / f"{number:05d}.0.safetensors").exists()]
    makers = Pairs(assets, HEIGHT, WIDTH) if missing else None
    for number in missing:
        assert makers is not None
        for part, pair in reversed(list(enumerate(makers.make(number)))):  # part 0 last: where it is, all are
            pair.save(folder / f"{number:05d}.{part}.safetensors")
