import contextlib
import io
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from impasto.server import plates
from impasto.server.errors import PlateError
from impasto.server.plates import Plate, Window
from impasto.server.plates.exr_header import COMPRESSIONS

DAMAGED = 20
SINGLE_PART = ["Beachball/singlepart.0001.exr", *(f"DisplayWindow/t{n:02}.exr" for n in range(1, 17))]
Make = Callable[..., Plate]


def same_bits(first: Plate, second: Plate) -> None:
    assert set(first.channels) == set(second.channels)
    for name, pixels in first.channels.items():
        assert pixels.dtype == second.channels[name].dtype, name
        assert pixels.tobytes() == second.channels[name].tobytes(), name
    assert (first.data_window, first.display_window) == (second.data_window, second.display_window)
    assert first.views == second.views
    assert first.compression == second.compression
    structural = {"screenWindowCenter", "screenWindowWidth", "pixelAspectRatio"}
    for name in (set(first.attributes) | set(second.attributes)) - structural:
        assert comparable(first.attributes[name]) == comparable(second.attributes[name]), name


def comparable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tolist()
    if isinstance(value, tuple):
        return [comparable(one) for one in value]
    if isinstance(value, OpenEXR.OpaqueAttribute | OpenEXR.PreviewImage):
        return type(value).__name__, repr(value)
    return value


# -- round trips


@pytest.mark.parametrize("compression", ["none", "rle", "zips", "zip", "piz", "htj2k256", "htj2k32", "lj2k", "zstd"])
def test_every_bit_pattern_of_every_type_survives_each_lossless_compression(
    tmp_path: Path, plate: Make, compression: str
) -> None:
    rng = np.random.default_rng(1)
    halves = np.arange(65536, dtype=np.uint16).view(np.float16).reshape(128, 512)
    words = rng.integers(0, 2**32, (128, 512), dtype=np.uint32)
    made = plate({"R": halves, "forward.u": words.view(np.float32), "id": words, "A": halves[::-1].copy()})
    made = Plate(**{**made.__dict__, "compression": compression})
    plates.write(tmp_path / "a.exr", made)
    same_bits(made, plates.read(tmp_path / "a.exr"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pixels=st.sampled_from([np.float16, np.float32, np.uint32]).flatmap(
        lambda dtype: arrays(dtype, st.tuples(st.integers(1, 9), st.integers(1, 9)))
    ),
    corner=st.tuples(st.integers(-5000, 5000), st.integers(-5000, 5000)),
    display=st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 90), st.integers(1, 90)),
)
def test_windows_inside_beyond_or_outside_the_display_survive(
    tmp_path: Path, pixels: np.ndarray, corner: tuple[int, int], display: tuple[int, int, int, int]
) -> None:
    height, width = pixels.shape
    made = Plate(
        {"R": pixels, "layer.x": pixels},
        Window(*corner, corner[0] + width, corner[1] + height),
        Window(display[0], display[1], display[0] + display[2], display[1] + display[3]),
    )
    plates.write(tmp_path / "w.exr", made)
    same_bits(made, plates.read(tmp_path / "w.exr"))


def test_pixel_aspect_timecode_chromaticities_and_studio_attributes_survive(tmp_path: Path, plate: Make) -> None:
    attributes = {
        "pixelAspectRatio": 2.0,
        "timeCode": OpenEXR.TimeCode(1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0),
        "keyCode": OpenEXR.KeyCode(1, 2, 3, 4, 5, 4, 64),
        "chromaticities": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
        "framesPerSecond": Fraction(24000, 1001),
        "studio/thing": OpenEXR.OpaqueAttribute(b"\x01\x02\xff", "studioThing"),
        "worldToCamera": np.arange(16, dtype=np.float32).reshape(4, 4),
        "comment": "é",
        "whole": -7,
        "latin": b"caf\xe9".decode(errors="surrogateescape"),
        "nothing": OpenEXR.OpaqueAttribute(b"", "stringvector"),
    }
    made = plate(attributes=attributes)
    plates.write(tmp_path / "a.exr", made)
    back = plates.read(tmp_path / "a.exr")
    for name, value in attributes.items():
        kept = back.attributes[name]
        if name == "chromaticities":
            assert np.allclose(kept, value)
        else:
            assert comparable(kept) == comparable(value) or str(kept) == str(value), name
    plates.write(tmp_path / "b.exr", back)
    same_bits(back, plates.read(tmp_path / "b.exr"))


