"""Several styles in one shot: each paints a ground of its own, and choosing between them comes after.

As with keys, every style's births and maps are independent of the others. Where a mask, a range or a fade lets a style
show is decided in every frame anew, so it neither kills paint nor gives birth to any: a style that gives way to another
and comes back is still where it was laid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.server.models.style.painter import Painter
from impasto.server.shots.alone import Alone
from impasto.server.shots.chains import Stage
from impasto.server.shots.ground import Ground, bare
from impasto.server.shots.keyed import Coat, Keyed
from impasto.server.shots.renewal import renewed


@dataclass(frozen=True)
class Layer:
    """One style of a shot, or several that paint as one.

    Attributes:
        painter: the painter of a frame by its number.
        digest: of the painter and all that is set of it.
        frames: those it shows in; None for all of the shot.
        weight: without a mask its share beside the other layers, 0 or more; with one how much of it shows, 0..1.
        fade: 0..1 by frame, how far it has come or not yet gone.
        mask: by frame (1, 1, H, W) in 0..1, where it lies over those without a mask; None for everywhere.
    """

    painter: Callable[[int], Painter]
    digest: str
    frames: frozenset[int] | None = None
    weight: float = 1.0
    fade: Callable[[int], float] = lambda frame: 1.0
    mask: Callable[[int], Tensor] | None = None

    def shows(self, frame: int) -> bool:
        """Whether it may be seen in this frame."""
        return self.weight > 0 and (self.frames is None or frame in self.frames)

    @property
    def plain(self) -> bool:
        """Whether it always covers everything."""
        return self.frames is None and self.mask is None


def shares(layers: Sequence[Layer], frame: int, like: Tensor) -> list[Tensor]:
    """How much of each layer every pixel of a frame takes, (1, 1, H, W) each; what they leave of 1 is the plate's.

    Layers with a mask lie over the others where their masks are, side by side where masks meet; the others share what
    is left by their weights.

    Args:
        layers: those that show in this frame.
        frame: its number.
        like: (1, 1, H, W), for size and device.
    """
    masked = [
        layer.mask(frame).to(like) * (min(layer.weight, 1.0) * layer.fade(frame))
        if layer.mask is not None
        else torch.zeros_like(like)
        for layer in layers
    ]
    over = torch.stack(masked).sum(0)
    masked = [each / over.clamp_min(1.0) for each in masked]
    faded = [0.0 if layer.mask is not None else layer.weight * layer.fade(frame) for layer in layers]
    there = min(1.0, sum(layer.fade(frame) for layer in layers if layer.mask is None))
    rest = (1.0 - over).clamp_min(0.0) * there
    total = sum(faded) or 1.0
    return [each + rest * (own / total) for each, own in zip(masked, faded, strict=True)]


class Layers:
    """The styles of a job.

    Args:
        stage: the shot.
        keyed: the keys, which go before.
        layers: of the job; without any the plate itself is the ground.
        relight: 0..1.
        seed: of random draws.
        every: see `Ground`.
        consistency: 0..1, see `renewal`; below 1 every frame that a style shows in is also painted alone by it.
    """

    def __init__(
        self,
        stage: Stage,
        keyed: Keyed,
        layers: Sequence[Layer],
        relight: float,
        seed: int,
        every: int = 0,
        consistency: float = 1.0,
    ) -> None:
        self._stage, self._layers, self._seed, self._consistency = stage, tuple(layers), seed, consistency
        self._grounds = [
            Ground(stage, keyed, layer.painter, layer.digest, relight, seed, _span(stage, layer), every)
            for layer in layers
        ]

    def coat(self, frame: int) -> Coat:
        """What the styles paint in this readable frame, under its light; covers 0 where none of them shows."""
        here = [
            (layer, ground) for layer, ground in zip(self._layers, self._grounds, strict=True) if layer.shows(frame)
        ]
        light = self._stage.light(frame)
        if not self._layers:
            return bare(frame, light)
        if len(here) == 1 and here[0][0].plain:
            return self._own(*here[0], frame)
        if not here:
            coat = bare(frame, light)
            return Coat(coat.base, coat.match, torch.zeros_like(coat.cover), coat.x, coat.y, coat.born)
        parts = shares([layer for layer, _ in here], frame, light.gain)
        # Where the plate shows through there is no paint.
        cover = torch.stack(parts).sum(0).clamp(0.0, 1.0)
        coats = [self._own(layer, ground, frame) for layer, ground in here]
        return _mixed([*coats, bare(frame, light)], [*parts, 1.0 - cover], cover)

    def _own(self, layer: Layer, ground: Ground, frame: int) -> Coat:
        """What one style paints in this frame."""
        coat, stage = ground.coat(frame), self._stage
        if self._consistency == 1:
            return coat
        alone = Alone(layer.painter, layer.digest, stage.shot, stage.shaper, self._seed, stage.store, stage.watch)
        return renewed(coat, alone(frame), frame, self._consistency)


def _span(stage: Stage, layer: Layer) -> tuple[int, ...]:
    """The readable frames a layer is carried through: from the first it shows in to the last."""
    if layer.frames is None:
        return stage.frames
    shown = [frame for frame in stage.frames if frame in layer.frames]
    return tuple(frame for frame in stage.frames if shown and shown[0] <= frame <= shown[-1])


def _mixed(coats: Sequence[Coat], parts: Sequence[Tensor], cover: Tensor) -> Coat:
    """Coats laid together by their shares; sources are those of the heaviest."""
    heaviest = torch.stack(list(parts)).argmax(0)[None]

    def pick(name: str) -> Tensor:
        return torch.stack([getattr(coat, name) for coat in coats]).gather(0, heaviest)[0]

    base = torch.stack([coat.base * part for coat, part in zip(coats, parts, strict=True)]).sum(0)
    match = torch.stack([coat.match * part for coat, part in zip(coats, parts, strict=True)]).sum(0)
    return Coat(base, match, cover, pick("x"), pick("y"), pick("born"))
