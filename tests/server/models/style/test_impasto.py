import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from impasto.server.errors import BadRequest, NotFound
from impasto.server.models.style import impasto


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("impasto") / "seeded.safetensors"
    save_file({key: value.half() for key, value in impasto.ImpastoNet().state_dict().items()}, path)
    return path


def test_the_net_is_under_two_megabytes_in_half_precision():
    count = sum(value.numel() for value in impasto.ImpastoNet().parameters())
    assert count == impasto.PARAMETERS
    assert 2 * count < 2_000_000


def test_tiles_equal_the_whole_once_statistics_are_frozen_with_seeded_weights(seeded, style):
    painter = impasto.build(style, seeded, style_scale=0.125)
    frame = torch.rand(1, 3, 360, 376, generator=torch.Generator().manual_seed(1))
    frozen = painter.prepare([frame])
    tiles, whole = (replace(frozen, tile=tile).paint(frame) for tile in (192, None))
    assert (tiles - whole).abs().max() < 1e-4


def test_pixels_beyond_the_reach_move_nothing_with_seeded_weights(seeded, style):
    painter = impasto.build(style, seeded, style_scale=0.125)
    frame = torch.rand(1, 3, 32, 480, generator=torch.Generator().manual_seed(1))
    frozen = painter.prepare([frame])
    changed = frame.clone()
    changed[..., :8] = 1 - changed[..., :8]
    difference = (frozen.paint(frame) - frozen.paint(changed)).abs().amax((0, 1, 2))
    assert difference[8 + impasto.REACH :].max() == 0
    assert difference[:8].max() > 0


def test_styles_mix_by_their_shares_with_seeded_weights(seeded, plate, style):
    def paint(*styles, **options):
        return impasto.build(list(styles), weights=seeded, style_scale=0.125, **options).paint(plate)

    assert torch.allclose(paint(style, 1 - style, shares=[2.0, 0.0]), paint(style), atol=1e-5)
    mixed = paint(style, 1 - style)
    assert not torch.allclose(mixed, paint(style), atol=1e-5)


def test_any_size_down_to_one_pixel_comes_back_the_same_size(seeded, style):
    painter = impasto.build(style, weights=seeded, style_scale=0.125)
    for size in [(1, 1), (5, 40), (33, 46)]:
        assert painter.paint(torch.rand(1, 3, *size)).shape == (1, 3, *size)


def test_other_files_are_refused_by_name(tmp_path, style):
    save_file({"conv1.conv2d.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(BadRequest, match=r"other\.safetensors is not the look of the house"):
        impasto.build(style, weights=tmp_path / "other.safetensors")
    with pytest.raises(NotFound, match=r"none\.safetensors"):
        impasto.build(style, weights=tmp_path / "none.safetensors")


def test_the_number_of_threads_changes_no_bit(seeded):
    script = (
        "import hashlib, sys, torch; from pathlib import Path; from impasto.server.models.style import impasto\n"
        "draw = torch.Generator().manual_seed(2)\n"
        "x, style = torch.rand(1, 3, 90, 160, generator=draw), torch.rand(1, 3, 100, 130, generator=draw)\n"
        "painter = impasto.build(style, weights=Path(sys.argv[1]), style_scale=0.25)\n"
        "y = torch.cat([painter.paint(x), painter.prepare([x, 1 - x]).paint(x)])\n"
        "print(hashlib.sha256(y.numpy().tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script, str(seeded)],
            env=os.environ | {"OMP_NUM_THREADS": threads},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(digests) == 1
