"""Fits a file of named weights to a net, strictly, or says in one sentence why it is another's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from impasto.server.errors import BadRequest
from impasto.server.models import weights


def fit(
    net: nn.Module,
    path: Path,
    what: str,
    source: str,
    *,
    part: str | None = None,
    rename: Callable[[str], str | None] = lambda key: key,
) -> None:
    """Load the weights of `path` into `net`, whose keys and shapes they must have exactly.

    Args:
        net: filled in its own type, and frozen.
        path: safetensors or a plain checkpoint.
        what: the net by name, such as `an AdaIN decoder`.
        source: what to give instead, such as `decoder.pth of pytorch-AdaIN`.
        part: see `weights.read`.
        rename: the net's key for a key of the file; None drops it.

    Raises:
        NotFound: no such file.
        BadRequest: damaged, holding code, or another net's; the sentence names the first difference.
    """
    state = {name: value for key, value in weights.read(path, part).items() if (name := rename(key)) is not None}
    difference = weights.first_difference(state, net.state_dict())
    if difference:
        raise BadRequest(f"{path} is not {what} ({difference}); give {source}.", reason="WEIGHTS_UNKNOWN")
    net.load_state_dict(state)
    net.eval().requires_grad_(False)