ATTRIBUTES = [
    ("double", struct.pack("<d", 1 / 3)),
    ("float", struct.pack("<f", 1 / 3)),
    ("int", struct.pack("<i", -7)),
    ("v2i", struct.pack("<2i", 1, 2)),
    ("v3d", struct.pack("<3d", 1 / 3, 2, 3)),
    ("m33d", struct.pack("<9d", *range(9))),
    ("m44f", struct.pack("<16f", *range(16))),
    ("box2f", struct.pack("<4f", 1, 2, 3, 4)),
    ("rational", struct.pack("<iI", 24000, 1001)),
    ("timecode", struct.pack("<II", 0x01020304, 5)),
    ("keycode", struct.pack("<7i", 1, 2, 3, 4, 5, 4, 64)),
    ("string", b"Stra\xdfe"),
    ("string", b""),
    ("stringvector", struct.pack("<i", 1) + b"a" + struct.pack("<i", 2) + b"bb"),
    ("stringvector", struct.pack("<i", 2) + b"\xe9\xe9"),
    ("stringvector", b""),
    ("floatvector", b""),
    ("studioThing", b"\1\2\3"),
    ("preview", struct.pack("<II", 2, 1) + bytes(range(8))),
    ("deepImageState", b"\1"),
    ("envmap", b"\1"),
]


@pytest.mark.parametrize(("kind", "data"), ATTRIBUTES)
def test_an_attribute_of_any_type_keeps_its_bytes(
    handmade: Callable[..., Path], tmp_path: Path, kind: str, data: bytes
) -> None:
    path = handmade([("someThing", kind, data)])
    made = plates.read(path)
    assert np.array_equal(made.channels["R"][0], np.arange(4))
    assert set(plates.read_header(path).attributes) == set(made.attributes)
    plates.write(tmp_path / "b.exr", made)
    wanted = b"someThing\0" + kind.encode() + b"\0" + struct.pack("<i", len(data)) + data
    assert wanted in (tmp_path / "b.exr").read_bytes()


@pytest.mark.assets
def test_mip_levels_leave_level_0_and_a_note(assets: Path) -> None:
    made = plates.read(assets / "exr/MultiResolution/Bonita.exr")
    assert made.channels["R"].shape == (832, 550)
    assert any("finest" in note for note in made.notes)


def oiio(path: Path) -> Any:
    return pytest.importorskip("OpenImageIO").ImageBuf(str(path))


@pytest.mark.assets
@pytest.mark.parametrize("name", SINGLE_PART)
def test_a_single_part_plate_comes_back_whole_for_an_independent_reader(
    assets: Path, tmp_path: Path, name: str
) -> None:
    plates.write(tmp_path / "copy.exr", plates.read(assets / "exr" / name))
    ours, theirs = oiio(tmp_path / "copy.exr"), oiio(assets / "exr" / name)
    assert ours.spec().channelnames == theirs.spec().channelnames
    assert ours.spec().channelformats == theirs.spec().channelformats
    for buffer in (ours, theirs):
        buffer.read(0, 0, True, ours.spec().format)
    for field in ("x", "y", "width", "height", "full_x", "full_y", "full_width", "full_height"):
        assert getattr(ours.spec(), field) == getattr(theirs.spec(), field), field
    mine = {a.name: a.value for a in ours.spec().extra_attribs}
    for extra in theirs.spec().extra_attribs:
        if extra.name not in ("openexr:lineOrder", "oiio:SourcePath"):
            assert mine[extra.name] == extra.value or extra.value != extra.value, extra.name
    first = ours.get_pixels(ours.spec().format)
    assert first.tobytes() == theirs.get_pixels(ours.spec().format).tobytes()


