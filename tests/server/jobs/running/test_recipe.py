"""From what was asked to what the picture-making takes."""

from types import SimpleNamespace

import numpy as np
import pytest

from impasto.server import plates
from impasto.server.jobs.running import recipe
from impasto.v1.job_pb2 import MotionSource

WINDOW = plates.Window(0, 0, 4, 4)


def file_of(path, attributes, layers=("forward",)):
    channels = {f"{layer}.{way}": np.zeros((4, 4), np.float32) for layer in layers for way in "uv"}
    plates.write(path, plates.Plate(channels, WINDOW, WINDOW, attributes))
    return path


def of_ours(path):
    """Whether one file of motion counts as measured."""
    source = MotionSource()
    entry = source.files.files.add(frame=1001)
    entry.file.path = str(path)
    task = SimpleNamespace(local=lambda file: path, limits=plates.Limits())
    return recipe._of_ours(task, source)


@pytest.mark.parametrize(
    ("attributes", "layers", "measured"),
    [
        ({"impasto/motion": "facets"}, ("forward",), True),
        ({"impasto/motion": "facets"}, ("forward", "backward"), True),
        ({"impasto/motion": "the plate's own layers"}, ("forward",), False),
        ({"impasto/motion": "impasto"}, ("forward",), False),
        ({}, ("forward",), False),
        ({"impasto/motion": "facets"}, ("forward", "impasto_forward"), False),
    ],
)
def test_motion_files_are_measured_where_a_flow_model_made_what_is_read(tmp_path, attributes, layers, measured):
    assert of_ours(file_of(tmp_path / "x.1001.exr", attributes, layers)) is measured


def test_a_broken_motion_file_is_told_of_where_its_frame_is_wanted(tmp_path):
    path = tmp_path / "x.1001.exr"
    path.write_bytes(b"no picture")
    assert not of_ours(path)
