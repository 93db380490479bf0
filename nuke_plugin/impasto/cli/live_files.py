"""What a live stream is fed from and written to on this machine: sequences, pictures and video files.

Imports the server's part, which reads and writes pictures; without it a sentence names the cure.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto.cli.embedded import CURE
from impasto.client import BadRequestError
from impasto.sequences import SequencePattern, parse_frames

VIDEOS = (".mp4", ".mov", ".mkv", ".webm")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")


class Source:
    """The frames of an input, each at one size.

    Args:
        name: pattern of a sequence, one picture, or a video.
        frames: a range; empty for all.
        size: columns and rows; None takes those of the first frame.
        half: whether pixels are scene-linear half RGBA, else sRGB bytes.

    Attributes:
        numbers: of the frames.
        width, height: of every frame.
        rate: frames a second where the input says so, else 24.

    Raises:
        BadRequestError: nothing is there, it cannot be read, or the server's part is not installed.
    """

    def __init__(self, name: str, frames: str, size: tuple[int, int] | None, half: bool) -> None:
        self._half = half
        try:
            self._plates: Any = importlib.import_module("impasto.server.plates")
            self._cv2: Any = importlib.import_module("cv2")
            self._np: Any = importlib.import_module("numpy")
            self._srgb: Any = importlib.import_module("impasto.server.plates.srgb")
            self._errors: Any = importlib.import_module("impasto.server.errors")
        except ImportError as error:
            raise BadRequestError(CURE, reason="SERVER_NOT_INSTALLED", metadata={"module": error.name or ""}) from error
        pattern = SequencePattern.parse(name)
        self.rate = Fraction(24)
        self._read = self._video(Path(name)) if pattern.is_video else self._sequence(pattern)
        wanted = parse_frames(frames) if frames else self._there
        absent = sorted(set(wanted) - set(self._there))
        if absent:
            raise BadRequestError(f"{name} has no frame {absent[0]}; change --frames.", reason="FRAMES_OUTSIDE_SHOT")
        self.numbers = tuple(wanted)
        first = self._plate(self.numbers[0])
        self.width: int = size[0] if size else first.data_window.width
        self.height: int = size[1] if size else first.data_window.height

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Number and pixels of every frame."""
        for number in self.numbers:
            yield number, self._pixels(self._plate(number))

    def _plate(self, number: int) -> Any:
        try:
            return self._read(number)
        except self._errors.ImpastoError as error:
            raise BadRequestError(error.message, reason=error.reason) from error

    def _video(self, path: Path) -> Callable[[int], Any]:
        try:
            reader = self._plates.VideoReader(path)
        except self._errors.ImpastoError as error:
            raise BadRequestError(error.message, reason=error.reason) from error
        self._there = tuple(reader.frames)
        self.rate = reader.header(1).attributes.get("framesPerSecond", self.rate)
        return lambda number: reader.read(number)

    def _sequence(self, pattern: SequencePattern) -> Callable[[int], Any]:
        files = {frame: path for (frame, _), path in pattern.on_disk().items()}
        if not files:
            raise BadRequestError(
                f"No file of {pattern.text} is there; look at its folder and name.", reason="PLATE_EMPTY"
            )
        self._there = tuple(sorted(files))
        return lambda number: self._plates.read(files[number])

    def _pixels(self, plate: Any) -> bytes:
        np = self._np
        space = self._plates.ColourSpace.resolve("", plate)
        rgb, alpha, _ = self._plates.picture(plate, plate.views[0], plate.data_window, space)
        frame = np.ascontiguousarray(np.moveaxis(rgb, 0, -1))
        size = (self.width, self.height)
        if frame.shape[1::-1] != size:
            frame = self._cv2.resize(frame, size, interpolation=self._cv2.INTER_AREA)
        if not self._half:
            return bytes((np.clip(self._srgb.encode(frame), 0, 1) * 255 + 0.5).astype(np.uint8).tobytes())
        whole = np.ones((*frame.shape[:2], 4), np.float16)
        whole[..., :3] = np.clip(frame, -65504, 65504)
        if alpha is not None:
            whole[..., 3] = self._cv2.resize(alpha, size, interpolation=self._cv2.INTER_AREA)
        return bytes(whole.tobytes())


class Sink:
    """Where painted frames go: EXR or picture frames, or a video.

    Args:
        name: a pattern with #### or a video file; EXR takes half RGBA, all else sRGB bytes.
        source: for size and rate.

    Raises:
        BadRequestError: the name is neither.
    """

    def __init__(self, name: str, source: Source) -> None:
        self._source, self._kind = source, kind_of(name)
        self._np: Any = importlib.import_module("numpy")
        self._cv2: Any = importlib.import_module("cv2")
        self._pattern = SequencePattern.parse(name) if self._kind != "video" else None
        if self._pattern is not None and not self._pattern.has_frames and len(source.numbers) > 1:
            raise BadRequestError(f"{name} is one file for many frames; put #### into it.", reason="OUTPUT_INVALID")
        (self._pattern.path(0, "") if self._pattern else Path(name)).parent.mkdir(parents=True, exist_ok=True)
        self._container: Any = None
        if self._kind == "video":
            av: Any = importlib.import_module("av")
            self._container = av.open(name, "w")
            self._stream = self._container.add_stream("h264", rate=source.rate)
            self._stream.width, self._stream.height = source.width // 2 * 2, source.height // 2 * 2
            self._stream.pix_fmt, self._stream.options = "yuv420p", {"crf": "16"}

    def write(self, number: int, pixels: bytes) -> None:
        """Write one frame.

        Raises:
            OSError: it cannot be written.
        """
        np, height, width = self._np, self._source.height, self._source.width
        if self._kind == "exr":
            plates: Any = importlib.import_module("impasto.server.plates")
            frame = np.frombuffer(pixels, np.float16).reshape(height, width, 4)
            window = plates.Window(0, 0, width, height)
            alpha = frame[..., 3:].astype(np.float32)
            colour = (frame[..., :3].astype(np.float32) * alpha).astype(np.float16)
            channels = {name: np.ascontiguousarray(colour[..., place]) for place, name in enumerate("RGB")}
            channels["A"] = np.ascontiguousarray(frame[..., 3])
            attributes = {"impasto/engine": "live"}
            plates.write(self._path(number), plates.Plate(channels, window, window, attributes))
            return
        rgb = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
        if self._kind == "video":
            av: Any = importlib.import_module("av")
            even = np.ascontiguousarray(rgb[: height // 2 * 2, : width // 2 * 2])
            self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        elif not self._cv2.imwrite(str(self._path(number)), self._cv2.cvtColor(rgb, self._cv2.COLOR_RGB2BGR)):
            raise OSError(0, "the picture cannot be written", str(self._path(number)))

    def close(self) -> None:
        """Finish the file."""
        if self._container is not None:
            self._container.mux(self._stream.encode())
            self._container.close()

    def _path(self, number: int) -> Path:
        assert self._pattern is not None
        return self._pattern.path(number, "")


def kind_of(name: str) -> str:
    """exr, picture or video, by the ending of an output's name.

    Raises:
        BadRequestError: it is none of these.
    """
    ending = Path(name).suffix.lower()
    if ending == ".exr":
        return "exr"
    if ending in PICTURES:
        return "picture"
    if ending in VIDEOS:
        return "video"
    raise BadRequestError(
        f"The output {name} is no EXR, {', '.join(PICTURES + VIDEOS)}; let its name end so.", reason="OUTPUT_INVALID"
    )
