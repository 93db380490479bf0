import cv2
import numpy as np
import pytest
import torch
from world import motion_job, ref_of

from impasto.server import plates
from impasto.server.errors import BadRequest


def test_writing_onto_the_plate_is_refused_and_nothing_is_kept(rooms, files, tmp_path):
    room = rooms()
    spec = motion_job(files, tmp_path / "out")
    spec.output.pattern = str(tmp_path / "plates" / "plate.####.exr")
    with pytest.raises(BadRequest) as caught:
        room.queue.create(spec)
    assert caught.value.reason == "OUTPUT_IS_INPUT"
    assert room.store.page(9, None, []) == ([], None)


def test_planning_keeps_nothing(rooms, files, tmp_path):
    room = rooms(roots=())
    plan, missing = room.queue.plan(motion_job(files, tmp_path / "out"))
    assert (plan.frames, len(missing)) == ((1001, 1002, 1003), 3)
    assert room.store.page(9, None, []) == ([], None)


def test_a_damaged_first_frame_does_not_keep_the_others_from_being_planned(rooms, files, tmp_path):
    room = rooms()
    files[1001].write_bytes(b"no exr at all")
    plan, _ = room.queue.plan(motion_job(files, tmp_path / "out"))
    assert plan.views == ("",)
    for path in files.values():
        path.write_bytes(b"no exr at all")
    assert room.queue.plan(motion_job(files, tmp_path / "out"))[0].views == ("",)


def stylize_job(files, out, **values):
    spec = motion_job(files, out)
    spec.ClearField("motion")
    for frame, path in values.get("keys", {}).items():
        spec.stylize.keys.add(frame=frame).file.CopyFrom(ref_of(path))
    if "style" in values:
        spec.stylize.styles.add(name=str(values["style"])).file.CopyFrom(ref_of(values["style"]))
    return spec


def _key_of_another_shape(tmp_path, files):
    window = plates.Window(0, 0, 6, 6)
    key = tmp_path / "key.exr"
    plates.write(key, plates.Plate(dict.fromkeys("RGB", np.zeros((6, 6), np.float16)), window, window))
    return stylize_job(files, tmp_path / "out", keys={1002: key})


def _key_that_is_no_picture(tmp_path, files):
    (tmp_path / "key.exr").write_bytes(b"no picture")
    return stylize_job(files, tmp_path / "out", keys={1002: tmp_path / "key.exr"})


def _style_that_is_too_small(tmp_path, files):
    return stylize_job(files, tmp_path / "out", style=files[1001])


def _style_that_is_no_picture(tmp_path, files):
    (tmp_path / "style.png").write_bytes(b"no picture")
    return stylize_job(files, tmp_path / "out", style=tmp_path / "style.png")


def _space_that_is_not_known(tmp_path, files):
    spec = motion_job(files, tmp_path / "out")
    spec.colour.plate = "no such space"
    return spec


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_key_of_another_shape, "KEY_SIZE"),
        (_key_that_is_no_picture, "KEY_UNREADABLE"),
        (_style_that_is_too_small, "STYLE_TOO_SMALL"),
        (_style_that_is_no_picture, "STYLE_UNREADABLE"),
        (_space_that_is_not_known, "COLOUR_SPACE_UNKNOWN"),
    ],
)
def test_what_is_wrong_with_keys_styles_and_spaces_is_refused_before_anything_is_kept(
    rooms, files, tmp_path, make, reason
):
    room = rooms()
    with pytest.raises(BadRequest) as caught:
        room.queue.create(make(tmp_path, files))
    assert caught.value.reason == reason
    assert room.store.page(9, None) == ([], None)


def test_a_look_whose_weights_are_another_models_is_refused_before_anything_is_kept(
    rooms, files, tmp_path, monkeypatch
):
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(tmp_path))
    for name in ("decoder.pth", "vgg_normalised.pth"):  # without a published checksum, so taken by name
        torch.save({"fnet.weight": torch.zeros(1)}, tmp_path / name)
    cv2.imwrite(str(tmp_path / "style.png"), np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8))
    room = rooms()
    spec = stylize_job(files, tmp_path / "out", style=tmp_path / "style.png")
    spec.stylize.look = "adain"
    with pytest.raises(BadRequest, match=r"decoder\.pth is not an AdaIN decoder") as caught:
        room.queue.create(spec)
    assert caught.value.reason == "WEIGHTS_UNKNOWN"
    assert room.store.page(9, None) == ([], None)
