import os
import time
from pathlib import Path

import pytest
from world import ref_of

from impasto.server.errors import FrameError, NoRoom
from impasto.server.jobs.inputs.held import MOST
from impasto.server.jobs.inputs.path_maps import PathMaps
from impasto.server.jobs.inputs.places import Places
from impasto.server.jobs.records.cache import Cache
from impasto.v1.job_pb2 import JobSpec
from impasto.v1.plate_pb2 import FileRef, FrameFile


@pytest.fixture
def root(tmp_path):
    (tmp_path / "show").mkdir()
    return tmp_path / "show"


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache", 1 << 24, tmp_path / "uploads")


@pytest.fixture
def places(root, cache, tmp_path):
    made = Places((root,), cache, tmp_path / "frames")
    yield made
    made.close()


def spec_of(*refs):
    spec = JobSpec()
    for number, ref in enumerate(refs, 1):
        spec.plate.files.append(FrameFile(frame=number, file=ref))
    return spec


def test_a_file_under_a_root_is_used_in_place(places, root):
    (root / "a").write_bytes(b"a")
    ref = ref_of(root / "a")
    assert places.missing(spec_of(ref)) == []
    assert places.local(ref).read_bytes() == b"a"
    assert places.local(ref).name == "a"
    assert places.plain(f"{places.local(ref)} is odd") == f"{root / 'a'} is odd"


def test_files_outside_the_roots_are_not_touched_by_any_name(places, root, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"s")
    (root / "link").symlink_to(secret)
    (root / "folder").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    for name in (
        str(secret),
        f"{root}/../secret",
        str(root / "link"),
        str(root / "folder" / "secret"),
        str(root / "pipe"),
        str(root),
        "show/a",
        "C:/Windows/System32/config/SAM",
        "C:secret",
        "\\\\server\\share\\secret",
        f"\\\\?\\{secret}",
        f"{root}\\..\\secret",
        f"{root}//..//secret",
        f"/proc/self/root{secret}",
        f"file://{secret}",
        "/dev/zero",
        "",
        "/dev/null",
        f"{root}/\0",
        str(root) + "x/secret",
    ):
        ref = FileRef(sha256=ref_of(secret).sha256, size=1, path=name)
        assert places.in_place(name) is None, name
        assert places.missing(spec_of(ref)) == [ref.sha256]


def test_a_root_that_is_a_link_is_followed(root, cache, tmp_path):
    (tmp_path / "mount").symlink_to(root)
    (root / "a").write_bytes(b"a")
    places = Places((tmp_path / "mount",), cache, tmp_path / "frames")
    assert places.in_place(str(tmp_path / "mount" / "a")) == root / "a"
    places.close()


def test_a_file_that_changed_or_went_fails_its_frame(places, root):
    file = root / "a"
    file.write_bytes(b"a")
    ref = ref_of(file)
    file.write_bytes(b"b")
    with pytest.raises(FrameError, match="changed") as caught:
        places.local(ref)
    assert caught.value.reason == "FILE_CHANGED"
    file.unlink()
    with pytest.raises(FrameError, match="gone") as caught:
        places.local(ref)
    assert caught.value.reason == "FILE_GONE"


