"""A command that speaks as `impasto` does, for what the true one does seldom: failing frames, silence, noise, a kill.

The true command is used by the end-to-end scenarios. What it shall do stands in SIDECAR_BEHAVES, as JSON.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path


def say(kind: str, **values: object) -> None:
    print(json.dumps({"schema": HOW.get("schema", 1), "type": kind, "job": JOB, "number": 1, **values}), flush=True)


def end(code: int, reason: str = "", message: str = "") -> None:
    say("finished", exit=code, reason=reason, message=message)
    sys.exit(code)


def frames(text: str) -> list[int]:
    found = []
    for piece in text.split(","):
        first, last = re.fullmatch(r"(-?\d+)(?:-(-?\d+))?", piece).groups()
        found += range(int(first), int(last or first) + 1)
    return found


HOW = json.loads(os.environ.get("SIDECAR_BEHAVES", "{}"))
JOB = sys.argv[3] if "fetch" in sys.argv else ""
STATE = Path(os.environ["XDG_STATE_HOME"])
STATE.mkdir(parents=True, exist_ok=True)
with (STATE / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ)}) + "\n")

if sys.argv[1] == "doctor":
    finding = {"name": "python", "state": "ok", "found": "3.11", "cure": ""}
    print(json.dumps({"schema": 1, "ok": True, "findings": [finding]}))
    sys.exit(0)
if sys.argv[1:3] == ["nuke", "catalogue"]:
    model = {"id": "farneback", "family": "flow", "ready": True, "parameters": []}
    wide = {"name": "brush_width", "help": "How wide.", "default": 2.0, "minimum": 1.0, "maximum": 9.0}
    fauve = {"id": "fauve-net", "family": "style", "ready": True, "paints_after_pictures": True, "parameters": [wide]}
    monet = {**fauve, "id": "one-look", "paints_after_pictures": False}
    print(json.dumps({"schema": 1, "models": [model, fauve, monet], "styles": [{"name": "oils"}, {"name": "gouache"}]}))
    sys.exit(0)
if sys.argv[1:3] == ["job", "cancel"]:
    print("jobs/7f3a cancelled")
    sys.exit(0)

if HOW.get("noise"):
    print("a wrapper greets you")
    print("{not json", flush=True)
if HOW.get("die"):
    print("out of coffee", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
if HOW.get("exit"):
    end(HOW["exit"], "BAD_REQUEST", "The plate is no plate; give another.")

if sys.argv[1] == "run":
    of_a_view = Path(sys.argv[2]).name.split(".")[-2]
    name = "7f3a" if of_a_view == "job" else of_a_view
    shutil.copy(sys.argv[2], STATE / "job.json")
    shutil.copy(sys.argv[2], STATE / f"{name}.json")
else:
    name = JOB.rpartition("/")[2]
spec = json.loads((STATE / f"{name}.json").read_text(encoding="utf-8"))
if "speed" in spec.get("interpolate", {}) and not spec["plate"]["frames"]:
    spec["plate"]["frames"] = HOW["times"]
wanted = frames(spec["plate"]["frames"])
if sys.argv[1] == "run":
    say("planned", digest="d", shot=spec["plate"]["shot"], frames=spec["plate"]["frames"], todo=spec["plate"]["frames"])
if HOW.get("shots") and "--detach" not in sys.argv:
    say("shots", cuts=[{"frame": 1003, "until": 0, "found_by": "picture"}], shots=HOW["shots"])
if "keys" in spec and "--detach" not in sys.argv:
    shutil.copy(spec["plate"]["pattern"].replace("####", f"{wanted[0]:04d}"), spec["output"]["sheet"])
    say("file_made", what="sheet", path=spec["output"]["sheet"], sha256="")
    picked = [{"frame": 1003, "alone": 0.8, "together": 0.8}, {"frame": 1001, "alone": 0.5, "together": 0.96}]
    say("keys_picked", frames="1001,1003", share=0.96, wanted=spec["keys"]["share"], keys=picked)
    end(0)
if "--detach" in sys.argv:
    JOB = f"jobs/{name}"
    say("state", state="queued")
    end(0)
for frame in wanted:
    ends = time.monotonic() + HOW.get("seconds", 0.0)
    while time.monotonic() < ends:
        time.sleep(0.02)
    say("progress", stage="painting", frame=frame, fraction=(frame - wanted[0]) / len(wanted))
    if frame in HOW.get("failing", []):
        say("frame_failed", frame=frame, view="", reason="FRAME_MISSING", message=f"Frame {frame} has no file.")
        continue
    out = Path(spec["output"]["pattern"].replace("####", f"{frame:04d}"))
    out.parent.mkdir(parents=True, exist_ok=True)
    inside = frames(spec["plate"]["shot"])
    shown = frame if frame in inside else inside[0]
    shutil.copy(spec["plate"]["pattern"].replace("####", f"{shown:04d}").replace("%V", "main"), out)
    say("frame_done", frame=frame, view="", path=str(out))
if HOW.get("failing"):
    end(4, "FRAMES_FAILED", "Frame 1002 could not be made, the first because: it has no file.")
end(0)
