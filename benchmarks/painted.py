"""A truth shot painted: frame by frame, by the classic way, and by the engine as a job would paint it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from spilled import Spilled
from torch import Tensor
from truth import Array, TruthShot, srgb

from impasto.server.jobs.planning.spec import DEFAULT_MOTION
from impasto.server.models import catalogue, weights
from impasto.server.models.style.painter import Painter
from impasto.server.ops.warp import warp
from impasto.server.plates import srgb as curve
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import Recipe, render
from impasto.server.shots.analysis import Analysis, analyse
from impasto.server.shots.given_motion import GivenMotion
from impasto.server.shots.keys import Key
from impasto.server.shots.layers import Layer
from impasto.server.shots.motion import ComputedMotion, Motion
from impasto.server.shots.relight import develop, split
from impasto.server.shots.screen import OnScreen
from impasto.server.shots.shot import Watch

KEPT = 0.85
"""What the classic way keeps of the warped previous frame."""


class Memory:
    """A store on disk that forgets at the end."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, ...]] = {}
        self._arrays = Spilled()

    def load(self, key: str) -> dict[str, Array] | None:
        return {name: self._arrays[key, name] for name in self._names[key]} if key in self._names else None

    def save(self, key: str, arrays: Mapping[str, Array]) -> None:
        for name, array in arrays.items():
            self._arrays[key, name] = array
        self._names[key] = tuple(arrays)

    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        return self._arrays.nbytes()

    def keep_motion(self) -> None:
        """Forget all else."""
        for key in [key for key in self._names if not key.startswith("motion-")]:
            for name in self._names.pop(key):
                del self._arrays[key, name]


class Nobody:
    """Watches nothing."""

    def check(self) -> None: ...

    def stage(self, name: str, frame: int) -> None: ...

    def warn(self, message: str) -> None:
        print("warning:", message)


@dataclass
class Case:
    """One shot, as `impasto.server.shots.shot.Shot`, with its truth.

    Attributes:
        true: the shot.
        order: which of its frames are shown, one after the other; numbered from the first of them.
    """

    true: TruthShot
    order: tuple[int, ...]
    store: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.frames = tuple(range(self.order[0], self.order[0] + len(self.order)))
        self.height, self.width = self.true.plate(self.order[0]).shape[1:]
        self.analysis: Analysis = analyse(self, self.store, Nobody())
        self.shaper = Shaper(self.analysis.exposure)

    def shown(self, frame: int) -> int:
        """The true frame that is shown as this one."""
        return self.order[frame - self.frames[0]]

    def readable(self, frame: int) -> bool:
        return frame in self.frames

    def picture(self, frame: int) -> Tensor:
        return torch.from_numpy(self.true.plate(self.shown(frame)))[None]

    def digest(self, frame: int) -> str:
        return f"{self.true.name} {self.shown(frame)}"

    def layers(self, frame: int) -> dict[str, Array]:
        """True motion and mattes, also where the shot runs backwards; of the sky nothing is known and nothing stays."""
        true = self.true.truth(self.shown(frame))
        sides = {1: (true.forward, true.hidden_next), -1: (true.backward, true.hidden_previous)}
        found: dict[str, Array] = {}
        for other, layer, matte in ((frame + 1, "forward", "next"), (frame - 1, "backward", "prev")):
            way = self.shown(other) - self.shown(frame) if other in self.frames else 1 if other > frame else -1
            found[layer], hidden = sides[way]
            found[f"occlusion.{matte}"] = (hidden | ~true.valid).astype(np.float32)
        return found


def motion_of(case: Case, kind: str, watch: Watch | None = None) -> Motion:
    """True motion, or a model's as a job would have it measured; `default` is the product's."""
    if kind == "truth":
        return GivenMotion(case, case.layers, "truth", case.shaper, case.store, Nobody())
    model = catalogue.find(DEFAULT_MOTION if kind == "default" else kind, "flow")
    grain = case.analysis.grain
    options = {"weights": weights.default_store().ready(model)} if model.published else {}
    estimator = model.build(grain=grain, **options)
    return ComputedMotion(
        case, estimator, f"{model.id}{model.version}", case.shaper, grain, case.store, watch or Nobody()
    )


