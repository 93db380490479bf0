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
    version=4,
    weights=Weights(
        "raft_small_C_T_V2-01064c6d.pth",
        "01064c6dba73b0fc9fc8edf772248560a00a3acfd62ac6677e9eeebad9680e27",
        "BSD-3-Clause",
        f"{_HUB}raft_small_C_T_V2-01064c6d.pth",
        _TRAINED,
        metrics="end-point error on Sintel clean 1.9901, final 3.2831; KITTI 2015 7.5978, 25.2369 %",
    ),
    alternatives=(
        Weights(
            "raft_small_C_T_V1-ad48884c.pth",
            "ad48884c",
            "BSD-3-Clause",
            f"{_HUB}raft_small_C_T_V1-ad48884c.pth",
            _TRAINED,
            metrics="end-point error on Sintel clean 2.1231, final 3.2790; KITTI 2015 7.6557, 25.2801 %",
        ),
        Weights(
            "raft-small-princeton.pth",
            "c7d41b9cc88442bb8aa911dbb33086dac55a226394b142937ff22d5578717332",
            "BSD-3-Clause",
            "raft-small.pth of princeton-vl/RAFT's models.zip",
            _TRAINED,
            3_984_814,
        ),
    ),
    stride=STRIDE,
    smallest=1,
    precisions=PRECISIONS,
    parameters=PARAMETERS,
)
