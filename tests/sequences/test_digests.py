from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from impasto.sequences import Digests, SequenceError


def _aged(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    os.utime(path, (1e9, 1e9))
    return path


def _remembered(folder: Path, path: Path) -> str | None:
    """What the memory says of a file, without reading it."""
    digests = Digests(folder)
    facts = path.stat()
    try:
        return digests._recall((str(path), facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns))
    finally:
        digests.close()


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of change cannot be set, so files count as settled at once."""
    monkeypatch.setattr("impasto.sequences.digests.SETTLED", -1.0)


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    path = _aged(tmp_path / "a b é.exr", b"paint" * 300_000)
    found = Digests(None).of(path)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found.size, found.path) == (1_500_000, path)


@pytest.mark.usefixtures("settled")
def test_a_settled_file_is_remembered_by_the_next_run(tmp_path: Path) -> None:
    path = _aged(tmp_path / "a.exr", b"1")
    first = Digests(tmp_path / "cache")
    sha256 = first.of(path).sha256
    first.close()
    assert _remembered(tmp_path / "cache", path) == sha256


def test_a_young_file_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    path.write_bytes(b"1")
    Digests(tmp_path / "cache").of(path)
    assert _remembered(tmp_path / "cache", path) is None


@pytest.mark.usefixtures("settled")
def test_a_file_changed_within_its_size_and_time_is_still_seen(tmp_path: Path) -> None:
    path = _aged(tmp_path / "a.exr", b"1")
    digests = Digests(tmp_path / "cache")
    before = digests.of(path).sha256
    _aged(path, b"2")
    assert digests.of(path).sha256 != before


def test_many_are_found_at_once_each_under_the_path_asked(tmp_path: Path) -> None:
    paths = [_aged(tmp_path / str(number), bytes([number])) for number in range(9)]
    found = Digests(tmp_path / "cache").of_all([*paths, paths[0]])
    assert [found[path].sha256 for path in paths] == [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def test_a_memory_that_is_broken_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "digests.sqlite").write_bytes(b"not a database" * 100)
    path = _aged(tmp_path / "a", b"1")
    assert Digests(tmp_path).of(path).sha256 == hashlib.sha256(b"1").hexdigest()
    (tmp_path / "file").touch()
    assert Digests(tmp_path / "file").of(path).size == 1


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(SequenceError, match=r"gone\.exr cannot be read"):
        Digests(None).of(tmp_path / "gone.exr")


_HASH_ALL = """
import sys, pathlib
from impasto.sequences import Digests
folder = pathlib.Path(sys.argv[1])
digests = Digests(folder / "cache")
print(*[digests.of(path).sha256 for path in sorted(folder.glob("*.exr"))])
"""


def test_several_processes_share_one_memory(tmp_path: Path) -> None:
    paths = sorted(_aged(tmp_path / f"{number}.exr", bytes([number])) for number in range(20))
    time.sleep(2.1)
    runs = [
        subprocess.Popen([sys.executable, "-c", _HASH_ALL, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [run.communicate(timeout=60)[0].split() for run in runs]
    assert answers == [[hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]] * 3
    assert all(_remembered(tmp_path / "cache", path) for path in paths)
