import numpy as np
import pytest

from impasto.server import plates
from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest, NotFound
from impasto.server.jobs.planning.devices import device_kind, resolve_device
from impasto.server.jobs.planning.plan import Plan, make_plan
from impasto.server.models import catalogue, weights
from impasto.v1.job_pb2 import JobSpec, Key, Style
from impasto.v1.plate_pb2 import FileRef, FrameFile

CONFIG = ServerConfig(device="cpu", threads=2)


def job(views=("",), out="/out/o.####.exr") -> JobSpec:
    spec = JobSpec()
    spec.plate.pattern, spec.plate.shot, spec.plate.frames = "/show/p.####.exr", "1-4", "1-4"
    for frame in range(1, 5):
        for view in views:
            sha256 = f"{frame:063x}{len(view)}"
            spec.plate.files.append(FrameFile(frame=frame, view=view, file=FileRef(sha256=sha256, path="/p")))
    spec.output.pattern = out
    spec.stylize.keys.append(Key(frame=2, file=FileRef(sha256="e" * 64)))
    return spec


def header(views=("",), size=100, channels=4):
    window = plates.Window(0, 0, size, size)
    kinds = dict.fromkeys("RGBA"[:channels], np.dtype(np.float16))
    return plates.Header(kinds, window, window, views=views)


def test_a_plan_is_kept_as_text_and_read_back():
    plan = make_plan(job(), CONFIG, header())
    assert Plan.from_json(plan.to_json()) == plan
    shown = plan.to_proto(["a" * 64])
    assert (shown.shot, shown.frames, list(shown.missing)) == ("1-4", "1-4", ["a" * 64])
    assert plan.total == 4


def _plate_content(spec):
    spec.plate.files[0].file.sha256 = "f" * 64


def _style(spec):
    spec.stylize.styles.append(Style(file=FileRef(sha256="c" * 64)))


CHANGES = {
    "plate content": _plate_content,
    "a frame less": lambda spec: spec.plate.files.pop(),
    "key content": lambda spec: setattr(spec.stylize.keys[0].file, "sha256", "0" * 64),
    "key frame": lambda spec: setattr(spec.stylize.keys[0], "frame", 3),
    "key weight": lambda spec: setattr(spec.stylize.keys[0], "weight", 2),
    "key hold": lambda spec: setattr(spec.stylize.keys[0], "hold", "1-2"),
    "style": _style,
    "strength": lambda spec: setattr(spec.stylize, "strength", 0.5),
    "scale": lambda spec: setattr(spec.stylize, "style_scale", 2),
    "consistency": lambda spec: setattr(spec.stylize, "consistency", 0.5),
    "relight": lambda spec: setattr(spec.stylize, "relight", 0),
    "hues": lambda spec: setattr(spec.stylize, "preserve_colour", True),
    "light": lambda spec: setattr(spec.stylize, "preserve_luminance", True),
    "look": lambda spec: setattr(spec.stylize, "look", "microast"),
    "look parameter": lambda spec: spec.stylize.look_parameters.update({"content": 0.4}),
    "statistics": lambda spec: setattr(spec.stylize, "statistics", "smoothed"),
    "compile": lambda spec: setattr(spec.stylize, "compile", True),
    "mask": lambda spec: setattr(spec.stylize.mask, "layer", "matte"),
    "seed": lambda spec: setattr(spec.stylize, "seed", 7),
    "motion model": lambda spec: setattr(spec.stylize.motion, "model", "deepflow"),
    "motion given": lambda spec: setattr(spec.stylize.motion, "plate", True),
    "passes": lambda spec: spec.output.passes.append("motion"),
    "depth": lambda spec: setattr(spec.plate, "depth", "none"),
    "depth's direction": lambda spec: setattr(spec.plate, "depth_near", "high"),
    "matte": lambda spec: setattr(spec.mattes, "erode", 1),
    "a matte's gain of nothing": lambda spec: setattr(spec.mattes, "gain", 0),
    "compression": lambda spec: setattr(spec.output, "compression", "piz"),
    "prefix": lambda spec: setattr(spec.output, "layer_prefix", "x_"),
    "layers": lambda spec: setattr(spec.output, "replace_layers", True),
    "plate colour": lambda spec: setattr(spec.colour, "plate", "ACEScg"),
    "kind": lambda spec: spec.motion.SetInParent(),
    "shot": lambda spec: (setattr(spec.plate, "shot", "1-3"), setattr(spec.plate, "frames", "1-3")),
}