def test_an_uploaded_file_is_found_and_a_damaged_one_is_not(places, cache, tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    ref = ref_of(tmp_path / "a")
    assert places.missing(spec_of(ref, ref)) == [ref.sha256]
    cache.receive(ref.sha256, 1, 0, [b"a"])
    assert places.missing(spec_of(ref)) == []
    assert places.local(ref).read_bytes() == b"a"
    places.local(ref).write_bytes(b"bb")
    with pytest.raises(FrameError, match="gone"):
        places.local(ref)


def test_a_file_of_another_size_under_a_root_is_asked_for(places, root):
    (root / "a").write_bytes(b"a")
    ref = ref_of(root / "a")
    ref.size = 2
    assert places.missing(spec_of(ref)) == [ref.sha256]


def test_frames_go_where_they_are_asked_for_only_under_a_root(places, root, tmp_path):
    spec = JobSpec()
    spec.output.pattern = str(root / "out" / "o.####.exr")
    assert places.target("id", spec, 7, "") == root / "out" / "o.0007.exr"
    assert (root / "out").is_dir()
    (root / "escape").symlink_to(tmp_path)
    for pattern in (tmp_path / "o.####.exr", root / ".." / "o.####.exr", root / "escape" / "o.####.exr", "o.####.exr"):
        spec.output.pattern = str(pattern)
        assert places.target("id", spec, 7, "") == tmp_path / "frames" / "id" / "0007.exr"
    assert places.target("id", spec, -3, "../left") == tmp_path / "frames" / "id" / ".._left.-003.exr"


def test_a_folder_that_cannot_be_made_fails_the_frame(places, root):
    (root / "file").write_bytes(b"")
    spec = JobSpec()
    spec.output.pattern = str(root / "file" / "o.####.exr")
    with pytest.raises(FrameError) as caught:
        places.target("id", spec, 7, "")
    assert caught.value.reason == "OUTPUT_UNWRITABLE"


def test_a_folder_that_becomes_a_link_out_of_the_root_does_not_stand(places, root, tmp_path):
    spec = JobSpec()
    spec.output.pattern = str(root / "out" / "o.####.exr")
    target = places.target("id", spec, 7, "")
    target.write_bytes(b"frame")
    assert places.stands(target)
    (root / "out").rename(tmp_path / "elsewhere")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    assert not places.stands(target)
    assert places.stands(tmp_path / "frames" / "id" / "0007.exr")


def test_clients_on_other_systems_name_files_their_way(root, cache, tmp_path):
    places = Places((root,), cache, tmp_path / "frames", PathMaps([f"P:/show={root}"]))
    (root / "a").write_bytes(b"a")
    assert places.in_place("P:\\show\\a") == root / "a"
    assert places.in_place("P:\\show\\..\\secret") is None
    spec = JobSpec()
    spec.output.pattern = "P:/show/out/o.####.exr"
    assert places.target("id", spec, 7, "") == root / "out" / "o.0007.exr"
    places.close()


def test_what_is_read_is_what_was_checked_whatever_its_name_becomes(places, root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_bytes(b"secret")
    (root / "folder").mkdir()
    (root / "folder" / "a").write_bytes(b"a")
    path = places.local(ref_of(root / "folder" / "a"))
    (root / "folder").rename(root / "aside")
    (root / "folder").symlink_to(tmp_path / "elsewhere")  # between the look and the reading
    assert path.read_bytes() == b"a"
    (root / "folder").unlink()
    (root / "aside").rename(root / "folder")
    assert places.local(ref_of(root / "folder" / "a")) == path  # the same file again


def test_a_link_put_between_the_finding_and_the_opening_is_not_followed(places, root, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    secret = tmp_path / "elsewhere" / "a"
    secret.write_bytes(b"a")  # the very content that is named: even so it is not touched
    (root / "folder").mkdir()
    (root / "folder" / "a").write_bytes(b"a")
    ref = ref_of(root / "folder" / "a")
    found = places.in_place(ref.path)
    (root / "folder" / "a").unlink()
    (root / "folder").rmdir()
    for swap in (lambda: (root / "folder").symlink_to(tmp_path / "elsewhere"), lambda: last_part(root, secret)):
        swap()
        monkeypatch.setattr(places, "in_place", lambda path: found)
        with pytest.raises(FrameError, match="cannot be read") as caught:
            places.local(ref)
        assert caught.value.reason == "FILE_GONE"


def last_part(root, secret):
    (root / "folder").unlink()
    (root / "folder").mkdir()
    (root / "folder" / "a").symlink_to(secret)


def test_a_file_written_to_while_it_is_read_is_another_path_also_when_its_content_is_put_back(places, root):
    (root / "a").write_bytes(b"a")
    ref = ref_of(root / "a")
    before = places.local(ref)
    time.sleep(0.05)  # file systems keep time coarsely
    (root / "a").write_bytes(b"b")
    (root / "a").write_bytes(b"a")
    assert places.local(ref) != before


def test_a_file_that_nobody_asks_for_is_let_go_so_that_a_disk_can_be_unmounted(places, root):
    (root / "a").write_bytes(b"a")
    ref = ref_of(root / "a")
    before = places.local(ref)
    places.rest(60)
    assert places.local(ref) == before
    places.rest(0)
    assert not before.exists()
    assert places.local(ref).read_bytes() == b"a"


def test_only_so_many_files_are_held_open(places, root):
    for number in range(MOST + 40):
        (root / str(number)).write_bytes(b"%d" % number)
        assert places.local(ref_of(root / str(number))).read_bytes() == b"%d" % number
    assert held_below(root) == MOST


def held_below(folder):
    handles = [link for link in Path("/proc/self/fd").iterdir() if link.is_file()]
    return sum(handle.readlink().is_relative_to(folder) for handle in handles)


def test_a_file_for_which_no_name_can_be_made_is_closed_again(places, root, tmp_path):
    (root / "a").write_bytes(b"a")
    (tmp_path / "held").write_bytes(b"")  # as where the state's disk is full: no folder can be made in it
    with pytest.raises(NoRoom, match="free space") as caught:
        places.local(ref_of(root / "a"))
    assert caught.value.reason == "DISK_FULL"
    assert held_below(root) == 0
    (tmp_path / "held").unlink()
    assert places.local(ref_of(root / "a")).read_bytes() == b"a"
