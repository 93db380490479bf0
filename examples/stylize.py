"""Paints the example shot from one painted frame through a running server.

impasto serve --listen 127.0.0.1:50740 --state /tmp/impasto-state
python examples/stylize.py out
"""

import sys
from pathlib import Path

from impasto.client import Client

SHOT = Path(__file__).parent / "shot"

with Client.connect("127.0.0.1:50740") as impasto:
    render = impasto.stylize(
        SHOT / "plate.####.exr",
        frames="1001-1010",
        keys={1006: SHOT / "key.1006.png"},
        out=f"{sys.argv[1]}/shot.####.exr",
    )
    for event in render:
        print(event)
