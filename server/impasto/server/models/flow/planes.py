"""Motion as a plane around every pixel: fitted to vectors, registered to the pictures, continued to its neighbours.

Planes are (h, w, 6) float32 on a grid: u, v at the pixel, then du/dx, du/dy, dv/dx, dv/dy, in pixels of the grid.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.server.models.flow.candidates import Array, least_squares, mean, moved

Exact = NDArray[np.float64]

_CELL = 2
"""Registrations are solved for on every second pixel of the grid: they are smooth."""

_UNIT = 32.0
"""Coordinates are counted in this many pixels, which keeps the moments near 1."""

_LIGHT = 8
"""Radius of the mean that is taken out of differences: another light is no motion."""

_PULL = 1e-3
"""How much a registration holds to where it began, in shares of what the pictures say."""


def halved(values: Array) -> Array:
    """Means of two by two pixels."""
    small: Array = cv2.resize(values, (values.shape[1] // 2, values.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return small


def doubled(planes: Array) -> Array:
    """Motion (2h, 2w, 2) of planes, in pixels of twice the size."""
    height, width = planes.shape[:2]
    motion: Array = cv2.resize(2 * np.ascontiguousarray(planes[..., :2]), (2 * width, 2 * height))
    return motion


def flat(motion: Array) -> Array:
    """Planes without slopes."""
    return np.dstack([motion, np.zeros((*motion.shape[:2], 4), np.float32)])


def fitted(motion: Array, believed: Array, radius: int) -> Array:
    """Planes fitted to vectors in the square around each pixel, once more without what does not fit.

    Args:
        motion: (h, w, 2).
        believed: (h, w), weights.
        radius: of the square.
    """
    fit = least_squares(motion, believed, radius)
    off = ((motion - fit[..., :2]) ** 2).sum(-1)
    return least_squares(motion, believed / (1 + off / np.float32(0.06)), radius)


def registered(first: Array, second: Array, planes: Array, believed: Array, radius: int, rounds: int = 3) -> Array:
    """Planes that bring the second picture onto the first in the square around each pixel, begun from planes.

    Iterated affine registration (Lucas and Kanade 1981; Baker and Matthews 2004), in all squares at once by box filters
    over the products of gradients; what differs more than most counts less.

    Args:
        first: (h, w) float32 luma on the grid.
        second: that of the other picture.
        planes: to begin with.
        believed: (h, w), weights.
        radius: of the square; the larger, the fainter the texture that still tells.
        rounds: of warping and solving.
    """
    window = _Window(first.shape[0], first.shape[1], max(1, radius // _CELL))
    start = window.of_planes(planes)
    here = slopes(first)
    for _ in range(rounds):
        motion = np.ascontiguousarray(planes[..., :2])
        x, y, apart, heard, usual = differing(first, here, second, motion, believed, radius)
        weight = heard / (1 + apart**2 / (2.25 * np.maximum(usual, 0) + 1e-8))
        target = x * motion[..., 0] + y * motion[..., 1] + apart
        planes = window.solved(x, y, target, weight.astype(np.float32), start)
    return planes


def differing(
    first: Array, here: tuple[Array, Array], second: Array, motion: Array, believed: Array, radius: int
) -> tuple[Array, Array, Array, Array, Array]:
    """What a registration hears, each (h, w).

    Args:
        first: luma.
        here: its slopes.
        second: luma of the other picture.
        motion: (h, w, 2), along which they are compared.
        believed: weights.
        radius: of the square that tells how much usually differs.

    Returns:
        Slopes x, y, half of one picture and half of the other; the difference, free of another light; weights, 0 where
        motion leaves the picture; and the usual square of a difference.
    """
    there = moved(second, motion)
    x, y = (0.5 * (one + other) for one, other in zip(here, slopes(there), strict=True))
    weight = believed * inside(motion)
    apart = first - there
    apart = apart - mean(weight * apart, _LIGHT) / (mean(weight, _LIGHT) + np.float32(1e-6))
    usual = mean(weight * apart**2, radius) / (mean(weight, radius) + 1e-6)
    return x, y, apart, weight, usual


def continued(planes: Array, across: int, down: int) -> Array:
    """For each pixel the plane of the one `across`, `down` from it, continued to here; borders give their own."""
    height, width = planes.shape[:2]
    columns, rows = np.arange(width), np.arange(height)
    there_x, there_y = np.clip(columns + across, 0, width - 1), np.clip(rows + down, 0, height - 1)
    offered: Array = planes[there_y][:, there_x]
    step_x = (columns - there_x).astype(np.float32)
    step_y = (rows - there_y).astype(np.float32)[:, None]
    for axis in (0, 1):
        offered[..., axis] += offered[..., 2 + 2 * axis] * step_x + offered[..., 3 + 2 * axis] * step_y
    return offered


class _Window:
    """The squares around every cell, and sums of moments over them."""

    def __init__(self, height: int, width: int, radius: int) -> None:
        self._shape, self._radius = (height, width), radius
        self._cells = -(-height // _CELL), -(-width // _CELL)
        rows, columns = np.indices((height, width), dtype=np.float32)
        self._x, self._y = (columns - width / 2) / np.float32(_UNIT), (rows - height / 2) / np.float32(_UNIT)
        middle = (_CELL - 1) / 2
        down, across = np.indices(self._cells)
        self._at_x = (across * _CELL + middle - width / 2) / _UNIT
        self._at_y = (down * _CELL + middle - height / 2) / _UNIT
        self._back_x = (columns - np.float32(middle)) / _CELL
        self._back_y = (rows - np.float32(middle)) / _CELL

    def of_planes(self, planes: Array) -> Exact:
        """(cells, 6): for u and then v the value at the picture's middle and the slopes."""
        height, width = self._cells
        at = planes[::_CELL, ::_CELL][:height, :width].astype(np.float64)
        parts = []
        middle = (_CELL - 1) / 2
        for axis in (0, 1):
            sx, sy = at[..., 2 + 2 * axis] * _UNIT, at[..., 3 + 2 * axis] * _UNIT
            value = at[..., axis] + (at[..., 2 + 2 * axis] + at[..., 3 + 2 * axis]) * middle
            parts += [value - sx * self._at_x - sy * self._at_y, sx, sy]
        return np.stack(parts, -1)

    def solved(self, x: Array, y: Array, target: Array, weight: Array, start: Exact) -> Array:
        """Planes that meet `x u + y v = target` best, pulled a little to the start."""
        ones = np.ones_like(self._x)
        monomials = [ones, self._x, self._y, self._x**2, self._x * self._y, self._y**2]
        square = [
            [self._sum(part * power) for power in monomials]
            for part in (x * x * weight, x * y * weight, y * y * weight)
        ]
        right = [
            [self._sum(part * power) for power in monomials[:3]] for part in (x * target * weight, y * target * weight)
        ]
        place = ((0, 1, 2), (1, 3, 4), (2, 4, 5))
        matrix, vector = np.empty((*self._cells, 6, 6)), np.empty((*self._cells, 6))
        for row in range(6):
            vector[..., row] = right[row // 3][row % 3]
            for column in range(6):
                matrix[..., row, column] = square[row // 3 + column // 3][place[row % 3][column % 3]]
        self._pull(matrix, vector, 0.5 * _PULL * (square[0][0] + square[2][0]) + 1e-9, start)
        found: Exact = np.linalg.solve(matrix, vector[..., None])[..., 0].astype(np.float64)
        return self._enlarged(found)

    def _pull(self, matrix: Exact, vector: Exact, strength: Exact, start: Exact) -> None:
        """Hold the plane at the square's middle, and its slopes, to the start."""
        at = np.stack([np.ones_like(self._at_x), self._at_x, self._at_y], -1)
        held = at[..., :, None] * at[..., None, :] * strength[..., None, None]
        reach = 0.3 * (self._radius * _CELL / _UNIT) ** 2
        for slope in (1, 2):
            held[..., slope, slope] += strength * reach
        for axis in (slice(0, 3), slice(3, 6)):
            matrix[..., axis, axis] += held
            vector[..., axis] += (held @ start[..., axis, None])[..., 0]

    def _sum(self, values: Array) -> Exact:
        height, width = self._shape
        rows, columns = self._cells
        padded = cv2.copyMakeBorder(values, 0, rows * _CELL - height, 0, columns * _CELL - width, cv2.BORDER_CONSTANT)
        small = cv2.resize(padded, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float64)
        total: Exact = mean(small, self._radius).astype(np.float64, copy=False)
        return total

    def _enlarged(self, found: Exact) -> Array:
        parts = []
        for axis in (0, 3):
            value, sx, sy = (found[..., axis + part] for part in range(3))
            parts += [value + sx * self._at_x + sy * self._at_y, sx / _UNIT, sy / _UNIT]
        order = [parts[0], parts[3], parts[1], parts[2], parts[4], parts[5]]
        cells = [np.ascontiguousarray(np.dstack(order[start : start + 3]), np.float32) for start in (0, 3)]
        return np.dstack(
            [
                cv2.remap(part, self._back_x, self._back_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                for part in cells
            ]
        )


def slopes(values: Array) -> tuple[Array, Array]:
    """Slopes across and down, each (h, w)."""
    x, y = (cv2.Sobel(values, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=0.125) for dx in (1, 0))
    return x, y


def inside(motion: Array) -> Array:
    """1 where motion ends within the picture, else 0."""
    height, width = motion.shape[:2]
    x = motion[..., 0] + np.arange(width, dtype=np.float32)
    y = motion[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    ends: Array = ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).astype(np.float32)
    return ends
