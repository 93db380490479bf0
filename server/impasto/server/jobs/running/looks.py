"""From the styles a job names to the layers that paint its shot: read, checked, grouped and made stable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from impasto.sequences import parse_frames
from impasto.server import plates
from impasto.server.jobs.inputs.source import PlateShot
from impasto.server.jobs.running.masks import read_mask
from impasto.server.jobs.task import Task
from impasto.server.models import weights
from impasto.server.models.style import files, looks, presets
from impasto.server.models.style.looks import Manner
from impasto.server.models.style.painter import Painter
from impasto.server.models.style.statistics import Moments, Statistics
from impasto.server.ops.threads import PAINTERS_THREADS, fixed_threads
from impasto.server.shots import screen
from impasto.server.shots.analysis import spread
from impasto.server.shots.keys import Key
from impasto.server.shots.layers import Layer
from impasto.server.shots.relight import split
from impasto.server.shots.shot import Watch
from impasto.v1.job_pb2 import Style as StyleSpec
from impasto.v1.job_pb2 import StylizeSpec


def manner_of(wish: StylizeSpec, device: str, precision: str) -> Manner:
    """How a job's styles are painted, whichever they are."""
    return Manner(
        style_scale=wish.style_scale if wish.HasField("style_scale") else 1.0,
        preserve_colour=wish.preserve_colour,
        preserve_luminance=wish.preserve_luminance,
        statistics=Statistics(wish.statistics or Statistics.FROZEN),
        parameters=dict(sorted(wish.look_parameters.items())),
        device=device,
        precision=precision,
        compiled=wish.compile,
    )


@dataclass(frozen=True)
class _Workshop:
    """What every layer of a job is made with."""

    task: Task
    shot: PlateShot
    display: plates.Window
    shaper: plates.Shaper
    watch: Watch
    manner: Manner

    @property
    def wish(self) -> StylizeSpec:
        return self.task.spec.stylize

    @cached_property
    def told(self) -> str:
        """All that decides how any style is painted."""
        model, nets = looks.find(self.wish.look), ",".join(map(weights.digest, self.weights))
        made = f"{model.id}/{model.version}/{presets.VERSION}"
        return f"{made}/{self.manner!r}/{self.task.spec.colour.style}/{nets}"

    @cached_property
    def weights(self) -> tuple[Path, ...]:
        """The look's files, checked."""
        return looks.ready_files(self.wish.look)

    def stable(
        self, painter: Painter, digest: str, fitted: Callable[[int, Painter], Painter] = lambda _, painter: painter
    ) -> Callable[[int], Painter]:
        """The painter of every frame: it sees what a screen shows, and its statistics are those of the shot.

        `fitted` gives a frame's painter what only that frame has.
        """
        by_frame = looks.over_shot(painter, self._samples, self.manner.statistics, self._kept(digest))

        def on_screen(frame: int) -> Painter:
            with fixed_threads(PAINTERS_THREADS):
                return screen.OnScreen(fitted(frame, by_frame(frame)), self.shaper)

        return on_screen

    def _samples(self) -> Mapping[int, Tensor]:
        """Frames spread over the shot, as a screen shows them."""
        return {frame: self._seen(frame) for frame in spread(self.shot)}

    def _seen(self, frame: int) -> Tensor:
        base = split(self.shot.picture(frame), self.shaper).base
        return screen.show(self.shaper.decode(base), self.shaper)

    def _kept(self, digest: str) -> Callable[[int, Callable[[], Moments]], Moments]:
        """Statistics measured before, for this painter and these frames, are taken from the store."""
        store, shot, watch = self.task.store, self.shot, self.watch

        def kept(frame: int, measure: Callable[[], Moments]) -> Moments:
            watch.stage("statistics", frame)
            key = f"moments-{_digest(digest, repr(self.shaper), shot.digest(frame))}"
            arrays = store.load(key)
            if arrays is None:
                found = measure()
                values = {f"{name} {part}": pair[part].cpu().numpy() for name, pair in found.items() for part in (0, 1)}
                store.save(key, values)
                return found
            names = {name.rpartition(" ")[0] for name in arrays}
            return {
                name: (torch.from_numpy(arrays[f"{name} 0"]), torch.from_numpy(arrays[f"{name} 1"]))
                for name in sorted(names)
            }

        return kept


def make_layers(
    task: Task, shot: PlateShot, display: plates.Window, shaper: plates.Shaper, watch: Watch
) -> tuple[Layer, ...]:
    """The layers of a job's styles."""
    wish = task.spec.stylize
    shop = _workshop(task, shot, display, shaper, watch)
    made = [group for group in _groups(wish.styles, task, wish.masks_guide) if _weight(group) > 0]
    return tuple(_guided(shop, group) if _is_guided(group) else _layer(shop, group) for group in made)


def _workshop(task: Task, shot: PlateShot, display: plates.Window, shaper: plates.Shaper, watch: Watch) -> _Workshop:
    manner = manner_of(task.spec.stylize, task.plan.device, task.plan.precision)
    return _Workshop(task, shot, display, shaper, watch, manner)


