import errno
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from impasto.server.errors import BadRequest, NoRoom, NotReady
from impasto.server.jobs.records.cache import GRACE, KEPT_ARRAYS, STALE, Cache

MIB = 1 << 20


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", 64 * MIB, tmp_path / "uploads")


def other(cache, tmp_path):
    """Another process's view of the same cache."""
    return Cache(cache.folder, cache.most, tmp_path / "other-uploads")


def name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(cache, content: bytes, age: float = 0) -> str:
    cache.receive(name(content), len(content), 0, [content])
    used = time.time() - age
    os.utime(cache.file(name(content)), (used, used))
    return name(content)


def test_an_upload_becomes_a_file_of_its_content(cache, tmp_path):
    content = os.urandom(3000)
    assert cache.receive(name(content), 3000, 0, [content[:1000], content[1000:]]) == 3000
    assert cache.file(name(content)).read_bytes() == content
    assert other(cache, tmp_path).checked(name(content)) is not None
    assert cache.received(name(content)) == 0
    assert cache.file("0" * 64) is None


def test_an_upload_goes_on_where_it_broke_off(cache):
    content = os.urandom(3000)

    def broken():
        yield content[:1000]
        raise EOFError("the line broke")

    with pytest.raises(EOFError):
        cache.receive(name(content), 3000, 0, broken())
    assert cache.received(name(content)) == 1000
    assert cache.file(name(content)) is None
    assert cache.receive(name(content), 3000, 1000, [content[1000:]]) == 3000
    assert cache.checked(name(content)).read_bytes() == content


def test_an_upload_may_begin_before_what_has_arrived_but_not_behind(cache):
    content = b"abcdefgh"
    assert cache.receive(name(content), 8, 0, [b"abcd"]) == 4
    with pytest.raises(BadRequest, match="ask FindMissing") as caught:
        cache.receive(name(content), 8, 5, [b"fgh"])
    assert caught.value.metadata == {"received": "4"}
    assert cache.receive(name(content), 8, 2, [b"cdefgh"]) == 8


def test_other_content_than_was_named_is_refused_and_forgotten(cache):
    with pytest.raises(BadRequest) as caught:
        cache.receive(name(b"right"), 5, 0, [b"wrong"])
    assert caught.value.reason == "UPLOAD_CORRUPT"
    assert cache.received(name(b"right")) == 0
    assert cache.file(name(b"right")) is None


def test_more_bytes_than_were_named_are_refused(cache):
    with pytest.raises(BadRequest, match="More than the 5"):
        cache.receive(name(b"right"), 5, 0, [b"righ", b"teous"])


def test_a_file_larger_than_the_cache_is_refused_before_it_is_sent(cache):
    with pytest.raises(NoRoom) as caught:
        cache.receive("0" * 64, 65 * MIB, 0, iter(()))
    assert caught.value.reason == "CACHE_TOO_SMALL"


def test_two_may_send_the_same_content_at_once(cache):
    content = os.urandom(50_000)

    def slowly():
        for at in range(0, len(content), 1000):
            yield content[at : at + 1000]

    with ThreadPoolExecutor(8) as senders:
        sent = [senders.submit(cache.receive, name(content), 50_000, 0, slowly()) for _ in range(8)]
    assert [one.result() for one in sent] == [50_000] * 8
    assert cache.checked(name(content)).read_bytes() == content


def test_an_upload_reaches_a_cache_on_another_disk(cache, tmp_path, monkeypatch):
    replace = Path.replace

    def other_disk(path, target):
        if path.parent == tmp_path / "uploads":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", other_disk)
    held = put(cache, b"far away")
    assert cache.checked(held).read_bytes() == b"far away"
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_file_damaged_on_disk_is_a_miss(cache, tmp_path):
    held = put(cache, b"whole")
    cache.file(held).write_bytes(b"holes")
    assert other(cache, tmp_path).checked(held) is None
    assert cache.file(held) is None


@given(
    st.dictionaries(
        st.text("abcdefgh.uvxy_", min_size=1, max_size=8).filter(lambda text: text.strip(".")),
        hnp.arrays(
            st.sampled_from([np.float32, np.float16, np.int32, np.uint8, np.bool_]), hnp.array_shapes(max_side=4)
        ),
        max_size=3,
    )
)
@settings(max_examples=25, deadline=None)
def test_arrays_come_back_bit_for_bit(tmp_path_factory, arrays):
    folder = tmp_path_factory.mktemp("arrays")
    cache = Cache(folder / "c", 64 * MIB, folder / "u")
    cache.save("key/1", arrays)
    for reader in (cache, Cache(folder / "c", 64 * MIB, folder / "u")):
        found = reader.load("key/1")
        assert found.keys() == arrays.keys()
        for label, array in arrays.items():
            assert found[label].dtype == array.dtype
            assert found[label].tobytes() == array.tobytes()


