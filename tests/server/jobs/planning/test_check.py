import math

import pytest

from impasto.server.errors import BadRequest, ImpastoError
from impasto.server.jobs.planning.check import check, refuse_writing_onto_inputs
from impasto.server.jobs.planning.spec import file_refs, motion_model
from impasto.server.models.style.presets import presets
from impasto.v1.job_pb2 import JobSpec, Key, Mask, MaskFiles, Style
from impasto.v1.plate_pb2 import FileRef, FrameFile

REF = FileRef(sha256="a" * 64, size=1, path="/show/a.exr")


def plate_job(first=1001, last=1004) -> JobSpec:
    spec = JobSpec()
    spec.plate.pattern, spec.plate.shot, spec.plate.frames = "/show/p.####.exr", f"{first}-{last}", f"{first}-{last}"
    for frame in range(first, last + 1):
        spec.plate.files.append(
            FrameFile(frame=frame, file=FileRef(sha256=f"{frame:064x}", size=1, path=f"/show/p.{frame}.exr"))
        )
    spec.output.pattern = "/out/o.####.exr"
    return spec


def paint_job() -> JobSpec:
    spec = plate_job()
    spec.stylize.keys.append(Key(frame=1002, file=REF))
    return spec


def motion_job() -> JobSpec:
    spec = plate_job()
    spec.motion.motion.plate = True
    return spec


def test_a_good_job_gives_its_frames():
    spec = motion_job()
    spec.plate.frames = "1001-1004x2"
    frames = check(spec)
    assert frames.shot == (1001, 1002, 1003, 1004)
    assert frames.wanted == (1001, 1003)


def test_missing_frames_are_no_reason_to_refuse():
    spec = motion_job()
    del spec.plate.files[1:3]
    assert check(spec).wanted == (1001, 1002, 1003, 1004)


def _style(**fields):
    return lambda spec: spec.stylize.styles.append(Style(name="/show/a.png", file=REF, **fields))


def _roto(*frames):
    files = [FrameFile(frame=frame, file=REF) for frame in frames]
    return Mask(files=MaskFiles(pattern="/show/m.####.exr", files=files))


def _knob(name, value):
    return lambda spec: spec.stylize.look_parameters.update({name: value})


def _two_keys(spec):
    spec.stylize.keys.append(spec.stylize.keys[0])


def _both_every_and_consistency(spec):
    spec.stylize.every, spec.stylize.consistency = 4, 0.5


def _video_too(spec):
    spec.plate.video.CopyFrom(REF)


def _twice(spec):
    spec.plate.files.append(spec.plate.files[0])


def _empty_motion(spec):
    spec.stylize.motion.files.pattern = "/show/m.####.exr"


