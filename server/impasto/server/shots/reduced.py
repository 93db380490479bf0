"""A shot seen small, for questions about its whole that need no single pixel."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional as F

from impasto.server.shots.motion import FrameMotion, Motion
from impasto.server.shots.shot import Shot


class ReducedShot:
    """A shot whose pictures are means over blocks; implements `Shot`.

    Args:
        shot: the shot.
        most: its longer side will have at most so many pixels.
    """

    def __init__(self, shot: Shot, most: int) -> None:
        self.factor = max(1, math.ceil(max(shot.height, shot.width) / most))
        self.frames = shot.frames
        self.height, self.width = (max(1, side // self.factor) for side in (shot.height, shot.width))
        self._shot = shot

    def readable(self, frame: int) -> bool:
        """As the shot's."""
        return self._shot.readable(frame)

    def picture(self, frame: int) -> Tensor:
        """Scene-linear, (1, 3, height, width); rows and columns that fill no block are left out."""
        picture = self._shot.picture(frame)
        return F.avg_pool2d(picture, self.factor) if min(picture.shape[-2:]) >= self.factor else picture

    def digest(self, frame: int) -> str:
        """Of the frame as seen here."""
        return f"{self._shot.digest(frame)}/{self.factor}"


class ReducedMotion:
    """The motion of a `ReducedShot`: that of the pixel in the middle of each block; implements `Motion`.

    Args:
        motion: of the whole shot.
        shot: the reduced shot.
    """

    def __init__(self, motion: Motion, shot: ReducedShot) -> None:
        self._motion, self._shot = motion, shot
        self.digest = f"{motion.digest}/{shot.factor}"
        self.measured = motion.measured

    def neighbours(self, frame: int) -> tuple[int | None, int | None]:
        """As the motion's."""
        return self._motion.neighbours(frame)

    def frame(self, frame: int) -> FrameMotion:
        """Motion in pixels of the reduced shot."""
        factor, middle = self._shot.factor, self._shot.factor // 2
        height, width = self._shot.height, self._shot.width

        def thinned(name: str, whole: Tensor) -> Tensor:
            some = whole[..., middle::factor, middle::factor][..., :height, :width].contiguous()
            return some / factor if name in ("forward", "backward") else some

        whole = self._motion.frame(frame)
        return FrameMotion(**{name: thinned(name, value) for name, value in vars(whole).items()})


class Forgetful:
    """A store that keeps nothing, for work that is cheaper to do again than to keep."""

    def load(self, key: str) -> None:
        """Nothing."""

    def save(self, key: str, arrays: object) -> None:
        """Nothing."""
