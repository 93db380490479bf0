"""Which colour space a picture is in, and the way from there to the working space, scene-linear Rec.709, and back."""

from __future__ import annotations

import difflib
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import PyOpenColorIO
from numpy.typing import NDArray

from impasto.server.errors import BadRequest
from impasto.server.plates import srgb

Array = NDArray[np.float32]

CONFIG = "studio-config-v2.1.0_aces-v1.3_ocio-v2.3"
"""The built-in OpenColorIO config used without `$OCIO`, pinned by its full name so that pixels stay the same."""
WORKING = "lin_rec709"
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""Chromaticities as EXR lists them: x and y of red, green, blue and white."""
_KNOWN = (
    REC709,
    (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),  # ACES AP0
    (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),  # ACES AP1
    (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),  # Rec.2020
    (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),  # P3-D65
)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


class Described(Protocol):
    """What colour resolution asks of a picture; both `Header` and `Plate` are."""

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Header attributes."""
        ...

    @property
    def encoding(self) -> str:
        """`scene_linear` or `srgb`."""
        ...


def _same(rgb: Array) -> Array:
    return rgb


@dataclass(frozen=True, eq=False)
class ColourSpace:
    """A colour space with its way to the working space and back.

    Attributes:
        name: for people and digests.
        how: one sentence on how it was found.
        chromaticities: of its primaries and white as EXR lists them where it is linear; else None.
    """

    name: str
    how: str
    chromaticities: tuple[float, ...] | None
    _to: Callable[[Array], Array] = field(default=_same, repr=False)
    _from: Callable[[Array], Array] = field(default=_same, repr=False)

    @staticmethod
    def resolve(requested: str, header: Described) -> ColourSpace:
        """Find a picture's colour space.

        `auto` (or nothing) takes the header's chromaticities, else the `scene_linear` role of the config `$OCIO` names,
        else scene-linear Rec.709. Integer pictures are sRGB. Anything else is a name, alias or role of the config
        `$OCIO` names, else of the pinned built-in one; of an integer picture it says what its stored values mean.

        Args:
            requested: `auto`, empty or a name.
            header: of the picture.

        Raises:
            BadRequest: the config or the name is unknown, or the config does not say how it meets others.
        """
        stored_srgb = header.encoding == "srgb"
        if requested not in ("", "auto"):
            return _named(requested, f"asked for as {requested}", stored_srgb)
        if stored_srgb:
            return ColourSpace("srgb", "integer picture, taken as sRGB", REC709)
        chromaticities = header.attributes.get("chromaticities")
        note = ""
        if isinstance(chromaticities, Sequence) and len(chromaticities) == 8:
            space = _primaries(tuple(float(value) for value in chromaticities))
            if space:
                return space
            note = "; the header's chromaticities are no triangle and were left aside"
        config, origin = _config()
        if origin:
            role = config.getColorSpace("scene_linear")
            if role is not None:
                return _named(role.getName(), f"scene_linear role of {origin}{note}", stored_srgb=False)
        return ColourSpace("lin_rec709", f"nothing in the header or $OCIO says otherwise: linear Rec.709{note}", REC709)

    def to_working(self, rgb: Array) -> Array:
        """Colour (3, H, W) float32 without premultiplication, as `Plate.channels` holds it, to linear Rec.709."""
        return self._to(rgb)

    def from_working(self, rgb: Array) -> Array:
        """Linear Rec.709 (3, H, W) float32 to this space, as `Plate.channels` holds it."""
        return self._from(rgb)


def to_xyz(chromaticities: Sequence[float]) -> NDArray[np.float64]:
    """The (3, 3) matrix from RGB of these primaries and white to CIE XYZ, white at Y = 1 (SMPTE RP 177)."""
    x, y = np.asarray(chromaticities[0::2], np.float64), np.asarray(chromaticities[1::2], np.float64)
    if y[3] == 0:
        raise np.linalg.LinAlgError
    columns = np.stack([x, y, 1 - x - y])
    primaries, white = columns[:, :3], columns[:, 3] / y[3]
    return primaries * np.linalg.solve(primaries, white)


def matrix_to_rec709(chromaticities: Sequence[float]) -> NDArray[np.float64]:
    """The (3, 3) matrix from linear RGB of these chromaticities to linear Rec.709, white adapted after Bradford.

    Primaries that are CIE XYZ's own hold measured XYZ, whose white of 1/3, 1/3 is a formality: nothing is adapted.

    Raises:
        numpy.linalg.LinAlgError: the primaries are no triangle.
    """
    theirs, ours = to_xyz(chromaticities), to_xyz(REC709)
    if np.allclose(chromaticities[:6], (1, 0, 0, 1, 0, 0), atol=1e-6):
        return np.asarray(np.linalg.inv(ours), np.float64)
    cones_theirs, cones_ours = _BRADFORD @ theirs.sum(axis=1), _BRADFORD @ ours.sum(axis=1)
    adapt = np.linalg.inv(_BRADFORD) @ np.diag(cones_ours / cones_theirs) @ _BRADFORD
    matrix: NDArray[np.float64] = np.linalg.inv(ours) @ adapt @ theirs
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-6:
        raise np.linalg.LinAlgError
    return matrix