@pytest.mark.assets
@pytest.mark.parametrize("frame", [1, 2])
def test_a_multi_part_plate_comes_back_in_one_part_for_an_independent_reader(
    assets: Path, tmp_path: Path, frame: int
) -> None:
    source = assets / f"exr/Beachball/multipart.{frame:04}.exr"
    made = plates.read(source)
    plates.write(tmp_path / "copy.exr", made)
    ours = oiio(tmp_path / "copy.exr")
    assert ours.nsubimages == 1
    whole = dict(zip(ours.spec().channelnames, np.moveaxis(ours.get_pixels("half"), -1, 0), strict=True))
    assert list(ours.spec().getattribute("multiView")) == ["right", "left"] or made.views == ("right", "left")
    expected = {
        "rgba_right": {c: c for c in "RGBA"},
        "rgba_left": {c: f"left.{c}" for c in "RGBA"},
        "depth_left": {"Z": "left.depth.Z"},
        "depth_right": {"Z": "depth.Z"},
        "forward_left": {"forward.u": "left.forward.u", "forward.v": "left.forward.v"},
        "whitebarmask_right": {"whitebarmask.mask": "whitebarmask.mask"},
    }
    seen = set()
    oiio_module = pytest.importorskip("OpenImageIO")
    for index in range(oiio(source).nsubimages):
        part = oiio_module.ImageBuf(str(source), index, 0)
        spec = part.spec()
        names = expected.get(spec.getattribute("oiio:subimagename"), {})
        pixels = part.get_pixels("half")
        y, x = spec.y - made.data_window.y0, spec.x - made.data_window.x0
        for place, channel in enumerate(spec.channelnames):
            bare = channel.removeprefix("left.").removeprefix("right.")
            if bare in names:
                seen.add(names[bare])
                mine = whole[names[bare]]
                assert mine[y : y + spec.height, x : x + spec.width].tobytes() == pixels[..., place].tobytes()
                assert np.count_nonzero(mine) == np.count_nonzero(pixels[..., place])
    assert len(seen) >= 8


# -- what is refused


@pytest.mark.assets
def test_every_damaged_file_gives_one_sentence_whatever_its_extension(assets: Path, tmp_path: Path) -> None:
    files = sorted((assets / "exr/Damaged").iterdir())
    assert len(files) == DAMAGED
    for number, file in enumerate(files):
        for extension in ("exr", "png", "tif"):
            path = tmp_path / f"damaged{number}.{extension}"
            path.write_bytes(file.read_bytes())
            for door in (plates.read, plates.read_header):
                with pytest.raises(PlateError, match=rf"{path.name}.*again") as caught:
                    door(path)
                assert "\n" not in caught.value.message


def test_a_truncated_file_is_named_in_the_error(tmp_path: Path, plate: Make) -> None:
    plates.write(tmp_path / "whole.exr", plate())
    data = (tmp_path / "whole.exr").read_bytes()
    for cut in range(0, len(data), 7):
        (tmp_path / "cut.exr").write_bytes(data[:cut])
        with pytest.raises(PlateError, match=r"cut\.exr"):
            plates.read(tmp_path / "cut.exr")


def test_a_file_with_one_byte_wrong_is_read_or_refused_and_never_crashes(tmp_path: Path, plate: Make) -> None:
    plates.write(tmp_path / "whole.exr", plate())
    data = (tmp_path / "whole.exr").read_bytes()
    # In a process of its own: a crash must not take the tests along.
    (tmp_path / "fuzz.py").write_text(
        "import sys, random\nfrom pathlib import Path\nfrom impasto.server import plates\n"
        "from impasto.server.errors import ImpastoError\n"
        "data = Path(sys.argv[1]).read_bytes(); target = Path(sys.argv[2]); rng = random.Random(3)\n"
        "refused = 0\n"
        "for at in range(0, len(data), 2):\n"
        "    broken = bytearray(data); broken[at] = rng.randrange(256); target.write_bytes(broken)\n"
        "    try: plates.read(target, plates.Limits(1 << 20, 1 << 24))\n"
        "    except ImpastoError: refused += 1\n"
        "print(refused > 20)\n"
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "fuzz.py"), str(tmp_path / "whole.exr"), str(tmp_path / "broken.exr")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "True"
    assert len(data) > 500


