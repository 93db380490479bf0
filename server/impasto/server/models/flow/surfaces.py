"""Large planes seen in perspective: each moves by one homography, which its textured parts tell for all of it.

A homography is (3, 3) float64 and takes a pixel (x, y, 1) of the first picture to the second, in pixels of the grid.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from impasto.server.models.flow.candidates import Array
from impasto.server.models.flow.planes import Exact, differing, slopes

_SAMPLE = 6
"""Vectors are taken from every so many pixels."""

_SQUARES = (24, 64)
"""Half the sides of the squares in which surfaces are begun; each square covers half of the one beside it."""

_NEAR = 0.25
"""Pixels of the grid within which a vector speaks for a surface."""

_NARROWING = (64.0, 4.0, 1.0, 2 * _NEAR, _NEAR)
_NARROWING_AGAIN = (2 * _NEAR, _NEAR, _NEAR)
"""The reach within which vectors are heard, fit by fit."""

_MOST, _LEAST = 8, 0.01
"""Most surfaces, and the least share of all that is believed that makes one."""

_STIFF = 1e-5
"""How much perspective has to be borne out, in shares of all vectors."""

_ROUNDS = 4
_PATCH = 16
"""Of registration; and the radius of the square that tells how much usually differs."""

_FLATTEST = 0.2
"""Depths under this share of the largest are taken for it: beyond lies what turns over."""


def agreeing(motion: Array, other: Array, believed: Array) -> Array:
    """How far motions agree, 0..1 (h, w), as far as the first is believed."""
    apart = ((motion - other) ** 2).sum(-1)
    agreed: Array = np.exp(-apart / np.float32(_NEAR**2)) * believed
    return agreed


def surfaces(
    pool: ThreadPoolExecutor,
    pictures: tuple[Array, Array],
    motions: tuple[Array, Array],
    believed: tuple[Array, Array],
) -> list[Exact]:
    """Homographies by which large parts of the first picture move to the second, the largest first.

    Sequential robust fitting: a surface is begun in squares, the one most vectors agree with is fitted to all that do,
    these are put aside, and the next is sought. Each is then registered to the pictures themselves.

    Args:
        pool: does the work.
        pictures: lumas (h, w) on the grid.
        motions: (h, w, 2) there and back.
        believed: (h, w) 0..1 what vectors of each count.
    """
    vectors = _Vectors(motions, believed)
    free = vectors.weight.copy()
    total = free.sum()
    starts = vectors.starts()
    near = np.exp(-vectors.apart(starts) / _NEAR**2)
    found: list[Exact] = []
    while len(found) < _MOST and len(starts):
        best = vectors.fitted(starts[int((near @ free).argmax())], free, _NARROWING_AGAIN)
        agreed = np.exp(-vectors.apart(best[None])[0] / _NEAR**2)
        if agreed @ free < _LEAST * total:
            break
        found.append(vectors.in_pixels(best))
        free *= 1 - agreed

    def settled(homography: Exact) -> Exact:
        motion = planes_of(homography, *believed[0].shape)[..., :2]
        return _registered(homography, *pictures, agreeing(motions[0], motion, believed[0]))

    return list(pool.map(settled, found))


def planes_of(homography: Exact, height: int, width: int) -> Array:
    """The planes of motion (h, w, 6) that touch a homography's at every pixel."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    across, down, depth = (row[0] * x + row[1] * y + row[2] for row in homography)
    depth = np.maximum(depth, _FLATTEST * depth.max())
    u, v = across / depth, down / depth
    parts = [u - x, v - y]
    for axis, at in enumerate((u, v)):
        for side in (0, 1):
            parts.append((homography[axis, side] - at * homography[2, side]) / depth - (axis == side))
    return np.stack(parts, -1).astype(np.float32)


def _units(height: int, width: int) -> Exact:
    """Takes pixels to coordinates about the middle, in halves of the longer side."""
    unit = max(height, width) / 2
    return np.array([[1 / unit, 0, (1 - width) / 2 / unit], [0, 1 / unit, (1 - height) / 2 / unit], [0, 0, 1]])


