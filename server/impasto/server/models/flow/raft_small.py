"""RAFT small: motion by a net of a million weights (Teed and Deng, ECCV 2020)."""

from __future__ import annotations

from impasto.server.models.card import Model, Weights
from impasto.server.models.flow.raft import STRIDE
from impasto.server.models.flow.raft_estimator import PARAMETERS, PRECISIONS, builder

_HUB = "https://download.pytorch.org/models/"
_TRAINED = "FlyingChairs and FlyingThings3D, data sets for research"

MODEL: Model = Model(
    id="raft-small",
    family="flow",
    summary="A recurrent net that finds large motion; needs weights (`impasto models pull raft-small`).",
    build=lambda **options: builder(MODEL, "small", **options),
    weights=Weights(
        "raft_small_C_T_V2-01064c6d.pth",
        "01064c6d",
        "BSD-3-Clause",
        f"{_HUB}raft_small_C_T_V2-01064c6d.pth",
        _TRAINED,
    ),
    alternatives=(
        Weights(
            "raft_small_C_T_V1-ad48884c.pth",
            "ad48884c",
            "BSD-3-Clause",
            f"{_HUB}raft_small_C_T_V1-ad48884c.pth",
            _TRAINED,
        ),
        Weights(
            "raft-small-princeton.pth",
            "c7d41b9cc88442bb8aa911dbb33086dac55a226394b142937ff22d5578717332",
            "BSD-3-Clause",
            "raft-small.pth of princeton-vl/RAFT's models.zip",
            _TRAINED,
        ),
    ),
    stride=STRIDE,
    smallest=1,
    precisions=PRECISIONS,
    parameters=PARAMETERS,
)