def test_a_text_file_named_exr_is_refused_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "notes.exr").write_text("shot notes")
    with pytest.raises(PlateError, match=r"notes\.exr is damaged or no EXR.*export it again"):
        plates.read(tmp_path / "notes.exr")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(PlateError, match="there is no file"):
        plates.read(tmp_path / "absent.exr")
    with pytest.raises(PlateError, match="cannot be opened"):
        plates.read(tmp_path)


def test_a_huge_promised_window_is_refused_before_memory_is_taken(handmade: Callable[..., Path]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PlateError, match="ends before its pixels"):
        plates.read(handmade(promised=(0, 0, 10**6, 10**6)))
    with pytest.raises(PlateError, match="promises 400000000x3 pixels") as caught:
        plates.read(handmade(promised=(0, 0, 4 * 10**8 - 1, 2)))
    assert caught.value.reason == "PLATE_TOO_BIG"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_the_size_cap_is_the_callers(tmp_path: Path, plate: Make) -> None:
    plates.write(tmp_path / "a.exr", plate())
    plates.read(tmp_path / "a.exr", plates.Limits(48, 48 * 8))
    for limits in (plates.Limits(47, 1000), plates.Limits(48, 48 * 8 - 1)):
        for door in (plates.read, plates.read_header):
            with pytest.raises(PlateError, match="raise the limit"):
                door(tmp_path / "a.exr", limits)


@pytest.mark.assets
def test_deep_and_subsampled_pictures_are_refused_by_name(assets: Path) -> None:
    with pytest.raises(PlateError, match=r"Trunks\.exr.*deep pixels.*DeepToImage"):
        plates.read(assets / "exr/v2/LowResLeftView/Trunks.exr")
    with pytest.raises(PlateError, match=r"Flowers\.exr.*BY, RY subsampled.*luminance"):
        plates.read(assets / "exr/LuminanceChroma/Flowers.exr")


def test_one_subsampled_channel_is_named(handmade: Callable[..., Path]) -> None:
    thin = b"R\0" + struct.pack("<iB3xii", 1, 0, 2, 2)
    with pytest.raises(PlateError, match="stores R subsampled"):
        plates.read(handmade(channels=thin))


def test_a_newer_kind_of_file_is_refused(handmade: Callable[..., Path]) -> None:
    with pytest.raises(PlateError, match="version 3"):
        plates.read(handmade(flags=3))
    with pytest.raises(PlateError, match="flags"):
        plates.read(handmade(flags=0x10002))


# -- OpenEXR's traps


@pytest.mark.parametrize("order", ["reversed", "fortran", "strided", "swapped"])
def test_arrays_in_any_memory_order_are_written_right(tmp_path: Path, plate: Make, order: str) -> None:
    base = np.arange(48, dtype=np.float32).reshape(6, 8)
    odd = {
        "reversed": base[::-1],
        "fortran": np.asfortranarray(base),
        "strided": np.repeat(base, 2, axis=1)[:, ::2],
        "swapped": base.astype(">f4"),
    }[order]
    plates.write(tmp_path / "a.exr", plate({"R": odd}))
    assert np.array_equal(plates.read(tmp_path / "a.exr").channels["R"], odd)


def test_a_broken_payload_is_an_error_and_not_an_empty_plate(tmp_path: Path, plate: Make) -> None:
    plates.write(tmp_path / "a.exr", plate({"R": np.tile(np.arange(64, dtype=np.float32), (64, 1))}))
    data = bytearray((tmp_path / "a.exr").read_bytes())
    data[-20:] = bytes(20)
    (tmp_path / "a.exr").write_bytes(data)
    with contextlib.redirect_stdout(io.StringIO()), pytest.raises(PlateError, match=r"a\.exr"):
        plates.read(tmp_path / "a.exr")


def test_writing_changes_neither_plate_nor_its_dicts(tmp_path: Path, plate: Make) -> None:
    made = plate(attributes={"comment": "x"})
    before = dict(made.channels)
    plates.write(tmp_path / "a.exr", made)
    assert dict(made.attributes) == {"comment": "x"}
    assert all(made.channels[name] is pixels for name, pixels in before.items())
    assert len(made.channels) == len(before)