@pytest.fixture(autouse=True)
def microast_files(monkeypatch, tmp_path_factory):
    """A store in which the look `microast` is ready."""
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(tmp_path_factory.mktemp("weights")))
    monkeypatch.setattr(weights.Store, "verify", lambda store, file: file.sha256)
    for file in catalogue.find("microast", "style").published:
        weights.default_store().path(file).write_bytes(file.file.encode())


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_digest_changes_with_all_that_decides_a_pixel(change):
    spec = job()
    before = make_plan(spec, CONFIG, None).digest
    change(spec)
    assert make_plan(spec, CONFIG, None).digest != before


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: setattr(spec.plate, "frames", "2"),
        lambda spec: setattr(spec.plate, "pattern", "/elsewhere/p.####.exr"),
        lambda spec: setattr(spec.plate.files[0].file, "path", "/elsewhere"),
        lambda spec: setattr(spec.output, "pattern", "/elsewhere/o.####.exr"),
        lambda spec: setattr(spec.output, "overwrite", True),
        lambda spec: setattr(spec.compute, "threads", 7),
        lambda spec: setattr(spec.compute, "memory_bytes", 1 << 33),
        lambda spec: setattr(spec.stylize, "strength", 1.0),
        lambda spec: setattr(spec.stylize.motion, "model", "facets"),
        lambda spec: setattr(spec.output, "layer_prefix", "impasto_"),
        lambda spec: setattr(spec.mattes, "gain", 1),
        lambda spec: setattr(spec.stylize, "look", "swd"),
        lambda spec: setattr(spec.stylize, "statistics", "frozen"),
        lambda spec: spec.plate.views.append(""),
        lambda spec: spec.plate.files.reverse(),
    ],
)
def test_the_digest_does_not_change_with_what_decides_no_pixel(change):
    spec = job()
    before = make_plan(spec, CONFIG, None).digest
    change(spec)
    assert make_plan(spec, CONFIG, header()).digest == before


def test_memory_decides_whether_a_net_measures_in_tiles_and_the_plan_and_its_digest_say_so():
    weights.default_store().path(catalogue.find("raft-large", "flow").weights).write_bytes(b"weights")
    spec = job()
    spec.stylize.motion.model = "raft-large"
    plans = []
    for memory in (8, 64):
        spec.compute.memory_bytes = memory << 30
        plans.append(make_plan(spec, CONFIG, header(size=4096)))
    assert plans[0].choices["motion"] == "raft-large in tiles of 1536 pixels, begun at 1/2 of the size"
    assert plans[1].choices["motion"] == "raft-large"
    assert plans[0].digest != plans[1].digest


def test_the_digest_knows_the_colour_configuration_and_the_models_version(monkeypatch, tmp_path):
    before = make_plan(job(), CONFIG, None).digest
    file = tmp_path / "config.ocio"
    file.write_text("one")
    monkeypatch.setenv("OCIO", str(file))
    one = make_plan(job(), CONFIG, None).digest
    file.write_text("two")
    two = make_plan(job(), CONFIG, None).digest
    monkeypatch.setattr("impasto.server.shots.version.ENGINE_VERSION", 999)
    assert len({before, one, two, make_plan(job(), CONFIG, None).digest}) == 4


def test_views_are_open_until_a_header_was_seen():
    assert make_plan(job(), CONFIG, None).views == ()
    plan = make_plan(job(), CONFIG, header(("left", "right")))
    assert (plan.views, plan.file_views, plan.total) == (("left", "right"), ("",), 4)