class _Vectors:
    """Where pixels of the first picture go, as both directions say, in coordinates of `_units`; what each counts."""

    def __init__(self, motions: tuple[Array, Array], believed: tuple[Array, Array]) -> None:
        height, width = self._size = believed[0].shape
        begin = _SAMPLE // 2
        self._norm = _units(height, width)
        self._scale = max(height, width) / 2
        rows, columns = (part.ravel() for part in np.mgrid[begin:height:_SAMPLE, begin:width:_SAMPLE])
        pixels = np.stack([columns, rows], -1)
        there, home = (pixels + motion[rows, columns] for motion in motions)
        middle = -self._scale * self._norm[:2, 2]
        self._here = (np.concatenate([pixels, home]) - middle) / self._scale
        self._there = (np.concatenate([there, pixels]) - middle) / self._scale
        self._pixels = np.concatenate([pixels, home])
        self.weight = np.concatenate([part[rows, columns] for part in believed]).astype(np.float64)
        self._plain = np.column_stack([self._here, np.ones(len(self._here))])

    def starts(self) -> Exact:
        """Homographies fitted in squares all over the picture, (N, 3, 3)."""
        fits = []
        height, width = self._size
        for half in _SQUARES:
            for row in range(half // 2, height, half):
                for column in range(half // 2, width, half):
                    within = (abs(self._pixels - (column, row)) <= half).all(-1)
                    if self.weight[within].sum() > 16:
                        fits.append(self.fitted(np.eye(3), self.weight * within, _NARROWING))
        return np.array(fits).reshape(-1, 3, 3)

    def fitted(self, start: Exact, weight: Exact, reaches: tuple[float, ...]) -> Exact:
        """The homography most vectors agree on: from a start, hearing what is within ever smaller reach of it."""
        used = weight > 0.01
        here, there, plain, weight = (part[used] for part in (self._here, self._there, self._plain, weight))
        nothing = np.zeros_like(plain)
        across = np.hstack([plain, nothing, -there[:, :1] * here])
        down = np.hstack([nothing, plain, -there[:, 1:] * here])
        found = start
        for reach in reaches:
            projected = plain @ found.T
            depth = projected[:, 2]
            apart = ((projected[:, :2] / depth[:, None] - there) ** 2).sum(-1) * self._scale**2
            share = weight / ((1 + apart / reach**2) * depth) ** 2
            matrix = (across.T * share) @ across + (down.T * share) @ down + 1e-9 * np.eye(8)
            vector = (across.T * share) @ there[:, 0] + (down.T * share) @ there[:, 1]
            matrix[6:, 6:] += np.eye(2) * _STIFF * share.sum()
            found = np.append(np.linalg.solve(matrix, vector), 1).reshape(3, 3)
        return found

    def apart(self, homographies: Exact) -> Exact:
        """Squared distances in pixels (N, P) of where homographies and vectors lead."""
        projected = homographies @ self._plain.T
        depth = projected[:, 2:]
        ends = projected[:, :2] / np.where(depth > _FLATTEST, depth, np.nan)
        apart: Exact = np.nan_to_num(((ends - self._there.T) ** 2).sum(1) * self._scale**2, nan=1e6)
        return apart

    def in_pixels(self, homography: Exact) -> Exact:
        """A homography of these coordinates as one of pixels."""
        return np.linalg.inv(self._norm) @ homography @ self._norm


def _registered(homography: Exact, first: Array, second: Array, belongs: Array) -> Exact:
    """The homography that brings the second picture onto the first where `belongs` (h, w) 0..1 says so.

    As `planes.registered`, over all of a surface at once.
    """
    height, width = first.shape
    rows, columns = np.nonzero(belongs > 0.05)
    norm = _units(height, width)
    back, scale = np.linalg.inv(norm), max(height, width) / 2
    x, y = norm[0, 0] * columns + norm[0, 2], norm[1, 1] * rows + norm[1, 2]
    here = slopes(first)
    for _ in range(_ROUNDS):
        motion = np.ascontiguousarray(planes_of(homography, height, width)[..., :2])
        compared = differing(first, here, second, motion, belongs, _PATCH)
        gx, gy, apart, weight, usual = (part[rows, columns].astype(np.float64) for part in compared)
        usual = np.maximum(usual, 1e-8)
        weight = weight / usual / (1 + apart**2 / (2.25 * usual))
        at = norm @ homography @ back
        at = at / at[2, 2]
        depth = (at[2, 0] * x + at[2, 1] * y + 1) / scale
        gx, gy = gx / depth, gy / depth
        along = -gx * (x + motion[rows, columns, 0] / scale) - gy * (y + motion[rows, columns, 1] / scale)
        jacobian = np.stack([gx * x, gx * y, gx, gy * x, gy * y, gy, along * x, along * y])
        matrix = (jacobian * weight) @ jacobian.T
        matrix += (1e-6 * np.trace(matrix) + 1e-12) * np.eye(8)
        step = np.linalg.solve(matrix, jacobian @ (weight * apart))
        homography = back @ (at + np.append(step, 0).reshape(3, 3)) @ norm
    return homography
