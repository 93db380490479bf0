from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import torch

from impasto.server.errors import BadRequest
from impasto.server.models import catalogue
from impasto.server.models.depth.tcmonodepth_small import TCMonoDepthSmall

MODEL = catalogue.find("tcmonodepth-small", "depth")


@pytest.fixture
def state():
    """Tensors of the published keys, seeded."""
    torch.manual_seed(3)
    return TCMonoDepthSmall().state_dict()


def saved(state, path: Path) -> Path:
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, path)
    return path


@pytest.mark.parametrize("size", [(1, 1), (9, 300), (64, 48)])
def test_depth_is_given_at_any_size_the_same_on_one_thread_and_two(state, tmp_path, size):
    estimate = MODEL.build(weights=saved(state, tmp_path / "a.pt.tar"))
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    near = estimate(picture)
    assert near.shape == (1, 1, *size)
    assert near.min() >= 0
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    assert torch.equal(estimate(picture), near)
    torch.set_num_threads(threads)


def test_a_file_of_other_keys_or_shapes_is_refused(state, tmp_path):
    lacking = {key: value for key, value in state.items() if key != "decoder.final.bias"}
    with pytest.raises(BadRequest, match=r"lacks 'decoder.final.bias'"):
        MODEL.build(weights=saved(lacking, tmp_path / "a.pt.tar"))
    state["decoder.final.bias"] = torch.zeros(2)
    with pytest.raises(BadRequest, match=r"is \(2,\), not \(1,\)") as caught:
        MODEL.build(weights=saved(state, tmp_path / "b.pt.tar"))
    assert caught.value.reason == "WEIGHTS_UNKNOWN"


def test_the_published_file_loads_and_sees_what_is_near(assets: Path):
    estimate = MODEL.build(weights=assets / "weights" / "tcmonodepth-small" / "tcmonodepth_small.pt.tar")
    with OpenEXR.File(str(assets / "shots" / "orbit" / "plate.1006.exr"), separate_channels=True) as file:
        linear = np.stack([file.channels()[name].pixels for name in "RGB"]).astype(np.float32)
    with OpenEXR.File(str(assets / "shots" / "orbit" / "truth.1006.exr"), separate_channels=True) as file:
        depth, valid = (file.channels()[name].pixels.astype(np.float32) for name in ("depth.Z", "valid.a"))
    near = estimate(torch.from_numpy(np.clip(linear, 0, 1) ** (1 / 2.2))[None])[0, 0].numpy()
    seen = valid > 0.5
    assert np.corrcoef(near[seen], 1 / depth[seen])[0, 1] > 0.8