def _apply(matrix: NDArray[np.float64], rgb: Array) -> Array:
    # Written out: a BLAS may sum in another order on another machine.
    m = matrix.astype(np.float32)
    return np.stack([row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2] for row in m])


def _primaries(chromaticities: tuple[float, ...]) -> ColourSpace | None:
    if max(abs(a - b) for a, b in zip(chromaticities, REC709, strict=True)) < 1e-3:
        return ColourSpace("lin_rec709", "chromaticities in the header: Rec.709", chromaticities)
    try:
        matrix = matrix_to_rec709(chromaticities)
    except np.linalg.LinAlgError:
        return None
    back = np.asarray(np.linalg.inv(matrix), np.float64)
    listed = " ".join(f"{value:.4g}" for value in chromaticities)
    return ColourSpace(
        f"chromaticities {listed}",
        f"chromaticities in the header: {listed}",
        chromaticities,
        functools.partial(_apply, matrix),
        functools.partial(_apply, back),
    )


@functools.lru_cache(maxsize=4)
def _load(path: str) -> Any:
    try:
        return (
            PyOpenColorIO.Config.CreateFromFile(path) if path else PyOpenColorIO.Config.CreateFromBuiltinConfig(CONFIG)
        )
    except (PyOpenColorIO.Exception, PyOpenColorIO.ExceptionMissingFile) as error:
        raise BadRequest(
            f"the OpenColorIO config $OCIO={path} cannot be read ({str(error).splitlines()[0]}); "
            "correct $OCIO or unset it",
            reason="COLOUR_CONFIG_UNREADABLE",
        ) from error


def _config() -> tuple[Any, str]:
    """The config in force, and where it comes from where that is `$OCIO`."""
    path = os.environ.get("OCIO", "")
    return _load(path), f"$OCIO ({path})" if path else ""


def _named(requested: str, how: str, stored_srgb: bool) -> ColourSpace:
    config, origin = _config()
    space = config.getColorSpace(requested)
    if space is None:
        raise BadRequest(
            f"there is no colour space {requested!r} in {origin or f'the built-in config {CONFIG}'}; "
            f"near names are {', '.join(_near(config, requested))}",
            reason="COLOUR_SPACE_UNKNOWN",
        )
    pinned = _load("")
    try:
        forward = PyOpenColorIO.Config.GetProcessorFromConfigs(config, space.getName(), pinned, WORKING)
        backward = PyOpenColorIO.Config.GetProcessorFromConfigs(pinned, WORKING, config, space.getName())
        to, back = _processor(forward), _processor(backward)
    except (PyOpenColorIO.Exception, PyOpenColorIO.ExceptionMissingFile) as error:
        raise BadRequest(
            f"{origin or CONFIG} does not say how its space {space.getName()!r} meets linear Rec.709 "
            f"({str(error).splitlines()[0]}); add the role aces_interchange to the config or choose another space",
            reason="COLOUR_SPACE_UNUSABLE",
        ) from error
    if stored_srgb:
        return ColourSpace(
            space.getName(), how, None, lambda rgb: to(srgb.encode(rgb)), lambda rgb: srgb.decode(back(rgb))
        )
    return ColourSpace(space.getName(), how, _found_primaries(to), to, back)


def _processor(processor: Any) -> Callable[[Array], Array]:
    cpu = processor.getOptimizedCPUProcessor(
        PyOpenColorIO.BIT_DEPTH_F32, PyOpenColorIO.BIT_DEPTH_F32, PyOpenColorIO.OPTIMIZATION_LOSSLESS
    )
    if cpu.isNoOp():
        return _same

    def apply(rgb: Array) -> Array:
        pixels = np.array(np.moveaxis(rgb, 0, -1), np.float32, order="C", copy=True)
        cpu.applyRGB(pixels)
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))

    return apply


def _found_primaries(to: Callable[[Array], Array]) -> tuple[float, ...] | None:
    """The chromaticities of a space, measured through its way to the working space; None where it is not linear."""
    probe = np.concatenate([np.eye(3), 0.18 * np.eye(3), np.zeros((3, 1))], axis=1).astype(np.float32)
    answer = to(probe[:, None, :])[:, 0].astype(np.float64)
    if not np.allclose(answer[:, :3] * 0.18, answer[:, 3:6], atol=1e-4) or np.abs(answer[:, 6]).max() > 1e-5:
        return None
    for known in _KNOWN:
        if np.allclose(matrix_to_rec709(known), answer[:, :3], atol=1e-3):
            return known
    # Their own white is lost in the adaptation: these are relative to Rec.709's, and mean the same.
    xyz = to_xyz(REC709) @ answer[:, :3]
    columns = np.concatenate([xyz, xyz.sum(axis=1, keepdims=True)], axis=1)
    total = columns.sum(axis=0)
    if np.abs(total).min() < 1e-9:
        return None
    return tuple(float(value) for value in (columns[:2] / total).T.ravel())


def _near(config: Any, requested: str) -> list[str]:
    known = {}
    for space in config.getColorSpaces():
        for name in (space.getName(), *space.getAliases()):
            known[name.lower()] = space.getName()
    wanted = requested.lower()
    near = [known[name] for name in difflib.get_close_matches(wanted, known, n=6, cutoff=0.4)]
    near += [space for name, space in known.items() if wanted in name]
    return list(dict.fromkeys(near))[:5] or sorted(set(known.values()))[:5]
