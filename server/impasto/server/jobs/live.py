"""One live stream: its look opened, its pixels understood, its exposure and statistics frozen after a few frames."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest, FrameError
from impasto.server.jobs.inputs.places import Places
from impasto.server.models.style import looks
from impasto.server.models.style.painter import Painter
from impasto.server.models.style.statistics import Statistics
from impasto.server.ops.threads import fixed_threads
from impasto.server.plates import Shaper, srgb
from impasto.server.shots.live import Bytes, Live
from impasto.server.shots.relight import knee
from impasto.v1.live_pb2 import (
    PIXEL_FORMAT_RGB_8,
    PIXEL_FORMAT_RGBA_8,
    PIXEL_FORMAT_RGBA_HALF,
    LiveSettings,
)

WARMING = 8
"""Frames from which exposure and statistics are taken; then they are frozen."""
LONGEST_QUEUE = 64
LEAST_SIDE, MOST_SIDE = 16, 8192

_FORMATS: Mapping[int, tuple[int, type[np.generic]]] = {
    PIXEL_FORMAT_RGBA_HALF: (4, np.float16),
    PIXEL_FORMAT_RGB_8: (3, np.uint8),
    PIXEL_FORMAT_RGBA_8: (4, np.uint8),
}
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Made:
    """A live frame made.

    Attributes:
        pixels: its bytes, as they came.
        carried: share of the pixels whose paint came from an earlier frame.
        bare: share that no painting has reached.
        age: frames since the newest painting shown.
        warming: whether exposure and statistics are still being found out.
    """

    pixels: bytes
    carried: float
    bare: float
    age: int
    warming: bool


class LiveStream:
    """Paints the frames of one stream in their order.

    Args:
        settings: what is coming and how it is painted.
        places: finds the style's file.
        config: the server's limits.

    Raises:
        BadRequest: the settings cannot be as they are (`LIVE_INVALID`), or the style is none.
    """

    def __init__(self, settings: LiveSettings, places: Places, config: ServerConfig) -> None:
        check(settings, config)
        self._settings = settings
        self._channels, self._type = _FORMATS[settings.format]
        self._painter = _painter(settings, places)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="impasto-live")
        self._engine = Live(self._begin, settings.paint_every)
        self._logs: list[float] = []
        self._samples: list[Bytes] = []
        self._freezing: Future[Painter] | None = None
        self._set_knee(1.0)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        size = self._settings.width * self._settings.height * self._channels
        return size * np.dtype(self._type).itemsize

    def choices(self) -> dict[str, str]:
        """What was decided, by name."""
        wish = self._settings
        width = wish.paint_width or wish.width
        return {
            "engine": "live: causal, short window, outside the chunk rule",
            "style": wish.style.name,
            "look": wish.look or "default",
            "paint": f"{width}x{round(width * wish.height / wish.width)}",
            "paint every": f"{wish.paint_every} frames at least" if wish.paint_every else "as fast as it can",
            "device": "cpu",
        }

    def close(self) -> None:
        """Let go of the painter."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def make(self, pixels: bytes | bytearray) -> Made:
        """Paint the next frame.

        Raises:
            BadRequest: it has another size than was said.
        """
        if len(pixels) != self.frame_bytes:
            wish = self._settings
            raise BadRequest(
                f"A frame of {wish.width}x{wish.height} in this format has {self.frame_bytes} bytes and {len(pixels)} "
                "came; send frames as the settings say.",
                reason="LIVE_INVALID",
            )
        shape = (self._settings.height, self._settings.width, self._channels)
        frame = np.frombuffer(pixels, self._type).reshape(shape)
        warming = self._warm_up(frame)
        plate = self._seen(frame)
        if warming:
            self._samples.append(plate)
        shown = self._engine.show(plate)
        return Made(self._answer(frame, shown.picture), shown.carried, shown.bare, shown.age, warming)

    # Exposure and statistics

    def _warm_up(self, frame: NDArray[Any]) -> bool:
        """Learn from the first frames; the first sets a provisional exposure, the last the one that stays."""
        if self._freezing is not None and self._freezing.done():
            self._painter, self._freezing = self._freezing.result(), None
            self._engine.renew()
        if len(self._logs) >= WARMING:
            return False
        self._logs.append(self._mean_log(frame))
        if len(self._logs) not in (1, WARMING):
            return True
        found = knee(Shaper(0.18 / float(np.exp(np.mean(self._logs)))))
        if len(self._logs) == 1:
            self._set_knee(found)
            return True
        if abs(found / self._knee - 1) > 0.02:
            self._set_knee(found)
            self._engine.renew()
        if looks.freezes(self._painter):
            self._freezing = self._worker.submit(self._freeze, list(self._samples))
        self._samples.clear()
        return True

    def _mean_log(self, frame: NDArray[Any]) -> float:
        part = frame[::4, ::4, :3]
        linear = srgb.table(255)[part] if self._type is np.uint8 else part.astype(np.float32)
        return float(np.log(np.clip(linear @ _LUMA, 1e-4, None)).mean())

    def _freeze(self, samples: list[Bytes]) -> Painter:
        with fixed_threads():
            seen = {number: self._tensor(sample) for number, sample in enumerate(samples)}
            return looks.over_shot(self._painter, lambda: seen, Statistics.FROZEN)(0)

    # Painting

    def _begin(self, plate: Bytes) -> Future[Bytes]:
        return self._worker.submit(self._paint, plate, self._painter)

    def _paint(self, plate: Bytes, painter: Painter) -> Bytes:
        with fixed_threads():
            painted = painter.paint(self._tensor(plate), seed=self._settings.seed)[0]
        back = painted.clamp(0, 1).mul(255).add(0.5).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
        height, width = plate.shape[:2]
        return back if back.shape == plate.shape else cv2.resize(back, (width, height), interpolation=cv2.INTER_CUBIC)

    def _tensor(self, plate: Bytes) -> torch.Tensor:
        """(1, 3, h, w) as the look sees it, at the size it paints at."""
        wish = self._settings
        if wish.paint_width and wish.paint_width < wish.width:
            size = (wish.paint_width, max(LEAST_SIDE, round(wish.paint_width * wish.height / wish.width)))
            plate = cv2.resize(plate, size, interpolation=cv2.INTER_AREA)
        return torch.from_numpy(np.ascontiguousarray(plate)).permute(2, 0, 1)[None].float() / 255

    # Pixels

    def _set_knee(self, value: float) -> None:
        self._knee = value
        levels = np.arange(256, dtype=np.float32) / 255
        light = srgb.decode(levels)
        self._paint_light = (light * value).astype(np.float32)
        self._in = _bytes(srgb.encode(light / value))
        self._out = _bytes(srgb.encode(light * value))

    def _seen(self, frame: NDArray[Any]) -> Bytes:
        rgb = np.ascontiguousarray(frame[..., :3])
        if self._type is np.uint8:
            return rgb if self._knee == 1 else cv2.LUT(rgb, self._in)
        linear = np.nan_to_num(rgb.astype(np.float32), posinf=65504.0, neginf=0.0)
        return _bytes(srgb.encode(linear / (self._knee * self._gain(linear))))

    def _gain(self, linear: NDArray[np.float32]) -> NDArray[np.float32]:
        """How many times the knee a picture's luminance is, (H, W, 1), at least 1: highlights stay the plate's own."""
        gain: NDArray[np.float32] = np.maximum((linear @ _LUMA) / self._knee, 1.0)[..., None]
        return gain

    def _answer(self, frame: NDArray[Any], paint: Bytes) -> bytes:
        strength = self._settings.strength if self._settings.HasField("strength") else 1.0
        result = frame.copy()
        if self._type is np.uint8:
            shown = paint if self._knee == 1 else cv2.LUT(paint, self._out)
            if strength < 1:
                table = srgb.table(255)
                shown = _bytes(srgb.encode(table[frame[..., :3]] * (1 - strength) + table[shown] * strength))
            result[..., :3] = shown
        else:
            plate = np.nan_to_num(frame[..., :3].astype(np.float32), posinf=65504.0, neginf=-65504.0)
            light = self._paint_light[paint] * self._gain(plate)
            mixed = plate + (light - plate) * np.float32(strength)
            result[..., :3] = np.clip(mixed, -65504.0, 65504.0).astype(np.float16)
        return result.tobytes()