@dataclass
class Alone:
    """Every frame painted for itself, without heed to the others.

    Attributes:
        pictures: sRGB (3, H, W) by frame.
        paint: the paint itself, (1, 3, H, W) by frame.
    """

    pictures: Mapping[int, Array]
    paint: Mapping[int, Array]

    @classmethod
    def by(cls, case: Case, painter: Callable[[int], Painter]) -> Alone:
        made, paint = Spilled(), Spilled()
        for frame in case.frames:
            same = next((other for other in made if case.shown(other) == case.shown(frame)), None)
            if same is not None:
                made[frame], paint[frame] = made[same], paint[same]
                continue
            light = split(case.picture(frame), case.shaper)
            painted = OnScreen(painter(frame), case.shaper).paint(light.base)
            made[frame] = srgb(develop(painted, torch.ones_like(light.gain), light, case.shaper)[0].numpy())
            paint[frame] = painted.numpy()
        return cls(made, paint)


@dataclass
class Remembered:
    """The painter of one frame, its whole picture painted before."""

    picture: Tensor
    local: bool = False

    def paint(
        self,
        content: Tensor,
        *,
        start: Tensor | None = None,
        where: Tensor | None = None,
        seed: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        return self.picture


@dataclass
class Made:
    """Painted frames.

    Attributes:
        pictures: sRGB (3, H, W) by frame.
        carried: share of pixels that are not the frame's own.
        source: (3, H, W) by frame: source frame, column and row of every pixel's paint; empty for the classic way.
        kind: (H, W) by frame, the source's kind.
    """

    pictures: MutableMapping[int, Array] = field(default_factory=Spilled)
    carried: float = 0.0
    source: MutableMapping[int, Array] = field(default_factory=Spilled)
    kind: MutableMapping[int, Array] = field(default_factory=Spilled)


def classic(case: Case, motion: Motion, alone: Alone) -> Made:
    """Blend every frame with the warped one before where motion there and back agree (Ruder et al. 2016)."""
    made, shares = Spilled(), []
    before: Tensor | None = None
    for frame in case.frames:
        painted = torch.from_numpy(alone.pictures[frame])[None]
        if before is not None:
            back, previous = motion.frame(frame).backward, motion.neighbours(frame)[0]
            assert previous is not None
            there = warp(motion.frame(previous).forward, back)
            size = (back**2).sum(1, keepdim=True) + (there**2).sum(1, keepdim=True)
            agree = ((back + there) ** 2).sum(1, keepdim=True) < 0.01 * size + 0.5
            mixed = (1 - KEPT) * painted + KEPT * warp(before, back, "bicubic")
            painted = torch.where(agree, mixed, painted)
            shares.append(float(agree.float().mean()))
        before = painted
        made[frame] = painted[0].numpy()
    return Made(made, float(np.mean(shares)))


def engine(
    case: Case,
    motion: Motion,
    alone: Alone,
    keys: tuple[Key, ...] = (),
    relight: float = 1.0,
    consistency: float = 1.0,
) -> Made:
    """The product's own way; with keys nothing else paints."""
    layers = () if keys else (Layer(lambda frame: Remembered(torch.from_numpy(alone.paint[frame])), "alone"),)
    recipe = Recipe(keys, layers, relight, 0, case.shaper, consistency=consistency)
    made = Made()
    shares = []
    for painted in render(case, recipe, motion, case.frames, case.store, Nobody()):
        made.pictures[painted.frame] = srgb(painted.picture[0].numpy())
        made.source[painted.frame] = torch.cat([painted.source_frame, painted.source_x, painted.source_y], 1)[0].numpy()
        made.kind[painted.frame] = painted.source_kind[0, 0].numpy()
        if painted.frame != case.frames[0]:
            shares.append(painted.figures["carried"])
    return replace(made, carried=float(np.mean(shares)))


def whole_key(case: Case, alone: Alone, frame: int) -> Key:
    """A key that is the frame painted alone."""
    picture = torch.from_numpy(curve.decode(alone.pictures[frame]))[None]
    return Key(frame, picture, torch.ones(1, 1, case.height, case.width), 1.0, None, f"alone {frame}")
