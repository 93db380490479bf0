import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from impasto.server.errors import BadRequest, Cancelled, NotFound
from impasto.server.models.style import johnson


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return johnson.JohnsonNet().state_dict()


@pytest.fixture(scope="module")
def content() -> torch.Tensor:
    return torch.rand(1, 3, 33, 46, generator=torch.Generator().manual_seed(1))


def test_the_net_has_1679235_parameters(state):
    assert sum(value.numel() for value in state.values()) == johnson.PARAMETERS == 1_679_235


def test_a_checkpoint_with_old_running_statistics_loads_strictly(state, tmp_path):
    old = dict(state) | {"in1.running_mean": torch.zeros(32), "res3.in2.running_var": torch.ones(128)}
    torch.save(old, tmp_path / "old.pth")
    assert johnson.load(tmp_path / "old.pth").keys() == state.keys()


def test_half_checkpoints_and_safetensors_paint_alike(state, content, tmp_path):
    half = {key: value.half() for key, value in state.items()}
    torch.save(half, tmp_path / "net.pth")
    save_file(half, tmp_path / "net.safetensors")
    first = johnson.build(tmp_path / "net.pth").paint(content)
    second = johnson.build(tmp_path / "net.safetensors").paint(content)
    assert first.dtype == torch.float32
    assert torch.equal(first, second)


def test_any_size_down_to_one_pixel_comes_back_the_same_size(state):
    net = johnson.JohnsonNet()
    net.load_state_dict(state)
    painter = johnson.painter_of(net)
    for size in [(1, 1), (5, 40), (33, 46)]:
        assert painter.paint(torch.rand(1, 3, *size)).shape == (1, 3, *size)


def test_highlights_are_clipped_for_the_net_only(state, content):
    net = johnson.JohnsonNet()
    net.load_state_dict(state)
    painter = johnson.painter_of(net)
    bright = content.clone()
    bright[..., :4, :4] = 7.0
    kept = bright.clone()
    assert torch.equal(painter.paint(bright), painter.paint(bright.clamp(max=1.0)))
    assert torch.equal(bright, kept)


def test_cancelling_stops_before_a_tile(state, content):
    net = johnson.JohnsonNet()
    net.load_state_dict(state)

    def cancel() -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        johnson.painter_of(net).paint(content, check=cancel)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound, match=r"none\.pth"):
        johnson.load(tmp_path / "none.pth")


def test_other_keys_are_refused_by_name(state, tmp_path):
    torch.save({"fnet.weight": torch.zeros(1)}, tmp_path / "raft.pth")
    with pytest.raises(BadRequest, match="not a Johnson net") as refusal:
        johnson.load(tmp_path / "raft.pth")
    assert refusal.value.reason == "WEIGHTS_UNKNOWN"
    torch.save(dict(state) | {"extra.weight": torch.zeros(1)}, tmp_path / "more.pth")
    with pytest.raises(BadRequest, match=r"extra\.weight"):
        johnson.load(tmp_path / "more.pth")


def test_other_shapes_are_refused_by_name(state, tmp_path):
    torch.save(dict(state) | {"in1.weight": torch.zeros(16)}, tmp_path / "thin.pth")
    with pytest.raises(BadRequest, match=r"'in1\.weight' is \(16,\), not \(32,\)"):
        johnson.load(tmp_path / "thin.pth")
    torch.save(dict(state) | {"in1.weight": 3}, tmp_path / "number.pth")
    with pytest.raises(BadRequest, match=r"holds a int under 'in1\.weight'"):
        johnson.load(tmp_path / "number.pth")


def test_numbers_that_are_not_finite_are_refused(state, tmp_path):
    torch.save(dict(state) | {"in1.weight": torch.full((32,), torch.nan)}, tmp_path / "nan.pth")
    with pytest.raises(BadRequest, match="not finite"):
        johnson.load(tmp_path / "nan.pth")


def test_a_file_that_is_no_mapping_is_refused(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(BadRequest, match="list instead of named weights"):
        johnson.load(tmp_path / "list.pth")


class _Trap:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("save", ["torch", "pickle"])
def test_a_pickle_with_code_is_refused_and_never_run(save, tmp_path):
    trap, file = {"in1.weight": _Trap(tmp_path / "ran")}, tmp_path / "trap.pth"
    if save == "torch":
        torch.save(trap, file)
    else:
        file.write_bytes(pickle.dumps(trap))
    with pytest.raises(BadRequest, match=r"trap\.pth"):
        johnson.load(file)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["cut.pth", "cut.safetensors", "text.pth", "empty.pth", "empty.safetensors"])
def test_a_damaged_file_is_one_clear_sentence(name, state, tmp_path):
    whole = tmp_path / "whole"
    (save_file if name.endswith("safetensors") else torch.save)(state, whole)
    cut = {"cut": whole.read_bytes()[:100_000], "text": b"not weights at all", "empty": b""}[name.split(".")[0]]
    (tmp_path / name).write_bytes(cut)
    with pytest.raises(BadRequest, match=name):
        johnson.load(tmp_path / name)


def test_the_number_of_threads_changes_no_bit(state, tmp_path):
    torch.save(state, tmp_path / "net.pth")
    script = (
        "import hashlib, sys, torch; from pathlib import Path; from impasto.server.models.style import johnson\n"
        "x = torch.rand(1, 3, 90, 160, generator=torch.Generator().manual_seed(2))\n"
        "y = johnson.build(Path(sys.argv[1])).paint(x)\n"
        "print(hashlib.sha256(y.numpy().tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "net.pth")],
            env=os.environ | {"OMP_NUM_THREADS": threads},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(digests) == 1


@pytest.mark.assets
@pytest.mark.parametrize("name", ["mosaic", "candy"])
def test_the_published_nets_load_and_paint(name, assets, content):
    painted = johnson.build(assets / "weights" / "johnson" / f"{name}.pth").paint(content)
    assert painted.shape == content.shape
    assert painted.std() > 0.05
