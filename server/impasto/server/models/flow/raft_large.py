"""RAFT large: motion by a net of five million weights (Teed and Deng, ECCV 2020)."""

from __future__ import annotations

from impasto.server.models.card import Model, Weights
from impasto.server.models.flow.raft import STRIDE
from impasto.server.models.flow.raft_estimator import PARAMETERS, PRECISIONS, builder

_C_T = "FlyingChairs and FlyingThings3D, data sets for research"
_SKHT = f"{_C_T}; Sintel, KITTI 2015 and HD1K, for research"


def _published(file: str, trained_on: str, metrics: str, sha256: str = "", size: int = 0) -> Weights:
    """Where no whole checksum is known, the digits in the file's name stand for it."""
    known = sha256 or file.removesuffix(".pth").rpartition("-")[2]
    source = f"https://download.pytorch.org/models/{file}"
    return Weights(file, known, "BSD-3-Clause", source, trained_on, size, metrics)


def _errors(clean: float, final: float, more: str = "", on: str = "Sintel") -> str:
    return f"end-point error on {on} clean {clean}, final {final}{more}"


MODEL: Model = Model(
    id="raft-large",
    family="flow",
    summary="The larger recurrent net, truer and five times slower; needs weights (`impasto models pull raft-large`).",
    build=lambda **options: builder(MODEL, "large", **options),
    weights=_published(
        "raft_large_C_T_SKHT_V2-ff5fadd5.pth",
        _SKHT,
        _errors(1.819, 3.067, on="Sintel's test set"),
        "ff5fadd56d26b40647388883af1547351ea17868b765c05b27231e72dd16a322",
        21_106_607,
    ),
    alternatives=(
        _published("raft_large_C_T_SKHT_V1-0b8c9e55.pth", _SKHT, _errors(1.94, 3.18, on="Sintel's test set")),
        _published("raft_large_C_T_SKHT_K_V2-b5c70766.pth", _SKHT, "KITTI 2015's test set: 5.19 % of pixels wrong"),
        _published("raft_large_C_T_SKHT_K_V1-4a6a5039.pth", _SKHT, "KITTI 2015's test set: 5.10 % of pixels wrong"),
        _published("raft_large_C_T_V2-1bb1363a.pth", _C_T, _errors(1.3822, 2.7161, "; KITTI 2015 4.5118, 16.0679 %")),
        _published("raft_large_C_T_V1-22a6c225.pth", _C_T, _errors(1.4411, 2.7894, "; KITTI 2015 5.0172, 17.4506 %")),
    ),
    version=4,
    stride=STRIDE,
    smallest=1,
    precisions=PRECISIONS,
    parameters=PARAMETERS,
)
