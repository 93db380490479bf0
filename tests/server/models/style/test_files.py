import struct

import cv2
import numpy as np
import OpenImageIO
import pytest
import torch

from impasto.server import plates
from impasto.server.errors import BadRequest, NotFound
from impasto.server.models.style import files, presets


def picture(height: int = 24, width: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_pictures_of_every_kind_are_styles(suffix, tmp_path):
    path = tmp_path / f"style.{suffix}"
    cv2.imwrite(str(path), picture())
    assert files.recognise(path) == "picture"
    shown = files.read_picture(path)
    assert shown.shape == (1, 3, 24, 32)
    assert shown.dtype == torch.float32
    if suffix == "png":
        expected = picture()[..., ::-1].astype(np.float32) / 255
        assert np.abs(shown[0].permute(1, 2, 0).numpy() - expected).max() < 1e-3


def test_an_exr_is_a_style(tmp_path):
    window = plates.Window(0, 0, 32, 24)
    light = np.random.default_rng(0).random((24, 32), np.float32)
    path = tmp_path / "style.exr"
    plates.write(path, plates.Plate(dict.fromkeys("RGB", light), window, window))
    assert files.recognise(path) == "picture"
    assert files.read_picture(path).shape == (1, 3, 24, 32)


def test_grey_and_16_bit_pictures_are_styles(tmp_path):
    grey, deep = tmp_path / "grey.png", tmp_path / "deep.png"
    cv2.imwrite(str(grey), picture()[..., 0])
    cv2.imwrite(str(deep), picture().astype(np.uint16) * 257)
    assert files.read_picture(grey).shape == files.read_picture(deep).shape == (1, 3, 24, 32)


def test_light_beyond_display_white_is_folded_in_whatever_it_is(tmp_path):
    window = plates.Window(0, 0, 48, 32)
    light = (50.0 * np.random.default_rng(0).random((3, 32, 48)) ** 2).astype(np.float32)
    path = tmp_path / "lamps.exr"
    plates.write(path, plates.Plate(dict(zip("RGB", light, strict=True)), window, window))
    shown = files.read_picture(path)
    assert 0.0 <= float(shown.min()) <= float(shown.max()) <= 1.0
    assert float(shown.std()) > 0.1
    assert float((shown > 0.999).float().mean()) < 0.2


def cmyk_jpeg(path, inks):
    """A flat 16x16 JPEG of four inks, 255 for none as Adobe writes them; two blocks of noise at the left."""
    rows = [
        [min(255, max(0, ink + (40 if (x + y) % 2 else -40) * (x < 1))) for ink in inks] for y in (0, 1) for x in (0, 1)
    ]
    bits, before = "", [0] * 4
    for block in rows:
        for place, value in enumerate(block):
            difference, before[place] = value - 128 - before[place], value - 128
            size = abs(difference).bit_length()
            bits += f"{size:04b}"
            if size:
                bits += f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}"
            bits += "0"
    bits += "1" * (-len(bits) % 8)
    scan = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")

    def part(mark, body):
        return bytes([0xFF, mark]) + struct.pack(">H", len(body) + 2) + body

    components = b"".join(bytes([i + 1, 0x11, 0]) for i in range(4))
    data = b"\xff\xd8" + part(0xEE, b"Adobe\0\x64\0\0\0\0\0") + part(0xDB, b"\0" + bytes([8] * 64))
    data += part(0xC0, struct.pack(">BHHB", 8, 16, 16, 4) + components)
    data += part(0xC4, b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12)))
    data += part(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0")
    data += part(0xDA, b"\4" + b"".join(bytes([i + 1, 0]) for i in range(4)) + b"\0\x3f\0")
    path.write_bytes(data + scan + b"\xff\xd9")


def test_a_cmyk_jpeg_is_read_in_its_colours_and_a_cmyk_tiff_is_refused_by_name(tmp_path):
    cmyk_jpeg(tmp_path / "inks.jpg", (60, 255, 255, 255))  # cyan
    shown = files.read_picture(tmp_path / "inks.jpg")
    assert shown.shape == (1, 3, 16, 16)
    red, green, blue = shown[..., 8:].mean((0, 2, 3))
    assert red < 0.35
    assert min(green, blue) > 0.9
    spec = OpenImageIO.ImageSpec(16, 16, 4, "uint8")
    spec.attribute("tiff:ColorSpace", "CMYK")
    out = OpenImageIO.ImageOutput.create(str(tmp_path / "inks.tif"))
    out.open(str(tmp_path / "inks.tif"), spec)
    out.write_image(np.random.default_rng(0).integers(0, 256, (16, 16, 4), np.uint8))
    out.close()
    with pytest.raises(BadRequest, match=r"inks\.tif is a CMYK TIFF, whose inks are not read; save it as RGB"):
        files.read_picture(tmp_path / "inks.tif")


def test_a_picture_20000_pixels_wide_is_reduced_before_it_is_used(tmp_path):
    wide = np.zeros((400, 20_000), np.uint8)
    wide[:, ::64] = 255
    cv2.imwrite(str(tmp_path / "wide.png"), wide)
    assert files.read_picture(tmp_path / "wide.png").shape == (1, 3, 40, 2000)
    cv2.imwrite(str(tmp_path / "strip.png"), wide[:100])
    with pytest.raises(BadRequest, match=r"strip\.png is 20000x100 pixels, a mere strip; crop it nearer to a square"):
        files.read_picture(tmp_path / "strip.png")


def test_a_picture_that_is_too_small_says_its_size(tmp_path):
    cv2.imwrite(str(tmp_path / "dot.png"), picture(1, 1))
    with pytest.raises(BadRequest, match=r"mine\.png is 1x1 pixels; give"):
        files.read_picture(tmp_path / "dot.png", "mine.png")


def test_a_strip_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "strip.png"), picture(16, 2500))
    with pytest.raises(BadRequest, match="strip"):
        files.read_picture(tmp_path / "strip.png")


