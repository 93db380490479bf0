"""Which compression a review package gets, and what a lossy one would touch."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from impasto.server.errors import BadRequest
from impasto.server.plates.exr_header import COMPRESSIONS
from impasto.server.plates.plate import Channel

LOSSLESS = frozenset(("none", "rle", "zips", "zip", "piz", "htj2k256", "htj2k32", "lj2k", "zstd"))
# OpenEXR's rule for the last word of a name; all other channels go through zip or rle.
_DWA_COLOUR = frozenset(("R", "G", "B", "Y", "RY", "BY"))


def lossy_channels(compression: str, channels: Mapping[str, Channel]) -> set[str]:
    """The channels whose values this compression changes.

    DWA takes colour by name (`R`, `lay.R`), B44 every half channel, PXR24 every float channel.
    """
    if compression in ("dwaa", "dwab"):
        return {n for n, p in channels.items() if n.rpartition(".")[2] in _DWA_COLOUR and p.dtype != np.uint32}
    if compression in ("b44", "b44a"):
        return {name for name, pixels in channels.items() if pixels.dtype == np.float16}
    if compression == "pxr24":
        return {name for name, pixels in channels.items() if pixels.dtype == np.float32}
    return set()


def choose(requested: str, stored: str, channels: Mapping[str, Channel], colour: Collection[str]) -> str:
    """The compression to write with.

    Args:
        requested: a name; empty takes what is stored where it is lossless, else `zips`.
        stored: the plate's.
        channels: all that is written.
        colour: names of the painted colour, which alone may lose anything.

    Raises:
        BadRequest: the name is unknown, or it would change more than colour.
    """
    if not requested:
        return stored if stored in LOSSLESS else "zips"
    known = [name for name, _ in COMPRESSIONS.values()]
    if requested not in known:
        raise BadRequest(f"there is no compression {requested!r}; choose one of {', '.join(known)}")
    harmed = sorted(lossy_channels(requested, channels) - set(colour))
    if harmed:
        more = f" and {len(harmed) - 4} more" if len(harmed) > 4 else ""
        raise BadRequest(
            f"compression {requested} would damage {', '.join(harmed[:4])}{more}: only painted colour may lose "
            "anything; choose zip, zips or piz, or write without those layers",
            reason="COMPRESSION_HARMS_LAYERS",
        )
    return requested