def _set(path, value):
    def change(spec):
        *parents, name = path.split(".")
        at = spec
        for parent in parents:
            at = at[int(parent)] if parent.isdigit() else getattr(at, parent)
        if isinstance(value, Mask):
            getattr(at, name).CopyFrom(value)
        elif isinstance(value, list):
            at.ClearField(name)
            getattr(at, name).extend(value)
        else:
            setattr(at, name, value)

    return change


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        (lambda spec: spec.ClearField("stylize"), "KIND_MISSING", "stylize"),
        (lambda spec: spec.plate.ClearField("files"), "PLATE_EMPTY", "p.####.exr"),
        (_video_too, "PLATE_INVALID", "video"),
        (_set("plate.shot", ""), "FRAMES_MISSING", "shot"),
        (_set("plate.frames", ""), "FRAMES_MISSING", "frames wanted"),
        (_set("plate.frames", "1001:1003"), "RANGE_INVALID", "1001:1003"),
        (_set("plate.frames", "1003-1005"), "FRAMES_OUTSIDE_SHOT", "1005"),
        (_set("plate.shot", "1-200000"), "FRAMES_TOO_MANY", "200000"),
        (lambda s: (_set("plate.shot", "1-9")(s), _set("plate.frames", "1-9")(s)), "PLATE_EMPTY", "1-9"),
        (_set("plate.files.0.file.sha256", "A" * 64), "DIGEST_INVALID", "p.1001.exr"),
        (_twice, "FRAME_TWICE", "1001"),
        (_set("output.pattern", ""), "OUTPUT_INVALID", "output"),
        (_set("output.pattern", "/out/o.####.png"), "OUTPUT_INVALID", ".exr"),
        (_set("output.pattern", "/out/o.exr"), "OUTPUT_INVALID", "####"),
        (_set("output.pattern", "/out/1-3#.####.exr"), "OUTPUT_INVALID", "1-3#"),
        (_set("output.layer_prefix", "a.b"), "OUTPUT_INVALID", "a.b"),
        (_set("output.passes", ["motion", "depht"]), "PASS_UNKNOWN", "depht"),
        (_set("output.compression", "jpeg"), "COMPRESSION_UNKNOWN", "jpeg"),
        (_set("plate.depth_near", "far"), "DEPTH_INVALID", "near=low or near=high"),
        (lambda s: (_set("plate.depth", "none")(s), _set("plate.depth_near", "low")(s)), "DEPTH_INVALID", "near="),
        (
            lambda s: (_set("plate.depth", "none")(s), _set("output.passes", ["depth"])(s)),
            "DEPTH_MISSING",
            "pass depth",
        ),
        (_set("mattes.soft", -1.0), "VALUE_INVALID", "Matte-soft is -1"),
        (_set("mattes.erode", 101.0), "VALUE_INVALID", "between -100 and 100"),
        (_set("mattes.blur", math.inf), "VALUE_INVALID", "Matte-blur is inf"),
        (_set("mattes.gain", math.nan), "VALUE_INVALID", "Matte-gain is nan"),
        (_set("compute.device", "tpu"), "DEVICE_UNKNOWN", "tpu"),
        (_set("compute.threads", -2), "VALUE_INVALID", "-2"),
        (_set("compute.precision", "int4"), "PRECISION_UNKNOWN", "int4"),
        (_empty_motion, "MOTION_EMPTY", "m.####.exr"),
        (_set("stylize.motion.model", "warp9"), "MODEL_UNKNOWN", "warp9"),
        (lambda spec: spec.stylize.ClearField("keys"), "LOOK_MISSING", "--style"),
        (_style(weight=math.nan), "VALUE_INVALID", "weight nan"),
        (_style(weight=-1), "VALUE_INVALID", "0 or more"),
        (_style(weight=0), "VALUE_INVALID", "Every style has the weight 0"),
        (_style(weight=2, mask=Mask(layer="matte")), "VALUE_INVALID", "between 0 and 1, as it has a mask"),
        (_style(frames="1..2"), "RANGE_INVALID", "style /show/a.png"),
        (_style(frames="1-5"), "RANGE_INVALID", "none of which is in the shot"),
        (_style(mask=Mask()), "MASK_EMPTY", "neither a layer nor files"),
        (_style(mask=Mask(files=MaskFiles(pattern="/show/m.####.exr"))), "MASK_EMPTY", "m.####.exr"),
        (_style(frames="1003", mask=_roto(1001, 1002)), "MASK_MISSING", "no frame 1003"),
        (_set("stylize.mask", _roto(1001, 1002, 1004)), "MASK_MISSING", "no frame 1003"),
        (_set("stylize.mask", _roto(1001, 1001)), "FRAME_TWICE", "1001"),
        (_set("stylize.look", "cubism"), "MODEL_UNKNOWN", "swd"),
        (_set("stylize.look", "johnson"), "LOOK_INVALID", "paint after no picture"),
        (_knob("contents", 0.5), "VALUE_INVALID", "it has: content"),
        (_knob("content", 3), "VALUE_INVALID", "between 0 and 1"),
        (_set("stylize.statistics", "thawed"), "VALUE_INVALID", "frozen"),
        (_set("stylize.styles", [Style(name="mosaik")]), "STYLE_UNKNOWN", "mosaik"),
        (_set("stylize.strength", 1.5), "VALUE_INVALID", "Strength is 1.5"),
        (_set("stylize.strength", float("nan")), "VALUE_INVALID", "Strength is nan"),
        (_set("stylize.relight", -0.5), "VALUE_INVALID", "Relight"),
        (_set("stylize.consistency", 1.5), "VALUE_INVALID", "Consistency is 1.5"),
        (_both_every_and_consistency, "VALUE_INVALID", "leave out one"),
        (_set("stylize.style_scale", 0.0), "VALUE_INVALID", "Style-scale"),
        (_set("stylize.keys.0.frame", 999), "KEY_OUTSIDE_SHOT", "999"),
        (_two_keys, "FRAME_TWICE", "1002"),
        (_set("stylize.keys.0.weight", 0.0), "VALUE_INVALID", "weight 0"),
        (_set("stylize.keys.0.hold", "1001-"), "RANGE_INVALID", "1001-"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence_that_names_it(change, reason, words):
    spec = paint_job()
    change(spec)
    with pytest.raises(ImpastoError) as caught:
        check(spec)
    assert caught.value.reason == reason
    assert words in caught.value.message
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message


def test_a_preset_is_a_style_without_a_file():
    spec = paint_job()
    spec.stylize.styles.append(Style(name=next(iter(presets()))))
    check(spec)


def test_keys_come_first_then_frames_spread_over_the_shot():
    spec = plate_job(1, 100)
    spec.stylize.keys.append(Key(frame=50, file=REF))
    refs = [ref for _, ref in file_refs(spec)]
    assert refs[0] == REF
    assert [int(ref.sha256, 16) for ref in refs[1:4]] == [1, 8, 14]
    assert int(refs[16].sha256, 16) == 100
    assert len(refs) == 101
    assert len({ref.sha256 for ref in refs}) == 101


def test_motion_is_computed_unless_it_is_given():
    spec = paint_job()
    assert motion_model(spec) == "facets"
    spec.stylize.motion.model = "deepflow"
    assert motion_model(spec) == "deepflow"
    assert motion_model(motion_job()) == ""


def test_writing_onto_an_input_is_refused_also_through_links(tmp_path):
    plate, key = tmp_path / "p.1001.exr", tmp_path / "key.exr"
    plate.write_bytes(b"p")
    key.write_bytes(b"k")
    spec = plate_job(1001, 1001)
    spec.plate.files[0].file.path = str(plate)
    spec.stylize.keys.append(Key(frame=1001, file=FileRef(sha256="b" * 64, path=str(key))))
    (tmp_path / "hard.1001.exr").hardlink_to(plate)
    (tmp_path / "soft.1001.exr").symlink_to(key)
    (tmp_path / "sub").mkdir()
    for name in ("p.####.exr", "hard.####.exr", "soft.####.exr", "sub/../p.####.exr"):
        spec.output.pattern = str(tmp_path / name)
        with pytest.raises(BadRequest) as caught:
            refuse_writing_onto_inputs(spec, (1001,), ("",))
        assert caught.value.reason == "OUTPUT_IS_INPUT"
    spec.output.pattern = str(tmp_path / "new.####.exr")
    refuse_writing_onto_inputs(spec, (1001,), ("",))


@pytest.mark.parametrize("where", ["plate", "output", "file"])
def test_a_path_that_no_system_can_hold_is_refused(where):
    spec = motion_job()
    if where == "file":
        spec.plate.files[0].file.path = "/show/\0a.exr"
    else:
        getattr(spec, where).pattern = "/show/\0.####.exr"
    with pytest.raises(BadRequest) as caught:
        check(spec)
    assert caught.value.reason == "FILES_INVALID"