def test_files_of_their_own_name_the_views():
    plan = make_plan(job(("left", "right"), "/out/%V/o.####.exr"), CONFIG, None)
    assert (plan.views, plan.file_views, plan.total) == (("left", "right"), ("left", "right"), 8)


def test_one_of_several_views_can_be_picked():
    spec = job(("left", "right"))
    spec.plate.views.append("right")
    plan = make_plan(spec, CONFIG, header())
    assert (plan.views, plan.total) == (("right",), 4)


@pytest.mark.parametrize(
    ("spec", "asked", "found", "reason"),
    [
        (job(), ["left"], ("",), "VIEW_UNKNOWN"),
        (job(), ["centre"], ("left", "right"), "VIEW_UNKNOWN"),
        (job(("", "right")), [], ("",), "PLATE_INVALID"),
        (job(("left", "right")), [], ("",), "OUTPUT_INVALID"),
        (job(("",), "/out/%V/o.####.exr"), [], ("left", "right"), "OUTPUT_INVALID"),
    ],
)
def test_views_that_are_not_there_or_get_in_each_others_way_are_refused(spec, asked, found, reason):
    spec.plate.views.extend(asked)
    with pytest.raises(BadRequest) as caught:
        make_plan(spec, CONFIG, header(found))
    assert caught.value.reason == reason


def test_estimates_grow_with_the_picture_and_the_frames():
    small, large = (make_plan(job(), CONFIG, header(size=size)) for size in (100, 1000))
    assert large.seconds == pytest.approx(small.seconds * 100, rel=0.01)
    assert large.disk == small.disk * 100 == 4 * 8 * 1000 * 1000
    assert large.peak > small.peak
    spec = job()
    spec.plate.frames = "2"
    assert make_plan(spec, CONFIG, header(size=1000)).seconds < large.seconds
    spec.output.passes.append("motion")
    assert make_plan(spec, CONFIG, header(size=1000)).disk == (8 + 16) * 1000 * 1000


def test_missing_frames_and_little_memory_are_told_before_work():
    spec = job()
    del spec.plate.files[1:3]
    spec.compute.memory_bytes = 1 << 20
    first, second = make_plan(spec, CONFIG, header()).warnings
    assert "2-3" in first
    assert "--memory" in second


def test_the_device_is_what_the_machine_has():
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") in ("cpu", "cuda:0")
    with pytest.raises(BadRequest, match="cuda:99") as caught:
        resolve_device("cuda:99")
    assert caught.value.reason == "DEVICE_UNKNOWN"


def test_half_precision_is_refused_where_a_model_was_not_tested_in_it():
    spec = job()
    spec.compute.precision = "bfloat16"
    with pytest.raises(BadRequest, match="float32"):
        make_plan(spec, CONFIG, None)


def test_half_precision_is_for_the_nets_of_a_job_whatever_else_takes_part():
    spec = job()
    spec.compute.precision, spec.stylize.look = "bfloat16", "microast"
    assert make_plan(spec, CONFIG, None).precision == "bfloat16"
    spec.stylize.look = "swd"
    _style(spec)
    with pytest.raises(BadRequest, match="was not tested in bfloat16"):
        make_plan(spec, CONFIG, None)
    spec.stylize.styles[0].name = "mosaic.pth"
    assert make_plan(spec, CONFIG, None).precision == "bfloat16"


def test_an_unknown_model_is_refused():
    spec = job()
    spec.stylize.motion.model = "warp9"
    with pytest.raises(NotFound, match="dis"):
        make_plan(spec, CONFIG, None)


def test_what_names_a_device_in_keys_is_its_kind_not_its_number(monkeypatch):
    import torch

    names = {"cuda:0": "H100", "cuda:1": "H100", "cuda:2": "T4"}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", names.__getitem__)
    assert device_kind("cpu") == "cpu"
    assert device_kind("cuda:0") == device_kind("cuda:1") != device_kind("cuda:2")
