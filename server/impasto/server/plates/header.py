"""What a picture file says of itself before any pixel is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from impasto.server.plates.plate import Window

Dtype = np.dtype[np.generic]


@dataclass(frozen=True, eq=False)
class Header:
    """A plate without its pixels, merged into one part as `Plate` is.

    Attributes:
        channels: name to the type its pixels have in `Plate.channels`: float16, float32 or uint32.
        data_window: the pixels that are there.
        display_window: the format.
        attributes: as `Plate.attributes`.
        compression: as `Plate.compression`.
        views: names of the views, hero first; one empty name where there are none.
        encoding: `scene_linear` for EXR and float TIFF, `srgb` for integer pictures and video.
        source: path of the file, for messages.
        notes: what its user should know about the reading.
    """

    channels: Mapping[str, Dtype]
    data_window: Window
    display_window: Window
    attributes: Mapping[str, Any] = field(default_factory=dict)
    compression: str = "zips"
    views: tuple[str, ...] = ("",)
    encoding: str = "scene_linear"
    source: str = ""
    notes: tuple[str, ...] = ()
