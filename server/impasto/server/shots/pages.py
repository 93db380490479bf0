"""Pages: of all the pictures that maps name, only the pieces that are looked at are held.

The map of a long shot names paint of very many births, of most of them a few pixels. So pictures are held in small
pieces, and work and memory follow what is seen, not how long the shot is (virtual texturing: Barrett 2008, "Sparse
Virtual Textures"). Paint keeps its place in its birth while it is carried, so a piece is laid once and serves while it
shows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

from impasto.server.ops.lattice import mirror
from impasto.server.shots.provenance import NOWHERE, Map

SIDE = 32
"""Side of a piece in pixels, on a grid from the upper left."""
_PICTURES, _PIECES = 12, 256
"""No more is held than so many pictures, or so many pieces where pictures are small."""
_FEWEST = 2
"""So many pictures can always be held."""

_AT_ONCE = 256
"""Pieces laid at once, so that laying needs little memory beside."""

Picture = TypeVar("Picture")
Page = tuple[int, int]
"""A piece: the picture's frame, and which piece of it."""


class Pages(Generic[Picture]):
    """Which pieces of many pictures of one size are held, and in what places.

    Args:
        height: of the pictures.
        width: of the pictures.
        pictures: how many there can be.
        page_bytes: memory of a piece.
        most_bytes: memory for all, where that is enough for two whole pictures.
        read: gives a picture by its frame; may gather, to make it.
        lay: lays pieces of a picture in places, (N,) int64, a few hundred at once.
    """

    def __init__(
        self,
        height: int,
        width: int,
        pictures: int,
        page_bytes: int,
        most_bytes: int,
        read: Callable[[int], Picture],
        lay: Callable[[Picture, Sequence[int], Tensor], None],
    ) -> None:
        self._height, self._width, self._read, self._lay = height, width, read, lay
        self._across = -(-width // SIDE)
        self._each = self._across * -(-height // SIDE)
        fewest, most = _FEWEST * self._each, max(_PICTURES * self._each, _PIECES)
        self.places = min(pictures * self._each, max(fewest, min(most, most_bytes // page_bytes)))
        self._held: OrderedDict[Page, int] = OrderedDict()
        self._free = list(range(self.places))

    def gather(self, here: Map, take: Callable[[Tensor, Tensor, Tensor], Tensor], channels: int) -> Tensor:
        """Put together what every pixel of a map names.

        Args:
            here: a frame's map, or that of scattered pixels.
            take: gives (C, N) float32 of the pieces in places, (N,) int64, at columns and rows, (N,) float32; of each
                by itself, to the bit, since what is held decides which are asked for at once.
            channels: C.

        Returns:
            (1, C, H, W) float32; 0 where there is no paint.
        """
        shape = here.born.shape
        where = (here.born != NOWHERE).flatten().nonzero()[:, 0]
        result = torch.zeros(channels, here.born.numel())
        if len(where) > 0:
            born = here.born.flatten()[where].long()
            x = here.x.flatten()[where].clamp(0, self._width - 1)
            y = here.y.flatten()[where].clamp(0, self._height - 1)
            across, down = (torch.div(axis, SIDE, rounding_mode="floor") for axis in (x, y))
            x, y = x - across * SIDE, y - down * SIDE
            for part, place in self._in_rounds(born, (down * self._across + across).long()):
                result[:, where[part]] = take(place, x[part], y[part])
        return result.reshape(1, channels, *shape[-2:])

    def windows(self, picture: Tensor, pieces: Sequence[int], before: int, after: int) -> Tensor:
        """Cut pieces out with what is around them, beyond the picture mirrored at its border pixels' centres.

        Args:
            picture: (C, H, W).
            pieces: which, N.
            before: pixels on the left and on top.
            after: pixels on the right and below.

        Returns:
            (N, C, before + SIDE + after, the same).
        """
        piece, span = torch.tensor(pieces)[:, None], torch.arange(-before, SIDE + after)
        down = mirror(torch.div(piece, self._across, rounding_mode="floor") * SIDE + span, self._height)
        across = mirror(piece % self._across * SIDE + span, self._width)
        return picture[:, down[:, :, None], across[:, None, :]].transpose(0, 1)

    def _in_rounds(self, born: Tensor, piece: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Which pixels have their pieces held at once, and in what places, (N,) int64 both; one round where all fit.

        What is held comes first, so that only what does not fit is laid anew every time.
        """
        first = int(born.min())
        seen = torch.zeros(int(born.max()) - first + 1, dtype=torch.bool)
        seen[born - first] = True
        frames = (seen.nonzero()[:, 0] + first).tolist()
        page = (seen.cumsum(0) - 1)[born - first] * self._each + piece
        wanted = torch.zeros(len(frames) * self._each, dtype=torch.bool)
        wanted[page] = True
        pages = {(frames[at // self._each], at % self._each): at for at in wanted.nonzero()[:, 0].tolist()}
        ordered = sorted(pages, key=lambda page: page not in self._held)
        for begin in range(0, len(ordered), self.places):
            some = ordered[begin : begin + self.places]
            places = torch.full(wanted.shape, -1)
            places[[pages[page] for page in some]] = torch.tensor(self._all_held(some))
            place = places[page]
            part = (place >= 0).nonzero()[:, 0]
            yield part, place[part]

    def _all_held(self, pages: Sequence[Page]) -> list[int]:
        """Hold all of these, no more than there are places, and tell where."""
        while lacking := [page for page in pages if page not in self._held]:
            frame = lacking[0][0]
            picture = self._read(frame)  # other pieces may be held after it
            self._used(pages)
            pieces = [piece for other, piece in pages if other == frame and (frame, piece) not in self._held]
            while len(self._free) < len(pieces):
                self._free.append(self._held.popitem(last=False)[1])
            places = self._free[: len(pieces)]
            for some in range(0, len(pieces), _AT_ONCE):
                self._lay(picture, pieces[some : some + _AT_ONCE], torch.tensor(places[some : some + _AT_ONCE]))
            del self._free[: len(pieces)]
            self._held.update(((frame, piece), place) for piece, place in zip(pieces, places, strict=True))
        self._used(pages)
        return [self._held[page] for page in pages]

    def _used(self, pages: Sequence[Page]) -> None:
        for page in pages:
            if page in self._held:
                self._held.move_to_end(page)