def test_a_picture_of_one_colour_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "flat.png"), np.full((20, 20, 3), 90, np.uint8))
    with pytest.raises(BadRequest, match="one colour"):
        files.read_picture(tmp_path / "flat.png")


def test_a_large_picture_is_reduced_and_a_huge_one_refused(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    cv2.imwrite(str(path), picture(64, 4096))
    assert files.read_picture(path).shape == (1, 3, 32, 2048)
    monkeypatch.setattr(files, "LARGEST", plates.Limits(max_pixels=1000))
    with pytest.raises(BadRequest, match="limit"):
        files.read_picture(path)


def test_a_damaged_picture_is_one_clear_sentence(tmp_path):
    whole = tmp_path / "whole.png"
    cv2.imwrite(str(whole), picture(64, 64))
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:40])
    with pytest.raises(BadRequest, match=r"cut\.png cannot be read"):
        files.read_picture(tmp_path / "cut.png")


@pytest.mark.parametrize("data", [b"", b"words, not a picture"])
def test_what_is_neither_picture_nor_weights_is_refused(data, tmp_path):
    (tmp_path / "what").write_bytes(data)
    with pytest.raises(BadRequest, match="neither a picture"):
        files.recognise(tmp_path / "what")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(NotFound, match=r"none\.png"):
        files.recognise(tmp_path / "none.png")
    with pytest.raises(BadRequest, match="cannot be opened"):
        files.recognise(tmp_path)


def test_weights_are_known_by_their_first_bytes_whatever_their_name(tmp_path):
    torch.save({"other": torch.zeros(1)}, tmp_path / "mosaic")
    assert files.recognise(tmp_path / "mosaic") == "weights"


def test_an_unknown_style_name_lists_the_presets():
    with pytest.raises(NotFound, match="dots, gale, gouache, hatching, oils, scream"):
        presets.preset_picture("cubism")


def test_presets_name_a_painting_in_the_public_domain_and_are_drawn_the_same_every_time():
    assert list(presets.presets()) == ["dots", "gale", "gouache", "hatching", "oils", "scream"]
    for name in presets.presets():
        preset = presets.find(name)
        assert "in the public domain" in preset.after
        assert preset.after.split(";")[0] in preset.summary
        assert preset.palette[:, 3].sum() == pytest.approx(1.0, abs=1e-3)
        mean = (preset.palette[:, :3] * preset.palette[:, 3:]).sum(0)
        drawn = presets.preset_picture(name)[0].mean((1, 2)).numpy()
        assert preset.hand == "lines" or np.abs(drawn - mean).max() < 0.06, name
    assert all(summary.endswith(".") for summary in presets.presets().values())
    first = presets.preset_picture("hatching").clone()
    presets.preset_picture.cache_clear()
    assert torch.equal(presets.preset_picture("hatching"), first)
    assert first.min() >= 0
    assert first.max() <= 1
    assert first.std() > 0.1
