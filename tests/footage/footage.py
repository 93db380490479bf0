"""Footage made by a program: scenes with cameras and things that move, and what an edit does to them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

WIDTH, HEIGHT = 192, 108


@dataclass(frozen=True)
class Scene:
    """A world of noise and blobs under a camera that pans, zooms and shakes, with three things that cross it.

    Every frame is (HEIGHT, WIDTH, 3) float32, display-like 0..1.
    """

    seed: int
    pan: float = 1.5
    zoom: float = 0.002
    things: int = 3
    shutter: float = 0.0

    def frame(self, time):
        if not self.shutter:
            return self._instant(time)
        steps = np.linspace(0, self.shutter, 9)
        return np.mean([self._instant(time + step) for step in steps], 0).astype(np.float32)

    def _instant(self, time):
        random = np.random.default_rng(self.seed)
        world = _world(self.seed)
        way = random.normal(size=2)
        way *= self.pan / np.linalg.norm(way)
        shake = 0.3 * np.sin(time * random.uniform(0.5, 1.5, 2) + random.uniform(0, 6, 2))
        scale = (1 + self.zoom) ** time
        x, y = np.array(world.shape[1::-1]) / 2 + way * time + shake
        view = np.float32([[scale, 0, WIDTH / 2 - scale * x], [0, scale, HEIGHT / 2 - scale * y]])
        picture = cv2.warpAffine(world, view, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT_101)
        for _ in range(self.things):
            place = random.uniform(0, 1, 2) * (WIDTH, HEIGHT) + random.normal(size=2) * 2.5 * time
            size, colour = random.uniform(8, 20), random.uniform(0, 1, 3)
            centre = tuple(round(v * 16) for v in place % (WIDTH, HEIGHT))
            cv2.circle(picture, centre, int(size * 16), colour.tolist(), -1, cv2.LINE_AA, 4)
        grain = np.random.default_rng((self.seed, int(time * 64) & 0xFFFF)).normal(0, 0.01, picture.shape)
        return np.clip(picture + grain, 0, 1).astype(np.float32)


_WORLDS: dict[int, np.ndarray] = {}


def _world(seed):
    if seed not in _WORLDS:
        random = np.random.default_rng(seed + 1000)
        height, width = 4 * HEIGHT, 4 * WIDTH
        world = np.zeros((height, width, 3))
        for octave in range(7):
            cells = 2 ** (octave + 1)
            noise = random.normal(size=(cells, cells * 2, 3)) * [1, 0.7, 0.7] @ _MIX
            world += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * 0.75**octave
        for _ in range(60):
            centre = random.integers(0, (width, height))
            axes = random.integers(6, 60, 2)
            cv2.ellipse(
                world,
                centre.tolist(),
                axes.tolist(),
                random.uniform(0, 180),
                0,
                360,
                random.normal(size=3).tolist(),
                -1,
            )
        low, high = np.percentile(world, (2, 98))
        tint, gamma = random.uniform(0.5, 1, 3), random.uniform(0.7, 1.8)
        _WORLDS[seed] = (np.clip((world - low) / (high - low), 0, 1) ** gamma * tint).astype(np.float32)
    return _WORLDS[seed]


_MIX = np.array([[1, 1, 1], [0.5, 0, -0.5], [0.25, -0.5, 0.25]])


def spliced(scenes, length):
    """Scenes one after the other, each of so many frames."""
    return [scene.frame(time) for scene in scenes for time in range(length)]


def dissolved(first, second, before, over, after):
    """One scene that becomes another over some frames, linear in light."""
    frames = []
    for time in range(before + over + after):
        share = np.clip((time - before + 1) / (over + 1), 0, 1)
        frames.append(_mixed(first.frame(time), second.frame(time), share))
    return frames


def _mixed(first, second, share):
    return ((1 - share) * first**2.2 + share * second**2.2).astype(np.float32) ** np.float32(1 / 2.2)


def flashed(frames, at, length, strength):
    """Frames with a flash of light that falls off."""
    frames = list(frames)
    for step in range(length):
        light = strength * 0.5**step
        frames[at + step] = np.clip(frames[at + step] * (1 + 2 * light) + 0.5 * light, 0, 1).astype(np.float32)
    return frames


def ramped(frames, stops):
    """Exposure that runs by so many stops from the first frame to the last, clipped as a camera does."""
    count = len(frames) - 1
    return [
        np.clip(frame * 2 ** (stops * time / count / 2.2), 0, 1).astype(np.float32) for time, frame in enumerate(frames)
    ]


def whipped(scene, before, speed, over, after):
    """A camera that whips to another place in the same world over some frames, blurred by its own speed."""
    fast = Scene(scene.seed, scene.pan, scene.zoom, 0)
    world, frames = _world(scene.seed), []
    x = 0.0
    for time in range(before + over + after):
        moving = before <= time < before + over
        steps = np.linspace(0, speed, 33) if moving else [0.0]
        views = []
        for step in steps:
            column = WIDTH * 0.75 + x + step
            view = np.float32([[1, 0, WIDTH / 2 - column], [0, 1, -HEIGHT * 1.5]])
            views.append(cv2.warpAffine(world, view, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT_101))
        frames.append(np.mean(views, 0).astype(np.float32))
        x += speed if moving else fast.pan
    return frames


def black(count):
    """Black frames."""
    return [np.zeros((HEIGHT, WIDTH, 3), np.float32)] * count
