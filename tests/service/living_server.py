"""A server in a process of its own, for tests that kill it: `living_server.py FOLDER ROOT SECONDS [IDLE_EXIT [KIND]]`.

Its runner copies plates and takes its time over each; with the kind `reading` it decodes them, in processes apart.
"""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

from painting import painting
from world import copying, private

from impasto.server.rpc.server import serve

folder, root, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
reading = sys.argv[5:] == ["reading"]


def slowly(task):
    """Copy one frame after another, resting before each."""
    for frame in task.plan.frames:
        if (frame, "") not in task.done:
            time.sleep(seconds)
            copying(SimpleNamespace(**{**vars(task), "plan": SimpleNamespace(frames=(frame,))}))


serve(
    private(
        folder,
        roots=(root,),
        address_file=folder / "address.json",
        idle_exit=float(sys.argv[4]) if len(sys.argv) > 4 else 0,
        isolate=reading,
        max_pixels=1 << 22,
    ),
    painting if reading else slowly,
)
