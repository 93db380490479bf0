import pytest

from impasto.server.errors import ImpastoError
from impasto.server.jobs.planning.check import check
from impasto.server.jobs.planning.check_times import interpolation_models
from impasto.server.jobs.planning.plan import make_plan
from impasto.server.jobs.planning.spec import file_refs
from impasto.v1.job_pb2 import JobSpec, TimeList
from impasto.v1.plate_pb2 import FileRef, FrameFile


def job(**interpolate) -> JobSpec:
    spec = JobSpec()
    spec.plate.pattern, spec.plate.shot, spec.plate.frames = "/show/p.####.exr", "1001-1004", "1001-1004"
    for frame in range(1001, 1005):
        file = FileRef(sha256=f"{frame:064x}", size=1, path=f"/show/p.{frame}.exr")
        spec.plate.files.append(FrameFile(frame=frame, file=file))
    spec.output.pattern = "/out/o.####.exr"
    spec.interpolate.SetInParent()
    for name, value in interpolate.items():
        if name in ("at", "paint"):
            getattr(spec.interpolate, name).CopyFrom(value)
        else:
            setattr(spec.interpolate, name, value)
    return spec


def test_frames_wanted_are_those_of_the_output():
    spec = job(factor=2)
    spec.plate.frames = "1001-1007"
    frames = check(spec)
    assert frames.shot == (1001, 1002, 1003, 1004)
    assert frames.wanted == tuple(range(1001, 1008))


def test_paint_is_among_the_files_of_the_job():
    spec = job(factor=2)
    spec.interpolate.paint.files.add(frame=1001, file=FileRef(sha256="c" * 64, path="/show/painted.1001.exr"))
    assert ("painted frame", "c" * 64) in [(word, ref.sha256) for word, ref in file_refs(spec)]


def _passes(spec):
    spec.output.passes.append("motion")


def _out_colour(spec):
    spec.colour.out = "ACEScg"


def _estimated_depth(spec):
    spec.plate.depth = "tcmonodepth-small"


def _paint_without_files(spec):
    spec.interpolate.paint.pattern = "painted.####.exr"


def _paint_twice(spec):
    for _ in range(2):
        spec.interpolate.paint.files.add(frame=1001, file=FileRef(sha256="c" * 64))


def _beyond(spec):
    spec.plate.frames = "1008"


def _one_frame(spec):
    spec.plate.shot = spec.plate.frames = "1001"


@pytest.mark.parametrize(
    ("wish", "spoil", "reason"),
    [
        ({}, None, "TIMING_MISSING"),
        ({"speed": 0.0}, None, "TIMING_INVALID"),
        ({"at": TimeList(times=[1004.5])}, None, "TIMING_INVALID"),
        ({"factor": 2}, _one_frame, "TIMING_INVALID"),
        ({"factor": 2}, _beyond, "FRAMES_OUTSIDE_SHOT"),
        ({"factor": 2, "cuts": "fade"}, None, "VALUE_INVALID"),
        ({"factor": 2, "model": "nonsense"}, None, "MODEL_UNKNOWN"),
        ({"factor": 2, "model": "dis"}, None, "MODEL_UNKNOWN"),
        ({"factor": 2}, _paint_without_files, "PAINT_EMPTY"),
        ({"factor": 2}, _paint_twice, "FRAME_TWICE"),
        ({"factor": 2}, _passes, "PASS_UNKNOWN"),
        ({"factor": 2}, _out_colour, "VALUE_INVALID"),
        ({"factor": 2}, _estimated_depth, "DEPTH_INVALID"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(wish, spoil, reason):
    spec = job(**wish)
    if spoil is not None:
        spoil(spec)
    with pytest.raises(ImpastoError) as caught:
        check(spec)
    assert caught.value.reason == reason
    assert "\n" not in caught.value.message


def test_the_digest_knows_every_moment_but_not_how_it_was_named(config_of):
    def digest(**wish):
        return make_plan(job(**wish), config_of, None).digest

    assert digest(speed=0.5) == digest(factor=2)
    assert digest(factor=2, cuts="hold") == digest(factor=2) == digest(factor=2, model="auto")
    others = [digest(factor=3), digest(factor=2, cuts="nearest"), digest(factor=2, repair=True)]
    assert len({digest(factor=2), digest(factor=2, out_first=1000), *others}) == 5


def test_splats_are_always_at_hand(monkeypatch, tmp_path):
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(tmp_path))
    assert interpolation_models(job(factor=2))[-1] == "splat"
    assert interpolation_models(job(factor=2, model="splat")) == ("splat",)


@pytest.fixture
def config_of(tmp_path):
    from impasto.server.config import ServerConfig

    return ServerConfig(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache", device="cpu")