def _groups(styles: Sequence[StyleSpec], task: Task, guided: bool) -> list[list[StyleSpec]]:
    """Styles that paint as one: pictures of the same range and fade, without masks or guided by them."""
    groups: dict[object, list[StyleSpec]] = {}
    for place, style in enumerate(styles):
        masked = style.HasField("mask")
        alone = (masked and not guided) or _is_net(style, task)
        groups.setdefault(place if alone else (style.frames, style.fade, masked), []).append(style)
    return list(groups.values())


def _is_guided(group: Sequence[StyleSpec]) -> bool:
    return len(group) > 1 and group[0].HasField("mask")


def _is_net(style: StyleSpec, task: Task) -> bool:
    return style.HasField("file") and files.recognise(task.local(style.file), style.name) == "weights"


def _weight(group: Sequence[StyleSpec]) -> float:
    return sum(style.weight if style.HasField("weight") else 1.0 for style in group)


def _layer(shop: _Workshop, group: Sequence[StyleSpec]) -> Layer:
    first = group[0]
    named = [(style.file.sha256 or style.name, _weight([style])) for style in group]
    if _is_net(first, shop.task):
        path = shop.task.local(first.file)
        digest = _digest("net", looks.net_version(), named[0][0], repr(shop.manner))
        painter = looks.of_weights(path, shop.manner)
    else:
        # One style alone is whole whatever its weight.
        shares = [weight for _, weight in named] if len(group) > 1 else [1.0]
        digest = _digest(shop.told, *(name for name, _ in named), repr([share / sum(shares) for share in shares]))
        painter = looks.after_pictures(
            shop.wish.look, [_picture(style, shop) for style in group], shares, shop.weights, shop.manner
        )
    frames = frozenset(parse_frames(first.frames)) if first.frames else None
    return Layer(
        painter=shop.stable(painter, digest),
        digest=digest,
        frames=frames,
        weight=_weight(group),
        fade=_fade(shop.shot.frames, frames, first.fade),
        mask=read_mask(shop.task, first.mask, shop.shot, shop.display) if first.HasField("mask") else None,
    )


def _guided(shop: _Workshop, group: Sequence[StyleSpec]) -> Layer:
    """Several masked styles as one painting, each inside its mask as it is in the frame where paint is laid."""
    masks = [read_mask(shop.task, style.mask, shop.shot, shop.display) for style in group]
    weights = [_weight([style]) for style in group]
    pictures = [_picture(style, shop) for style in group]
    painter = looks.after_pictures(shop.wish.look, pictures, weights, shop.weights, shop.manner, guided=True)
    digest = _digest(shop.told, "guided", *(style.SerializeToString(deterministic=True).hex() for style in group))
    frames = frozenset(parse_frames(group[0].frames)) if group[0].frames else None

    def under_masks(frame: int, inner: Painter) -> Painter:
        return looks.guided_by(inner, torch.cat([mask(frame) for mask in masks], 1))

    def shown(frame: int) -> Tensor:
        here = [weight * mask(frame) for weight, mask in zip(weights, masks, strict=True)]
        return torch.stack(here).sum(0).clamp(0.0, 1.0)

    fade = _fade(shop.shot.frames, frames, group[0].fade)
    return Layer(shop.stable(painter, digest, under_masks), digest, frames, 1.0, fade, shown)


def _picture(style: StyleSpec, shop: _Workshop) -> Tensor:
    if style.HasField("file"):
        colour = shop.task.spec.colour.style
        return shop.task.checked(style.file, lambda path: files.read_picture(path, style.name, colour))
    return looks.of_preset(style.name, shop.wish.look, shop.weights)


def _fade(shot: Sequence[int], frames: frozenset[int] | None, length: int) -> Callable[[int], float]:
    """How far a style has come, or not yet gone: from nothing to all over `length` frames at each end of its range.

    At the shot's own ends nothing comes or goes.
    """
    if frames is None or length == 0:
        return lambda frame: 1.0
    shown = [frame for frame in shot if frame in frames]
    comes, goes = bool(shown) and shown[0] > shot[0], bool(shown) and shown[-1] < shot[-1]

    def share(frame: int) -> float:
        place = shown.index(frame)
        start = (place + 1) / (length + 1) if comes else 1.0
        end = (len(shown) - place) / (length + 1) if goes else 1.0
        return min(1.0, start, end)

    return share


def after_nearest(
    task: Task,
    shot: PlateShot,
    display: plates.Window,
    keys: Sequence[Key],
    shaper: plates.Shaper,
    watch: Watch,
) -> Layer:
    """Paints what no key sees in the manner of the nearest key."""
    shop = _workshop(task, shot, display, shaper, watch)
    made: dict[int, Callable[[int], Painter]] = {}
    digest = _digest(shop.told, "nearest of", *(f"{key.frame} {key.digest}" for key in keys))

    def nearest(frame: int) -> Painter:
        key = min(keys, key=lambda key: (abs(key.frame - frame), key.frame))
        if key.frame not in made:
            manner = screen.show(key.picture, shop.shaper)[..., *_covered(key)]
            painter = looks.after_pictures(shop.wish.look, [manner], [1.0], shop.weights, shop.manner)
            made[key.frame] = shop.stable(painter, _digest(digest, str(key.frame)))
        return made[key.frame](frame)

    return Layer(nearest, digest)


def _covered(key: Key) -> tuple[slice, slice]:
    """Rows and columns of what a key paints."""
    rows, columns = (torch.nonzero(key.coverage[0, 0].amax(dim)).flatten() for dim in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _digest(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
