"""What the scenarios share: a Nuke with the plugin started in it, a script with a plate, and no trespass at the end."""

from __future__ import annotations

import os
import runpy
import shutil
import sys
import tempfile
import threading
import unittest
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
STARTUP = Path(os.environ.get("PLUGIN_STARTUP", PROJECT / "nuke_plugin/impasto/nuke/startup"))
PLATE = PROJECT / "examples/shot"
SIDECAR = [sys.executable, str(PROJECT / "tests/nuke/fake/sidecar_of_scenarios.py")]

sys.path[:0] = [str(PROJECT / "tests/nuke/fake"), str(PROJECT / "tools/nuke")]

import nuke  # noqa: E402

runpy.run_path(str(STARTUP / "init.py"))


class Scenario(unittest.TestCase):
    """One artist, one script on disk with one Read, nothing else running."""

    frames = (1001, 1004)

    def setUp(self) -> None:
        import json

        self.folder = Path(tempfile.mkdtemp(prefix="impasto nuke é "))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = dict(os.environ)
        self.addCleanup(self._restore)
        os.environ["IMPASTO_COMMAND"] = os.environ.get("TRUE_COMMAND") or json.dumps(SIDECAR)
        os.environ["HOME"] = str(self.folder)
        os.environ["XDG_STATE_HOME"] = str(self.folder / "state")
        nuke.GUI = True
        for told in (nuke._violations, nuke._messages, nuke._printed, nuke._tasks, nuke._executed, nuke._queue):
            del told[:]
        nuke._root._children.clear()
        nuke._state.update(frame=1001, executing=False, cancel=False, fail="", undo=0, undo_disabled=0)
        nuke._views[:] = ["main"]
        nuke._root["proxy"]._value = False
        nuke._root["colorManagement"]._value = "Nuke"
        self.script = self.folder / "shot_v001.nk"
        self.read = nuke.createNode("Read")
        self.read["file"].setValue(self.plates())
        self.read["first"].setValue(self.frames[0])
        self.read["last"].setValue(self.frames[1])
        nuke.scriptSave(str(self.script))

    def plates(self) -> str:
        (self.folder / "plates").mkdir()
        for frame in range(self.frames[0], self.frames[1] + 1):
            shutil.copy(str(PLATE / f"plate.{frame}.exr"), str(self.folder / f"plates/plate.{frame}.exr"))
        return (self.folder / "plates/plate.%04d.exr").as_posix()

    def _restore(self) -> None:
        os.environ.clear()
        os.environ.update(self.environment)

    def tearDown(self) -> None:
        self.settle()
        self.assertEqual(nuke._violations, [], "".join(nuke._violations))
        self.assertEqual((nuke._state["undo"], nuke._state["undo_disabled"]), (0, 0), "undo is not balanced")

    def make(self, kind: str = "StyleTransfer"):
        node = nuke.createNode(f"Impasto_{kind}")
        node.setInput(0, self.read)
        if kind == "StyleTransfer":
            node["look"].setValue("hatching")
        return node

    def wait(self, node, seconds: float = 60.0) -> str:
        """Until a node works no more; what it says then."""
        self.settle(seconds)
        return node["status"].value()

    def settle(self, seconds: float = 60.0) -> None:
        """Until nothing is under way, beside or on the main thread."""
        from impasto.nuke.inside import rendering

        def still() -> bool:
            beside = any(thread.name == "impasto-aside" for thread in threading.enumerate())
            return not (beside or nuke._queue or rendering._running)

        nuke._pump(still, seconds)

    def check(self, node) -> str:
        """The button Check; what the node says then."""
        nuke._press(node, "check")
        return self.wait(node)

    def behave(self, **how: object) -> None:
        """What the sidecar of scenarios shall do."""
        import json

        os.environ["SIDECAR_BEHAVES"] = json.dumps(how)
