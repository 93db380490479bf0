"""The modules that know nothing of Nuke."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as some

from impasto.nuke import catalogue, command, events, following, jobfile, places, ranges, staleness, wishes
from impasto.nuke.errors import NodeError
from impasto.sequences import SequencePattern, parse_frames
from impasto.v1 import job_pb2


@given(some.sets(some.integers(-9999, 9999), min_size=1, max_size=50))
def test_a_range_written_is_read_back_here_and_by_the_command(frames: set[int]) -> None:
    text = ranges.write(frames)
    assert ranges.parse(text) == parse_frames(text) == tuple(sorted(frames))


@pytest.mark.parametrize("text", ["1-5", "1001-1100x2", "1001,1005", "-10--5", "-3", "7-7"])
def test_a_range_means_the_same_here_and_in_the_command(text: str) -> None:
    assert ranges.parse(text) == parse_frames(text)


@pytest.mark.parametrize("text", ["", "a", "5-1", "1-9x0", "1:5", "1-200000", "1..5"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(NodeError):
        ranges.parse(text)


@given(some.integers(-99999, 99999), some.sampled_from(["shot.####.exr", "shot.%04d.exr", "a.#.exr", "b.%d.exr"]))
def test_a_pattern_names_the_same_file_here_and_in_the_command(frame: int, pattern: str) -> None:
    assert places.path_of(f"/show/{pattern}", frame) == SequencePattern.parse(f"/show/{pattern}").path(frame).as_posix()


def test_views_stand_before_the_number_unless_they_are_named() -> None:
    assert places.with_view("result.####.exr") == "result.%V.####.exr"
    assert places.with_view("%v/result.####.exr") == "%v/result.####.exr"
    assert places.files_of("a.%V.####.exr", (1, 2), ("left", "right")) == [
        "a.left.0001.exr", "a.left.0002.exr", "a.right.0001.exr", "a.right.0002.exr",
    ]  # fmt: skip
    assert places.for_nuke("a.######.exr") == "a.%06d.exr"


@pytest.mark.parametrize("name", ["a.exr", "b/a.####.exr", "a.####.####.exr", "a.####.png"])
def test_a_file_name_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(NodeError):
        places.check_pattern(name)


def test_a_directory_is_claimed_by_one_node_and_given_back_by_deleting_the_claim(tmp_path: Path) -> None:
    folder = tmp_path.as_posix()
    places.claim(folder, places.Owner("/show/a.nk", "1", "One"))
    places.claim(folder, places.Owner("/show/b.nk", "1", "Renamed"))
    with pytest.raises(NodeError, match="belongs to the node Renamed"):
        places.claim(folder, places.Owner("/show/b.nk", "2", "Two"))
    (tmp_path / places.OWNER).write_text("{damaged")
    places.claim(folder, places.Owner("/show/b.nk", "2", "Two"))
    assert places.owner_of(folder)["node"] == "Two"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NodeError, match="cannot be written to"):
        places.claim((tmp_path / "file/below").as_posix(), places.Owner("", "1", "One"))


def test_paths_of_other_machines_are_mapped_by_whole_folders() -> None:
    pairs = places.path_map({"IMPASTO_PATH_MAP": "/mnt/show=Z:/show;broken"})
    assert pairs == (("/mnt/show", "Z:/show"),)
    assert places.mapped("/mnt/show/a.exr", pairs) == "Z:/show/a.exr"
    assert places.mapped("/mnt/showreel/a.exr", pairs) == "/mnt/showreel/a.exr"
    assert places.mapped("//server/show/a b/é.exr", (("//server/show", "/mnt/show"),)) == "/mnt/show/a b/é.exr"


def test_the_command_is_found_as_path_as_line_as_list_or_on_path(tmp_path: Path) -> None:
    program = tmp_path / "with space/impasto"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert command.find({"IMPASTO_COMMAND": str(program)}) == [str(program)]
    assert command.find({"IMPASTO_COMMAND": "rez env impasto -- impasto"}) == ["rez", "env", "impasto", "--", "impasto"]
    assert command.find({"IMPASTO_COMMAND": '["a b", "c"]'}) == ["a b", "c"]
    assert command.find({"PATH": str(program.parent)}) == [str(program)]
    for environment in ({"PATH": str(tmp_path)}, {"IMPASTO_COMMAND": "[broken"}):
        with pytest.raises(NodeError):
            command.find(environment)


def test_the_environment_is_scrubbed_but_for_what_is_to_be_kept() -> None:
    given_ = dict.fromkeys(
        ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "QT_PLUGIN_PATH", "NUKE_PATH", "IMPASTO_COMMAND", "DYLD_X"), "x"
    )
    stays = {"PATH": "p", "OCIO": "o", "IMPASTO_SERVER": "s", "HOME": "h"}
    clean = command.scrubbed({**given_, **stays})
    assert clean == {**stays, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    kept = command.scrubbed({**given_, "IMPASTO_KEEP_ENV": "LD_LIBRARY_PATH, NUKE_PATH"})
    assert {"LD_LIBRARY_PATH", "NUKE_PATH"} <= set(kept)


def test_a_server_reached_by_tls_is_named_with_its_authority() -> None:
    environment = {"IMPASTO_COMMAND": '["impasto"]', "IMPASTO_TLS_CA": "/studio/ca.pem"}
    named = following.Sending({**environment, "IMPASTO_SERVER": "box:50740"}, "", "log")
    assert named.line("job", "list") == ["impasto", "job", "list", "--tls-ca", "/studio/ca.pem"]
    assert following.Sending(environment, "", "log").line("doctor") == ["impasto", "doctor"], (
        "one's own server has none"
    )
    assert "IMPASTO_TLS_CA" not in named.clean


def test_lines_that_are_no_events_are_passed_over() -> None:
    for line in ("", "hello", "[1]", '{"a": 1}', "{"):
        assert events.read(line) is None
    assert events.read('{"schema": 1, "type": "new kind"}') == {"schema": 1, "type": "new kind"}
    assert events.sentence({"schema": 1, "type": "new kind"}) == "new kind"
    with pytest.raises(NodeError, match="schema 2"):
        events.read('{"schema": 2, "type": "state"}')


def snapshot(**changes: object) -> staleness.Snapshot:
    values = {"knobs": "k", "upstream": "u", "files": {"/a.exr": (1, 2)}, **changes}
    return staleness.Snapshot(**values)  # type: ignore[arg-type]


def test_staleness_says_what_is_known_and_no_more() -> None:
    then = json.loads(json.dumps(snapshot().values()))
    judged = {
        "fresh": staleness.judge(then, snapshot()),
        "knobs": staleness.judge(then, snapshot(knobs="other")),
        "above": staleness.judge(then, snapshot(upstream="other")),
        "file": staleness.judge(then, snapshot(files={"/a.exr": (1, 3)})),
        "unseen": staleness.judge(then, snapshot(files={"/a.exr": None})),
        "renamed": staleness.judge(then, snapshot(files={"/b.exr": (1, 2)})),
        "none": staleness.judge(None, snapshot()),
    }
    assert {name: judgement.state for name, judgement in judged.items()} == {
        "fresh": "fresh", "knobs": "stale", "above": "stale", "file": "stale", "unseen": "unverified",
        "renamed": "unverified", "none": "none",
    }  # fmt: skip


def test_long_sequences_are_looked_at_in_few_places_with_first_and_last(tmp_path: Path) -> None:
    found = staleness.look_at([(f"{tmp_path}/a.%04d.exr", 1, 5000)], ("main",), ())
    assert len(found) <= staleness.LOOKED_AT + 1
    assert {f"{tmp_path}/a.0001.exr", f"{tmp_path}/a.5000.exr"} <= set(found)
    (tmp_path / "one.png").write_bytes(b"12345")
    ((path, facts),) = staleness.look_at([(f"{tmp_path}/one.png", 1, 100)], (), ()).items()
    assert facts is not None
    assert (path, facts[0]) == (f"{tmp_path}/one.png", 5)


def wish(kind: str, task: object, **changes: object) -> wishes.Wish:
    values = {
        "node": f"Group1.{kind}1", "kind": kind, "task": task,
        "shot": wishes.Shot((1001, 1002, 1003), (1002,), ("main",)),
        "motion": wishes.Motion(wishes.MOTION_FILES, "/v/v.####.exr"), "passes": ("motion",), "colour": "ACEScg",
        "place": places.Place("/out", "r.####.exr", False), "compute": wishes.Compute("", "cpu", 2, "8G"), **changes,
    }  # fmt: skip
    return wishes.Wish(**values)  # type: ignore[arg-type]


def spec_of(wish: wishes.Wish) -> job_pb2.JobSpec:
    return json_format.Parse(json.dumps(jobfile.job(wish)), job_pb2.JobSpec())


def test_the_job_file_is_one_that_the_command_reads() -> None:
    keys = (wishes.Key(1002, 2.0, "1001-1002", "matte.a"), wishes.Key(9999))
    style = wishes.Style(1, wishes.LOOK_FILE, "/styles/monet.png", weight=0.5, mask="matte.a", frames="1001", fade=2)
    set_ = {
        "every": 4,
        "preserve_luminance": True,
        "statistics": "smoothed",
        "consistency": 0.75,
        "masks_guide": True,
        "scale_keys": True,
        "fill": "net",
        "fill_minutes": 8.0,
        "model": "swd",
        "parameters": {"content": 1.0},
    }
    spec = spec_of(wish("StyleTransfer", wishes.Look((style,), keys, 0.5, 2.0, 1.0, True, 7, **set_)))  # type: ignore[arg-type]
    (told_style,) = spec.stylize.styles
    assert (told_style.weight, told_style.mask.layer, told_style.frames, told_style.fade) == (0.5, "matte.a", "1001", 2)
    assert (spec.stylize.look, spec.stylize.look_parameters["content"], spec.stylize.statistics) == (
        "swd",
        1.0,
        "smoothed",
    )
    assert (spec.plate.shot, spec.plate.frames) == ("1001-1003", "1002")
    assert (spec.plate.pattern, spec.output.pattern) == ("/out/inputs/plate.####.exr", "/out/r.####.exr")
    told = [(key.frame, key.weight, key.hold, key.HasField("weight")) for key in spec.stylize.keys]
    assert told == [(1002, 2.0, "1001-1002", True), (9999, 0.0, "", False)], "one outside is for the command to refuse"
    assert spec.stylize.motion.files.pattern == "/v/v.####.exr"
    assert [key.mask.layer for key in spec.stylize.keys] == ["matte.a", ""]
    assert (spec.stylize.every, spec.stylize.consistency, spec.stylize.scale_keys) == (4, 0.75, True)
    assert (spec.stylize.fill, spec.stylize.fill_minutes) == ("net", 8.0)
    assert spec.stylize.masks_guide
    assert not spec.HasField("mattes")
    assert spec.compute.memory_bytes == 8 << 30
    assert (spec.colour.plate, spec.colour.key, spec.colour.style) == ("ACEScg", "ACEScg", "")


def test_the_job_files_of_the_other_nodes_are_read_too() -> None:
    measured = spec_of(wish("OpticalFlow", wishes.Measuring(), motion=wishes.Motion("dis")))
    assert (measured.motion.motion.model, list(measured.output.passes)) == ("dis", ["motion"])
    plate = spec_of(wish("OpticalFlow", wishes.Measuring(), motion=wishes.Motion("dis", "", "Z", "high"))).plate
    assert (plate.depth, plate.depth_near) == ("Z", "high")
    mattes = spec_of(wish("OcclusionMatte", wishes.Measuring(), mattes=wishes.Mattes(8.0, -1.5, 2.0, 3.0))).mattes
    assert (mattes.soft, mattes.erode, mattes.blur, mattes.gain) == (8.0, -1.5, 2.0, 3.0)
    picked = spec_of(wish("KeyPicker", wishes.Picking(0.9, 3, "1001")))
    assert (picked.keys.share, picked.keys.most, picked.keys.painted) == (0.9, 3, "1001")
    assert (picked.output.sheet, picked.output.pattern) == ("/out/keys.png", "")
    mapped = spec_of(wish("STMapFromKey", wishes.KeyMap(1002)))
    assert (mapped.stmap.key, mapped.stmap.motion.files.pattern) == (1002, "/v/v.####.exr")
    slow = wishes.Retiming(0.5, (), 2001, "auto", "nearest", False, True)
    slowed = spec_of(wish("FrameInterpolate", slow, shot=wishes.Shot((1001, 1002), (), ("main",)))).interpolate
    assert (slowed.speed, slowed.out_first, slowed.cuts) == (0.5, 2001, "nearest")
    assert slowed.paint.pattern == "/out/inputs/paint.####.exr"
    curve = spec_of(
        wish("FrameInterpolate", wishes.Retiming(None, ((1, 1001.0), (2, 1001.5)), None, "auto", "hold", True, False))
    )
    rows = [(row.output_frame, row.input_frame) for row in curve.interpolate.curve.rows]
    assert (rows, curve.interpolate.repair) == ([(1.0, 1001.0), (2.0, 1001.5)], True)
    assert not curve.interpolate.HasField("out_first")


def test_cuts_are_found_left_out_or_given() -> None:
    for cuts, told in (("detect", ("", [])), ("none", ("none", [])), ("1002,1003", ("given", [1002, 1003]))):
        shot = wishes.Shot((1001, 1002, 1003), (1002,), ("main",), cuts)
        plate = spec_of(wish("OpticalFlow", wishes.Measuring(), shot=shot, motion=wishes.Motion("dis"))).plate
        assert (plate.cuts, [cut.frame for cut in plate.given_cuts]) == told


def test_keys_may_count_more_or_less_or_only_somewhere() -> None:
    assert wishes.key_options("") == {}
    assert wishes.key_options("1006: weight 2, hold 1001-1020x2,1030; -3: hold 1-5 ;1020:weight 0.5") == {
        1006: wishes.Key(1006, 2.0, "1001,1003,1005,1007,1009,1011,1013,1015,1017,1019,1030"),
        -3: wishes.Key(-3, 1.0, "1-5"),
        1020: wishes.Key(1020, 0.5),
    }
    assert wishes.key_options("7: mask alpha; 8: hold 1-5, mask matte.a; 9: weight 2, hold 1,3, mask paint.red") == {
        7: wishes.Key(7, 1.0, "", "alpha"),
        8: wishes.Key(8, 1.0, "1-5", "matte.a"),
        9: wishes.Key(9, 2.0, "1,3", "paint.red"),
    }


@pytest.mark.parametrize(
    "text", ["1006", "1006:", "1006: heavy", "weight 2", "1006: hold 5-1", "1006: mask", "1006: mask a.b.c"]
)
def test_key_options_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(NodeError):
        wishes.key_options(text)


@pytest.mark.parametrize(("text", "size"), [("", 0), ("8G", 8 << 30), ("512M", 512 << 20), ("1.5GiB", 3 << 29)])
def test_sizes_of_memory(text: str, size: int) -> None:
    assert wishes.memory_bytes(text) == size


def test_what_is_no_size_is_refused() -> None:
    with pytest.raises(NodeError):
        wishes.memory_bytes("much")


def test_a_catalogue_of_another_schema_is_refused() -> None:
    for text in ("", "[]", '{"schema": 2}'):
        with pytest.raises(NodeError):
            catalogue.read(text)


def test_a_json_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = (tmp_path / "job.json").as_posix()
    places.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        places.write_json(path, {"a": object()})
    assert json.loads(Path(path).read_text()) == {"a": 1}
    assert os.listdir(tmp_path) == ["job.json"]  # noqa: PTH208