def test_what_the_caller_does_to_arrays_is_not_kept(cache):
    mine = np.zeros(4, np.float32)
    cache.save("key", {"a": mine})
    mine[:] = 1
    cache.load("key")["a"][:] = 2
    assert not cache.load("key")["a"].any()


def test_objects_are_never_pickled(cache):
    with pytest.raises(ValueError, match="Object arrays"):
        cache.save("key", {"a": np.array([object()])})
    assert cache.load("key") is None
    assert not [path for path in cache.folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-7], lambda b: b"", lambda b: b[:200] + b"\xff" * 8 + b[208:], lambda b: b"x" * 99]
)
def test_a_damaged_entry_is_a_miss(cache, tmp_path, damage):
    cache.save("key", {"a": np.arange(100, dtype=np.float32)})
    (path,) = (path for path in (cache.folder / "arrays").rglob("*") if path.is_file())
    path.write_bytes(damage(path.read_bytes()))
    fresh = other(cache, tmp_path)
    assert fresh.load("key") is None
    fresh.save("key", {"a": np.arange(100, dtype=np.float32)})
    assert fresh.load("key")["a"][99] == 99


def test_memory_holds_a_bounded_number_of_entries(cache):
    for number in range(KEPT_ARRAYS + 5):
        cache.save(f"key{number}", {"a": np.full(10, number)})
    assert len(cache._kept) == KEPT_ARRAYS
    assert cache.load("key0")["a"][0] == 0


def test_what_was_used_longest_ago_goes_first_and_no_more_than_needed(tmp_path):
    cache = Cache(tmp_path / "c", 3 * MIB, tmp_path / "u")
    old, middle, new = (put(cache, os.urandom(MIB), GRACE * age) for age in (4, 3, 2))
    extra = put(cache, os.urandom(MIB // 2), GRACE * 2)
    assert cache.evict() in (0, MIB)
    there = [bool((tmp_path / "c/files" / file[:2] / file).exists()) for file in (old, middle, new, extra)]
    assert there == [False, True, True, True]


def test_files_of_a_running_job_and_fresh_ones_stay(tmp_path):
    cache = Cache(tmp_path / "c", MIB, tmp_path / "u")
    pinned = put(cache, os.urandom(MIB))
    cache.pin("job", [pinned])
    fresh = put(cache, os.urandom(MIB))
    path = cache.file(pinned)
    used = time.time() - GRACE * 9
    os.utime(path, (used, used))
    cache.evict()
    assert path.exists()
    assert cache.file(fresh) is not None
    cache.pin("job", [])
    os.utime(path, (used, used))
    cache.evict()
    assert not path.exists()


def test_files_in_use_are_kept_fresh_for_other_processes(cache, tmp_path):
    held = put(cache, b"held", GRACE * 5)
    path = next((cache.folder / "files").rglob(held))
    os.utime(path, (1, 1))
    cache.pin("job", [held])
    cache.touch_pinned()
    assert time.time() - path.stat().st_atime < 5


def test_what_a_killed_process_left_half_written_goes_after_a_day(cache):
    for age, stays in ((STALE + 9, False), (60, True)):
        left = cache.folder / "arrays" / "ab" / ".abc.1234"
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes(b"half")
        os.utime(left, (time.time() - age,) * 2)
        cache.evict()
        assert left.exists() == stays


def test_a_full_disk_is_told_with_the_folder(cache, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    monkeypatch.setattr("impasto.server.jobs.records.cache._beside", lambda _: Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(NoRoom, match="No space left") as caught:
        cache.save("key", {"a": np.zeros(100_000)})
    assert caught.value.reason == "DISK_FULL"


def test_a_cache_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotReady, match="--cache") as caught:
        Cache(tmp_path / "file" / "cache", MIB, tmp_path / "u")
    assert caught.value.reason == "CACHE_UNUSABLE"


def test_parts_of_files_that_nobody_waits_for_go_after_a_day(cache, tmp_path):
    for name in ("a" * 64, "b" * 64, "c" * 64):
        cache.receive(name, 9, 0, [b"part"])
    old = time.time() - 2 * 86400
    for name in ("a" * 64, "b" * 64):
        os.utime(cache.arriving(name), (old, old))
    cache.pin("job", ["b" * 64])
    assert cache.sweep_uploads() == 4
    assert [cache.received(letter * 64) for letter in "abc"] == [0, 4, 4]
