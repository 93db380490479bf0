"""A look brought into the colours of the keys, so that what it fills in does not stand out beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from impasto.server.models.style.painter import Painter
from impasto.server.models.style.transport import ColourMap
from impasto.server.ops.threads import PAINTERS_THREADS, fixed_threads
from impasto.server.plates.shaper import Shaper
from impasto.server.shots.fill.example import Example
from impasto.server.shots.screen import light, show
from impasto.server.shots.shot import Store

VERSION = 1
"""Raised when the map comes out otherwise; part of its digest."""


class Matching:
    """Finds, when first asked, the map of colours that makes the keys of what a look makes of their plates.

    Sliced optimal transport of colours (Pitié et al. 2007) over the pixels of all keys together, one map for the shot,
    so that it cannot make anything pump. Kept in the store.

    Args:
        painter: of a frame by its number; shaped values.
        examples: gives the keys, at least one.
        shaper: the shot's.
        seed: of random draws.
        store: keeps the map.
        name: of this very map in the store.
    """

    def __init__(
        self,
        painter: Callable[[int], Painter],
        examples: Callable[[], Sequence[Example]],
        shaper: Shaper,
        seed: int,
        store: Store,
        name: str,
    ) -> None:
        self._painter, self._examples, self._shaper, self._seed = painter, examples, shaper, seed
        self._store, self._name = store, name
        self._map: ColourMap | None = None

    def painter(self, frame: int) -> Painter:
        """The painter of a frame in the keys' colours; shaped values."""
        return _InColours(self._painter(frame), self._shaper, self._found)

    def _found(self, check: Callable[[], None]) -> ColourMap:
        if self._map is None:
            kept = self._store.load(self._name)
            if kept is None:
                self._map = self._match(check)
                self._store.save(self._name, _arrays(self._map))
            else:
                steps = [
                    [torch.from_numpy(np.array(kept[f"{n} {m}"])) for m in range(3)] for n in range(len(kept) // 3)
                ]
                self._map = ColourMap(tuple((turn, source, target) for turn, source, target in steps))
        return self._map

    def _match(self, check: Callable[[], None]) -> ColourMap:
        found, wanted, shaper = [], [], self._shaper
        for example in self._examples():
            check()
            content = shaper.encode(light(example.plate, shaper))
            painted = self._painter(example.frame).paint(content, seed=self._seed + example.frame, check=check)
            found.append(example.colours(show(shaper.decode(painted), shaper).clamp(0.0, 1.0)))
            wanted.append(example.colours(example.paint))
        with fixed_threads(PAINTERS_THREADS):
            return ColourMap.between(torch.cat(found, 3), torch.cat(wanted, 3))


def _arrays(colours: ColourMap) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    return {
        f"{number} {part}": value.cpu().numpy()
        for number, step in enumerate(colours.steps)
        for part, value in enumerate(step)
    }


@dataclass(frozen=True)
class _InColours:
    """A painter whose colours are moved by a map; see `Painter`. Shaped values."""

    own: Painter
    shaper: Shaper
    colours: Callable[[Callable[[], None]], ColourMap]
    local = False

    def paint(
        self,
        content: Tensor,
        *,
        start: Tensor | None = None,
        where: Tensor | None = None,
        seed: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Tensor:
        """Paint the whole of `content`: `start` is in other colours than the look's own, so it cannot go on from it."""
        colours = self.colours(check)
        painted = self.own.paint(content, seed=seed, check=check)
        shown = colours(show(self.shaper.decode(painted), self.shaper))
        return self.shaper.encode(light(shown, self.shaper))
