from collections.abc import Callable
from pathlib import Path

import numpy as np
import PyOpenColorIO
import pytest

from impasto.server import plates
from impasto.server.errors import BadRequest
from impasto.server.plates import ColourSpace, Plate
from impasto.server.plates.colour import CONFIG, REC709, matrix_to_rec709

Make = Callable[..., Plate]
AP1 = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
# ACEScg to linear Rec.709, Bradford D60 to D65, as published.
AP1_TO_REC709 = [[1.70505, -0.62179, -0.08326], [-0.13026, 1.14080, -0.01055], [-0.02400, -0.12897, 1.15297]]


@pytest.fixture(autouse=True)
def _no_ocio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCIO", raising=False)


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.1, 5, (3, 7, 5)).astype(np.float32)


def test_the_matrix_of_known_primaries_is_the_published_one() -> None:
    assert np.allclose(matrix_to_rec709(AP1), AP1_TO_REC709, atol=2e-4)
    assert np.allclose(matrix_to_rec709(REC709), np.eye(3), atol=1e-12)


def test_a_plate_that_says_nothing_is_rec709_bit_for_bit(plate: Make, rgb: np.ndarray) -> None:
    space = ColourSpace.resolve("auto", plate())
    assert "Rec.709" in space.how
    assert space.to_working(rgb).tobytes() == rgb.tobytes()
    assert space.from_working(rgb).tobytes() == rgb.tobytes()


def test_auto_takes_the_chromaticities_of_the_header(plate: Make, rgb: np.ndarray) -> None:
    space = ColourSpace.resolve("auto", plate(attributes={"chromaticities": AP1}))
    assert "chromaticities in the header" in space.how
    expected = np.einsum("ij,jhw->ihw", AP1_TO_REC709, rgb.astype(np.float64))
    assert np.allclose(space.to_working(rgb), expected, atol=2e-3)
    assert np.allclose(space.from_working(space.to_working(rgb)), rgb, atol=1e-5)


def test_header_chromaticities_and_opencolorio_agree(plate: Make, rgb: np.ndarray) -> None:
    by_header = ColourSpace.resolve("auto", plate(attributes={"chromaticities": AP1}))
    by_name = ColourSpace.resolve("ACEScg", plate())
    assert np.allclose(by_header.to_working(rgb), by_name.to_working(rgb), atol=2e-3)
    assert by_name.chromaticities == pytest.approx(AP1)


@pytest.mark.parametrize("broken", [(0.0,) * 8, (0.3, 0.3) * 4])
def test_chromaticities_that_are_no_triangle_are_left_aside_and_told(plate: Make, broken: tuple[float, ...]) -> None:
    space = ColourSpace.resolve("", plate(attributes={"chromaticities": broken}))
    assert space.name == "lin_rec709"
    assert "no triangle" in space.how


def test_auto_takes_the_scene_linear_role_of_ocio(
    plate: Make, rgb: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = PyOpenColorIO.Config.CreateFromBuiltinConfig(CONFIG)
    (tmp_path / "studio.ocio").write_text(config.serialize())
    monkeypatch.setenv("OCIO", str(tmp_path / "studio.ocio"))
    space = ColourSpace.resolve("auto", plate())
    assert space.name == "ACEScg"
    assert "$OCIO" in space.how
    assert space.to_working(rgb).tobytes() == ColourSpace.resolve("ACEScg", plate()).to_working(rgb).tobytes()
    assert "header" in ColourSpace.resolve("auto", plate(attributes={"chromaticities": AP1})).how


def test_a_config_that_cannot_be_read_is_named(plate: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", "/absent/studio.ocio")
    with pytest.raises(BadRequest, match=r"\$OCIO=/absent/studio\.ocio cannot be read.*unset it"):
        ColourSpace.resolve("auto", plate())


def test_an_unknown_name_lists_near_ones(plate: Make) -> None:
    with pytest.raises(BadRequest, match=r"ACEScgg.*near names are ACEScg") as caught:
        ColourSpace.resolve("ACEScgg", plate())
    assert caught.value.reason == "COLOUR_SPACE_UNKNOWN"


@pytest.mark.parametrize("name", ["ACEScg", "lin_rec709", "ACES2065-1", "Linear Rec.2020", "scene_linear"])
def test_a_named_space_goes_there_and_back(plate: Make, rgb: np.ndarray, name: str) -> None:
    space = ColourSpace.resolve(name, plate())
    assert np.allclose(space.from_working(space.to_working(rgb)), rgb, atol=1e-4)


def test_integer_pictures_are_srgb_unless_told_otherwise(plate: Make) -> None:
    grey = np.full((3, 1, 1), 0.2140, np.float32)
    integer = plate(encoding="srgb")
    assert ColourSpace.resolve("auto", integer).to_working(grey) is grey
    as_srgb = ColourSpace.resolve("sRGB - Texture", integer)
    assert np.allclose(as_srgb.to_working(grey), grey, atol=1e-4)
    as_linear = ColourSpace.resolve("lin_rec709", integer)
    assert np.allclose(as_linear.to_working(grey), 0.5, atol=1e-3)
    assert np.allclose(as_linear.from_working(as_linear.to_working(grey)), grey, atol=1e-5)


@pytest.mark.assets
def test_a_plate_of_xyz_primaries_shows_the_same_picture_as_its_rec709_twin(assets: Path) -> None:
    pictures = []
    for name in ("XYZ", "Rec709"):
        made = plates.read(assets / f"exr/Chromaticities/{name}.exr")
        space = ColourSpace.resolve("auto", made)
        pictures.append(plates.picture(made, "", made.data_window, space)[0])
    assert np.median(np.abs(pictures[0] - pictures[1])) < 2e-3
