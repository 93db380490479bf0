"""Soft borders: where paint of two births or two surfaces meets, a pixel shows a little of both, as it does of things.

A map names one source a pixel, so without this the border between two paintings would be cut along whole pixels, with
specks wherever the map wavers by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.births import Births, Fetched, fetch
from impasto.server.shots.provenance import NOWHERE, TEAR, Map, borrowed, grid
from impasto.server.shots.recall import Recall
from impasto.server.shots.relight import Light, change, relit_plate

_AROUND = (
    *((1, 0), (-1, 0), (0, 1), (0, -1)),
    *((1, 1), (-1, 1), (1, -1), (-1, -1)),
    *((2, 0), (-2, 0), (0, 2), (0, -2)),
)
"""Where the other side of a border is looked for: columns and rows, the nearest first."""
_FEATHER = 1.0
"""Pixels from a border to where its other side is no longer seen, where the plate does not say otherwise."""
_GRAIN = 0.08
"""Shaped difference of two birth plates, in root mean square of the channels, below which the plate says little."""


def softened(here: Map, own: Fetched, births: Births, recall: Recall, now: Light, shaper: Shaper) -> Fetched:
    """Let the other side of every near border be seen through.

    How much of either side a pixel shows is what best makes its plate of their two birth plates, relit (least squares,
    as in the compositing equation of Porter and Duff 1984 read backwards), drawn towards a feather across the border as
    far as the two plates are alike.

    Args:
        here: a frame's map.
        own: what it fetches.
        births: those it names.
        recall: gives their plates.
        now: light of the frame.
        shaper: the shot's.

    Returns:
        What is fetched, mixed within two pixels of borders.
    """
    other = _across(here)
    if other is None:
        return own
    beside = fetch(other.map, births, recall)
    ratio = _at(change(now, own.plate, here.alive, shaper), other.place)
    mine = relit_plate(_at(own.plate, other.place), ratio, shaper)
    theirs = relit_plate(beside.plate, ratio, shaper)
    apart, seen = mine - theirs, _at(now.base, other.place) - theirs
    trust = 3 * _GRAIN**2
    feather = (0.5 + 0.5 * (other.distance - 0.5) / _FEATHER).clamp_max(1.0)
    share = ((apart * seen).sum(1, keepdim=True) + trust * feather) / (apart.square().sum(1, keepdim=True) + trust)
    share = share.clamp(0.0, 1.0)
    parts = {}
    for name, whole in vars(own).items():
        mixed = whole.flatten(2).clone()
        mine, theirs = _at(whole, other.place), vars(beside)[name]
        mixed[..., other.place] = (theirs + (mine - theirs) * share).flatten(2)
        parts[name] = mixed.reshape(whole.shape)
    return Fetched(**parts)


@dataclass(frozen=True)
class _Other:
    """The other side of near borders: which pixels, (N,); their paint from there, (1, 1, 1, N); how far off."""

    place: Tensor
    map: Map
    distance: Tensor


def _across(here: Map) -> _Other | None:
    """What lies across the nearest border of every pixel that is near one."""
    width = here.born.shape[-1]
    column, row = (axis.long() for axis in grid(here.born))
    found_x, found_y = torch.zeros_like(column), torch.zeros_like(row)
    for across, down in reversed(_AROUND):
        beside = _shifted(here.born, across, down)
        differs = here.alive & (beside != NOWHERE) & _within(here.born, across, down)
        differs &= (beside != here.born) | _torn(here, across, down)
        found_x, found_y = torch.where(differs, across, found_x), torch.where(differs, down, found_y)
    place = ((found_x != 0) | (found_y != 0)).flatten().nonzero()[:, 0]
    if len(place) == 0:
        return None
    off_x, off_y = found_x.flatten()[place], found_y.flatten()[place]
    index = (row.flatten()[place] + off_y) * width + column.flatten()[place] + off_x
    distance = (off_x.square() + off_y.square()).float().sqrt()
    return _Other(place, borrowed(here, index, off_x, off_y), distance[None, None, None])


def _torn(here: Map, across: int, down: int) -> Tensor:
    """Where paint of the same birth goes on somewhere else so many pixels away, (1, 1, H, W) bool.

    Paint that is stretched or squeezed goes on as it does before or behind, so a slanting ground is not torn.
    """
    same = [_within(here.born, *ends) & (_shifted(here.born, *ends) == here.born) for ends in _ends(across, down)]
    torn = torch.zeros_like(here.alive)
    for values, step in ((here.x, across), (here.y, down)):
        onward = _shifted(values, across, down) - values
        behind, beyond = (_shifted(values, *ends) for ends in _ends(across, down))
        apart = (onward - step).abs() > TEAR
        for one, usual in zip(same, (values - behind, beyond - values - onward), strict=True):
            apart &= ~one | ((onward - usual).abs() > TEAR)
        torn |= apart
    return torn


def _ends(across: int, down: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """As far behind a pixel, and as far again beyond."""
    return (-across, -down), (2 * across, 2 * down)


def _shifted(values: Tensor, across: int, down: int) -> Tensor:
    """(1, 1, H, W), at every pixel what is so many columns and rows away; beyond the picture its border."""
    height, width = values.shape[-2:]
    rows, columns = torch.arange(height) + down, torch.arange(width) + across
    return values.index_select(-2, rows.clamp(0, height - 1)).index_select(-1, columns.clamp(0, width - 1))


def _within(values: Tensor, across: int, down: int) -> Tensor:
    """(1, 1, H, W) bool, where so many columns and rows away is still in the picture."""
    column, row = grid(values)
    height, width = values.shape[-2:]
    return (column + across >= 0) & (column + across < width) & (row + down >= 0) & (row + down < height)


def _at(values: Tensor, place: Tensor) -> Tensor:
    """(1, C, H, W) at scattered pixels, as (1, C, 1, N)."""
    return values.flatten(2)[..., place][:, :, None]