def check(settings: LiveSettings, config: ServerConfig) -> None:
    """Refuse what cannot be.

    Raises:
        BadRequest: something cannot be as it is (`LIVE_INVALID`).
    """
    wish = settings
    if not (LEAST_SIDE <= wish.width <= MOST_SIDE and LEAST_SIDE <= wish.height <= MOST_SIDE):
        raise _invalid(f"Frames of {wish.width}x{wish.height} cannot be painted; sides are {LEAST_SIDE}-{MOST_SIDE}.")
    if wish.width * wish.height > config.max_pixels:
        raise _invalid(f"Frames of {wish.width}x{wish.height} are above the server's {config.max_pixels} pixels.")
    if wish.format not in _FORMATS:
        raise _invalid("The stream names no pixel format; say RGBA_HALF, RGB_8 or RGBA_8.")
    if not 0 <= wish.queue <= LONGEST_QUEUE:
        raise _invalid(f"A queue of {wish.queue} frames cannot be; it holds 1-{LONGEST_QUEUE}, 0 means 4.")
    if wish.paint_every < 0 or not (wish.paint_width == 0 or LEAST_SIDE <= wish.paint_width <= MOST_SIDE):
        raise _invalid(f"paint_every is 0 or more, paint_width 0 or {LEAST_SIDE}-{MOST_SIDE}.")
    if wish.HasField("strength") and not 0 <= wish.strength <= 1:
        raise _invalid(f"Strength is {wish.strength:g}; it lies between 0 and 1.")
    if wish.device not in ("", "auto", "cpu"):
        raise _invalid(f"Live paints on the CPU in this version, not on '{wish.device}'; leave the device open.")
    if wish.style.HasField("file") and not re.fullmatch("[0-9a-f]{64}", wish.style.file.sha256):
        raise _invalid("The style's file comes without its SHA-256; let the impasto client open the stream.")


def _painter(wish: LiveSettings, places: Places) -> Painter:
    manner = looks.Manner(
        style_scale=wish.style_scale if wish.HasField("style_scale") else 1.0,
        preserve_colour=wish.preserve_colour,
        canvas=False,  # frames are painted at the size that was asked for
    )
    try:
        path = places.local(wish.style.file) if wish.style.HasField("file") else None
    except FrameError as error:
        raise BadRequest(f"The style cannot be read: {error.message}", reason="STYLE_UNREADABLE") from error
    with places.plainly():
        return looks.open_style(wish.style.name, path, "", manner, wish.look)


def _bytes(values: NDArray[Any]) -> Bytes:
    found: Bytes = (np.clip(values, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return found


def _invalid(sentence: str) -> BadRequest:
    return BadRequest(sentence, reason="LIVE_INVALID")
