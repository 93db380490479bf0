"""The benchmark beside torchvision takes its RAFT from an unpacked wheel, without torchvision's compiled parts."""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

WHEEL = {
    "__init__.py": "raise RuntimeError('operator torchvision::nms does not exist')",
    "utils.py": "from PIL import Image, ImageColor, ImageDraw, ImageFont\ndef _log_api_usage_once(x): pass",
    "ops/__init__.py": "raise RuntimeError('no compiled operators')",
    "ops/misc.py": "from ..utils import _log_api_usage_once\nclass Conv2dNormActivation: pass",
    "models/__init__.py": "raise RuntimeError('imports the whole library')",
    "models/_utils.py": "named = 'of the models'",
    "models/optical_flow/__init__.py": "raise RuntimeError('as above')",
    "models/optical_flow/raft.py": "from ...ops import Conv2dNormActivation\n"
    "from ...transforms._presets import OpticalFlow\n"
    "from ...utils import _log_api_usage_once\n"
    "from .._utils import named\n"
    "raft_small = lambda: f'{Conv2dNormActivation.__name__} {named}'",
    "transforms/__init__.py": "raise RuntimeError('as above')",
    "transforms/_presets.py": "raise RuntimeError('wants Pillow')",
}


def test_only_the_modules_raft_needs_are_imported_from_the_wheel(tmp_path):
    for name, text in WHEEL.items():
        file = tmp_path / "torchvision" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    code = (
        f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r}); from pathlib import Path; import raft\n"
        f"print(raft.torchvision_raft(Path({str(tmp_path)!r})).raft_small())"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "Conv2dNormActivation of the models\n"