def test_openexr_works_on_threads(tmp_path: Path, plate: Make) -> None:
    plates.write(tmp_path / "a.exr", plate())
    assert OpenEXR.global_thread_count() > 0


def in_a_small_file_limit(path: Path, size: int, limit: int) -> str:
    """Writes a plate in a process whose files may not grow past `limit`; what it printed."""
    program = (
        "import resource, sys\nfrom pathlib import Path\nimport numpy as np\nfrom impasto.server import plates\n"
        "from impasto.server.errors import ImpastoError\n"
        "size, limit = map(int, sys.argv[2:])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
        "w = plates.Window(0, 0, size, size)\n"
        "pixels = np.random.default_rng(0).random((size, size), dtype=np.float32)\n"
        "try: plates.write(Path(sys.argv[1]), plates.Plate({'R': pixels}, w, w))\n"
        "except ImpastoError as error: print(type(error).__name__, error.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path), str(size), str(limit)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_a_full_disk_leaves_no_partial_file_and_the_old_one_whole(tmp_path: Path, plate: Make) -> None:
    path = tmp_path / "out.exr"
    plates.write(path, plate())
    before = path.read_bytes()
    for size, limit in ((200, 0), (200, 5000), (4, 0), (4, 100)):
        told = in_a_small_file_limit(path, size, limit)
        assert told.startswith("NoRoom"), told
        assert "make room" in told
        assert path.read_bytes() == before
        assert [entry.name for entry in tmp_path.iterdir()] == ["out.exr"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_noticed_under_a_file_smaller_than_any_buffer(plate: Make) -> None:
    file = OpenEXR.File({}, dict(plate({"R": np.zeros((2, 2), np.float16)}).channels))
    # The trap: nothing is raised. With a stream of ours it is.
    file.write("/dev/full")
    with pytest.raises(OSError, match="No space left"), Path("/dev/full").open("wb") as stream:
        file.write(stream)


def test_a_folder_that_is_not_there_or_not_writable_is_named(tmp_path: Path, plate: Make) -> None:
    with pytest.raises(
        PlateError, match=r"out\.exr could not be written \(No such file or directory\); choose a folder"
    ) as caught:
        plates.write(tmp_path / "absent" / "out.exr", plate())
    assert caught.value.reason == "PLATE_UNWRITABLE"
    (tmp_path / "out.exr").mkdir()
    with pytest.raises(PlateError, match="could not be written"):
        plates.write(tmp_path / "out.exr", plate())
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.exr"]


def test_a_wrong_array_is_a_programming_error_and_leaves_nothing(tmp_path: Path, plate: Make) -> None:
    made = plate()
    for pixels in (np.zeros((2, 2), np.float16), np.zeros((6, 8), np.float64)):
        with pytest.raises(ValueError, match="channel R"):
            plates.write(tmp_path / "a.exr", Plate({"R": pixels}, made.data_window, made.display_window))
    assert not list(tmp_path.iterdir())


def test_the_header_tells_what_reading_gives(tmp_path: Path, plate: Make) -> None:
    types = {"R": np.float16, "Z": np.float32, "id": np.uint32}
    made = plate({name: np.zeros((6, 8), kind) for name, kind in types.items()})
    plates.write(tmp_path / "a.exr", made)
    header = plates.read_header(tmp_path / "a.exr")
    assert header.channels == types
    assert header.data_window == made.data_window
    assert header.encoding == "scene_linear"


@pytest.mark.parametrize(("number", "rows"), [(number, rows) for number, (_, rows) in COMPRESSIONS.items()])
def test_our_count_of_chunks_is_openexrs(tmp_path: Path, number: int, rows: int) -> None:
    pixels = {"R": np.zeros((600, 3), np.float16)}
    header = {"compression": OpenEXR.Compression(number), "type": OpenEXR.scanlineimage}
    parts = [OpenEXR.Part(dict(header), dict(pixels), name) for name in ("a", "b")]
    OpenEXR.File(parts).write(str(tmp_path / "a.exr"))
    with OpenEXR.File(str(tmp_path / "a.exr"), header_only=True) as file:
        assert file.header()["chunkCount"] == -(-600 // rows)
    plates.read_header(tmp_path / "a.exr")
