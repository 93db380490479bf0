from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.sequences import SequenceError, Standing, refuse_inputs, standing

COMPRESSIONS = ["NO", "RLE", "ZIPS", "ZIP", "PIZ", "DWAA", "DWAB"]


def _exr(path: Path, job: str | None, compression: str = "ZIPS", height: int = 40) -> Path:
    header = {
        "compression": getattr(OpenEXR, f"{compression}_COMPRESSION"),
        "type": OpenEXR.scanlineimage,
        "owner": "somebody",
    }
    if job is not None:
        header["impasto/job"] = job
    pixels = np.random.default_rng(0).random((height, 9, 3)).astype(np.float16)
    OpenEXR.File(header, {"RGB": pixels}).write(str(path))
    return path


def test_nothing_there_is_absent(tmp_path: Path) -> None:
    assert standing(tmp_path / "a.exr", "d") is Standing.ABSENT
    assert standing(tmp_path / "no" / "a.exr", "d") is Standing.ABSENT
    (tmp_path / "file").touch()
    assert standing(tmp_path / "file" / "a.exr", "d") is Standing.ABSENT


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("height", [1, 40, 300])
def test_a_whole_frame_of_the_same_job_is_known(tmp_path: Path, compression: str, height: int) -> None:
    path = _exr(tmp_path / "a.exr", "digest", compression, height)
    assert standing(path, "digest") is Standing.SAME
    assert standing(path, "another") is Standing.OURS


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_frame_cut_short_is_ours_but_never_the_same(tmp_path: Path, compression: str) -> None:
    whole = _exr(tmp_path / "a.exr", "digest", compression).read_bytes()
    for cut in (1, 40, len(whole) // 2):
        (tmp_path / "cut.exr").write_bytes(whole[:-cut])
        assert standing(tmp_path / "cut.exr", "digest") in (Standing.OURS, Standing.FOREIGN)


def test_an_exr_of_somebody_else_is_foreign(tmp_path: Path) -> None:
    assert standing(_exr(tmp_path / "a.exr", None), "") is Standing.FOREIGN
    assert standing(_exr(tmp_path / "b.exr", ""), "") is Standing.FOREIGN


@given(st.binary(max_size=300))
def test_garbage_is_foreign_and_nothing_worse(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("garbage") / "a.exr"
    for start in (b"", b"\x76\x2f\x31\x01", b"\x76\x2f\x31\x01\x02\0\0\0"):
        path.write_bytes(start + content)
        assert standing(path, "d") is Standing.FOREIGN


@given(position=st.integers(8, 600), value=st.integers(0, 255))
def test_a_broken_header_never_raises(tmp_path_factory: pytest.TempPathFactory, position: int, value: int) -> None:
    folder = tmp_path_factory.getbasetemp()
    if not (folder / "whole.exr").exists():
        _exr(folder / "whole.exr", "digest")
    content = bytearray((folder / "whole.exr").read_bytes())
    content[position] = value
    (folder / "broken.exr").write_bytes(content)
    assert standing(folder / "broken.exr", "digest") in set(Standing)


@pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")
def test_a_link_to_nowhere_and_a_pipe_are_foreign(tmp_path: Path) -> None:
    (tmp_path / "link.exr").symlink_to(tmp_path / "nowhere.exr")
    assert standing(tmp_path / "link.exr", "d") is Standing.FOREIGN
    os.mkfifo(tmp_path / "pipe.exr")
    assert standing(tmp_path / "pipe.exr", "d") is Standing.FOREIGN


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match="is a folder"):
        standing(tmp_path, "d")


def test_an_output_that_is_an_input_is_refused_by_name_and_word(tmp_path: Path) -> None:
    plate = tmp_path / "plate.1001.exr"
    plate.touch()
    with pytest.raises(SequenceError, match=r"plate\.1001\.exr is the job's own plate; choose another name"):
        refuse_inputs([tmp_path / "out.exr", plate], {plate: "plate"})
    with pytest.raises(SequenceError, match="the same file as"):
        refuse_inputs([tmp_path / "x" / ".." / "plate.1001.exr"], {plate: "plate"})
    refuse_inputs([tmp_path / "out.exr"], {plate: "plate"})


@pytest.mark.skipif(os.name == "nt", reason="needs links")
@pytest.mark.parametrize("kind", ["symbolic", "hard", "folder"])
def test_an_output_that_leads_to_an_input_is_refused(tmp_path: Path, kind: str) -> None:
    key = tmp_path / "in" / "key.png"
    key.parent.mkdir()
    key.touch()
    output = tmp_path / "out.png"
    if kind == "symbolic":
        output.symlink_to(key)
    elif kind == "hard":
        output.hardlink_to(key)
    else:
        (tmp_path / "other").symlink_to(key.parent)
        output = tmp_path / "other" / "key.png"
    with pytest.raises(SequenceError, match="own key"):
        refuse_inputs([output], {key: "key"})
