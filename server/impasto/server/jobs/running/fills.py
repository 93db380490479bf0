"""What paints where no key sees: styles or the plate in the keys' colours, the nearest key's manner, a net, nothing."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Sequence

from impasto.server import plates
from impasto.server.jobs.inputs.source import PlateShot
from impasto.server.jobs.planning.digest import FILL_MINUTES, fill_of
from impasto.server.jobs.running.looks import after_nearest, make_layers
from impasto.server.jobs.task import Task
from impasto.server.shots.fill import colours, matched, net
from impasto.server.shots.fill.example import Example
from impasto.server.shots.keys import Key
from impasto.server.shots.layers import Layer
from impasto.server.shots.screen import OnScreen
from impasto.server.shots.shot import Watch


def make_fill(
    task: Task, shot: PlateShot, display: plates.Window, keys: Sequence[Key], shaper: plates.Shaper, watch: Watch
) -> tuple[Layer, ...]:
    """The layers of a job: its styles without keys, else what its fill says; none leave the plate as it is."""
    fill = fill_of(task.spec)
    if fill == "none":
        return ()
    if fill == "nearest":
        return (after_nearest(task, shot, display, keys, shaper, watch),)
    readable = [key for key in keys if shot.readable(key.frame)]
    if fill == "net" and readable:
        return (_net(task, shot, readable, shaper, watch),)
    if fill == "colours" and readable:
        return (_colours(shot, readable, shaper),)
    layers = make_layers(task, shot, display, shaper, watch)
    return tuple(_match(layer, task, shot, readable, shaper) for layer in layers) if readable else layers


def _examples(shot: PlateShot, keys: Sequence[Key], shaper: plates.Shaper) -> Callable[[], list[Example]]:
    return functools.cache(lambda: [Example.of(key, shot, shaper) for key in keys])


def _match(layer: Layer, task: Task, shot: PlateShot, keys: Sequence[Key], shaper: plates.Shaper) -> Layer:
    """A layer in the colours of the keys it shows beside, or of all where it shows beside none."""
    beside = [key for key in keys if layer.shows(key.frame)] or list(keys)
    seed = task.spec.stylize.seed
    digest = _digest("matched", matched.VERSION, layer.digest, seed, repr(shaper), *_of(shot, beside))
    matching = matched.Matching(
        layer.painter, _examples(shot, beside, shaper), shaper, seed, task.store, f"colours-{digest}"
    )
    return dataclasses.replace(layer, painter=matching.painter, digest=digest)


def _colours(shot: PlateShot, keys: Sequence[Key], shaper: plates.Shaper) -> Layer:
    """One layer for all: the plate in the keys' colours."""
    painter = OnScreen(colours.Recoloured(_examples(shot, keys, shaper)), shaper)
    return Layer(lambda frame: painter, _digest("colours", colours.VERSION, repr(shaper), *_of(shot, keys)))


def _net(task: Task, shot: PlateShot, keys: Sequence[Key], shaper: plates.Shaper, watch: Watch) -> Layer:
    """One layer for all: a net trained on the keys when it is first to paint."""
    wish, device = task.spec.stylize, task.plan.device
    minutes = wish.fill_minutes if wish.HasField("fill_minutes") else FILL_MINUTES
    kind = device.partition(":")[0]
    digest = _digest("net", net.VERSION, net.steps_of(minutes), wish.seed, kind, repr(shaper), *_of(shot, keys))

    def told(share: float) -> None:
        watch.stage(f"training {share:.0%}", keys[0].frame)

    examples = _examples(shot, keys, shaper)
    painter = OnScreen(net.Trained(examples, minutes, wish.seed, task.store, f"net-{digest}", told, device), shaper)
    return Layer(lambda frame: painter, digest)


def _of(shot: PlateShot, keys: Sequence[Key]) -> list[str]:
    return [f"{key.frame} {key.digest} {shot.digest(key.frame)}" for key in keys]


def _digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()
