"""Checkpoints of RAFT under the names of this house: those of princeton-vl, which torchvision's are turned into."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from impasto.server.errors import BadRequest
from impasto.server.models import weights
from impasto.server.models.flow.raft import Raft, Size

_FROM_TORCHVISION = (
    (r"^feature_encoder\.", "fnet."),
    (r"^context_encoder\.", "cnet."),
    (r"^(fnet|cnet)\.convnormrelu\.0\.", r"\1.conv1."),
    (r"^(fnet|cnet)\.convnormrelu\.1\.", r"\1.norm1."),
    (r"^(fnet|cnet)\.conv\.", r"\1.conv2."),
    (r"\.convnormrelu(\d)\.0\.", r".conv\1."),
    (r"\.convnormrelu(\d)\.1\.", r".norm\1."),
    (r"^update_block\.motion_encoder\.convcorr(\d)\.0\.", r"update_block.encoder.convc\1."),
    (r"^update_block\.motion_encoder\.convflow(\d)\.0\.", r"update_block.encoder.convf\1."),
    (r"^update_block\.motion_encoder\.conv\.0\.", "update_block.encoder.conv."),
    (r"^update_block\.recurrent_block\.convgru(\d)\.conv([zrq])\.", r"update_block.gru.conv\2\1."),
    (r"^mask_predictor\.convrelu\.0\.", "update_block.mask.0."),
    (r"^mask_predictor\.conv\.", "update_block.mask.2."),
)
"""Parts of torchvision's names and ours, applied in order."""

_TWICE = re.compile(r"^cnet\.layer[23]\.0\.norm[34]\.")
"""The norm of a shortcut, which princeton-vl's checkpoints hold once more beside `downsample.1`."""


def _ours(key: str) -> str:
    key = key.removeprefix("module.")
    for pattern, name in _FROM_TORCHVISION:
        key = re.sub(pattern, name, key)
    return key


def renamed(state: Mapping[str, Tensor], size: Size) -> dict[str, Tensor]:
    """A checkpoint's weights under our names, whichever of the two publishers named them."""
    named = {_ours(key): value for key, value in state.items()}
    if size == "small":  # one unit, which princeton-vl leaves without a number
        return {re.sub(r"\.gru\.conv([zrq])1\.", r".gru.conv\1.", key): value for key, value in named.items()}
    return {key: value for key, value in named.items() if not _TWICE.match(key)}


def load(path: Path, size: Size) -> Raft:
    """The net with the weights of a file.

    Args:
        path: a checkpoint of princeton-vl (also with `module.` before every name) or of torchvision.
        size: the net it is for.

    Raises:
        NotFound: there is no such file.
        BadRequest: it is damaged, holds code, or is not a checkpoint of this net; the sentence says which.
    """
    state = renamed(weights.read(path), size)
    with torch.device("meta"):
        net = Raft(size)
    expected = net.state_dict()
    wrong = weights.first_difference(state, expected)
    if wrong:
        raise BadRequest(
            f"{path} is not a RAFT-{size} checkpoint ({wrong}); give one with the keys of princeton-vl/RAFT or of "
            "torchvision.",
            reason="WEIGHTS_UNKNOWN",
        )
    net.load_state_dict({key: value.to(expected[key].dtype) for key, value in state.items()}, assign=True)
    net.eval().requires_grad_(False)
    for parameter in net.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return net
