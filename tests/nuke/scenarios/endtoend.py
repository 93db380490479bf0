"""The same buttons with the true command: a detached server, jobs, frames, cancelling, a poisoned environment.

TRUE_COMMAND names the command as a JSON list, SMALL_PLATES a folder of plate.1001.exr to plate.1004.exr.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import unittest
from pathlib import Path

from stage import Scenario, nuke

SECONDS = 240.0


class Truly(Scenario):
    def setUp(self) -> None:
        super().setUp()
        os.environ["XDG_CACHE_HOME"] = str(self.folder / "cache")
        self.addCleanup(self.end_server)
        poison = self.folder / "poison/google/protobuf"
        poison.mkdir(parents=True)
        for folder in (poison, poison.parent):
            (folder / "__init__.py").write_text("raise ImportError('an old protobuf came first')\n")
        for name in ("grpc.py", "numpy.py", "typer.py"):
            (self.folder / "poison" / name).write_text("raise ImportError('Nuke has its own')\n")
        os.environ["PYTHONPATH"] = str(self.folder / "poison")
        os.environ["PYTHONHOME"] = str(self.folder / "nowhere")
        os.environ["LD_LIBRARY_PATH"] = str(self.folder / "nowhere")

    def plates(self) -> str:
        shutil.copytree(os.environ["SMALL_PLATES"], str(self.folder / "plates"))
        return (self.folder / "plates/plate.%04d.exr").as_posix()

    def server(self) -> int:
        """Its process; 0 where none runs."""
        path = self.folder / "state/impasto/detached.json"
        return int(json.loads(path.read_text())["pid"]) if path.exists() else 0

    def begun(self, node) -> None:
        """Until the job is on the server."""
        from impasto.nuke.inside import rendering

        nuke._pump(lambda: node["impasto_job"].value() or not rendering._running, SECONDS)
        self.assertTrue(node["impasto_job"].value(), nuke._messages)

    def end_server(self) -> None:
        pid = self.server()
        if pid:
            os.kill(pid, signal.SIGTERM)
            ends = time.monotonic() + 20
            while Path(f"/proc/{pid}").exists() and time.monotonic() < ends:
                time.sleep(0.05)

    def test_a_shot_is_measured_beside_nuke_in_a_poisoned_environment(self):
        node = self.make("OpticalFlow")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready", nuke._messages)
        files = [Path(node.node("Result")["file"].value() % frame) for frame in range(1001, 1005)]
        self.assertTrue(all(path.is_file() for path in files))
        self.assertIn(b"forward.u", files[0].read_bytes()[:4000])
        self.assertTrue(self.server(), "the job ran on a server that outlives the sidecar")
        before = files[0].stat().st_mtime_ns
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready")
        self.assertEqual(files[0].stat().st_mtime_ns, before, "frames that are there are not made again")

    def test_a_job_goes_on_without_nuke_and_is_attached_to_again(self):
        from impasto.nuke import sidecar
        from impasto.nuke.inside import rendering

        node = self.make("OpticalFlow")
        nuke._press(node, "render")
        self.begun(node)
        job = node["impasto_job"].value()
        nuke.scriptSave()
        sidecar.stop_all()  # what closing Nuke does
        nuke._pump(lambda: not rendering._running, SECONDS)
        del nuke._messages[:]
        nuke.scriptOpen(str(self.script))
        node = nuke.toNode("OpticalFlow1")
        self.assertEqual(node["impasto_job"].value(), job)
        nuke._press(node, "reattach")
        self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready", nuke._messages)
        self.assertTrue(Path(node.node("Result")["file"].value() % 1004).is_file())

    def test_a_cancelled_job_ends_on_the_server_too(self):
        node = self.make("OpticalFlow")
        node["motion"].setValue("deepflow")
        nuke._press(node, "render")
        self.begun(node)
        nuke._press(node, "cancel")
        self.assertEqual(self.wait(node, 60), "cancelled: press Render to go on")
        from impasto.nuke import command, following

        sending = following.Sending(
            command.find(os.environ), command.scrubbed(os.environ), "", str(self.folder / "log")
        )
        told = following.listen(sending, "job", "list")
        self.assertRegex(told, "cancelled|succeeded")  # a quick job may have come to its end first

    def test_a_server_that_is_killed_is_told_of_and_rendering_again_goes_on(self):
        node = self.make("OpticalFlow")
        node["motion"].setValue("deepflow")
        nuke._press(node, "render")
        self.begun(node)
        os.kill(self.server(), signal.SIGKILL)
        said = self.wait(node, SECONDS)
        if not said.endswith("ready"):  # the job may have ended in the same moment
            self.assertTrue(said.startswith("failed: "), said)
            nuke._press(node, "render")
            self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready", nuke._messages)

    def test_the_steps_of_the_tutorial(self):
        node = self.make()
        node["look"].setValue("hatching")
        nuke.frame(1002)
        nuke._press(node, "preview")
        self.assertEqual(self.wait(node, SECONDS), "preview: frame 1002 painted alone", nuke._messages)
        self.assertTrue(Path(node.node("Preview")["file"].value() % 1002).is_file())
        node.setInput(2, self.read)
        nuke._press(node, "key_add")
        node["look"].setValue("keys only")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready", nuke._messages)
        painted = [Path(node.node("Result")["file"].value() % frame) for frame in range(1001, 1005)]
        before = [path.read_bytes() for path in painted]
        del nuke._executed[:]
        node["relight"].setValue(0.0)
        self.assertTrue(node["status"].value().startswith("stale"))
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready", nuke._messages)
        self.assertEqual(nuke._executed, [], "the inputs are not written again")
        self.assertNotEqual(before, [path.read_bytes() for path in painted])

    def test_two_views_come_back_as_two(self):
        nuke._views[:] = ["left", "right"]
        node = self.make("OpticalFlow")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready", nuke._messages)
        pattern = node.node("Result")["file"].value()
        self.assertIn("%V", pattern)
        for view in ("left", "right"):
            self.assertTrue(Path(pattern.replace("%V", view) % 1003).is_file())

    def test_an_output_that_cannot_be_written_is_told_in_one_sentence(self):
        node = self.make("OpticalFlow")
        (self.folder / "impasto/shot_v001/OpticalFlow1/result.1003.exr").mkdir(parents=True)
        nuke._press(node, "render")
        said = self.wait(node, SECONDS)
        self.assertTrue(said.startswith("failed"), said)
        self.assertEqual(len(nuke._messages), 1)

    def test_a_bad_request_comes_back_in_the_commands_own_sentence(self):
        node = self.make("OpticalFlow")
        node["motion"].setValue("vector files")
        node["motion_file"].setValue((self.folder / "no.####.exr").as_posix())
        nuke._press(node, "render")
        said = self.wait(node, SECONDS)
        self.assertIn("No file of the motion", said)
        self.assertIn("No file of the motion", nuke._messages[0])


class TrulyHeadless(Truly):
    """Only what differs without windows; the others are not run twice."""

    def test_a_key_is_carried_on_a_farm(self):
        import impasto.nuke

        node = self.make()
        node["look"].setValue("keys only")
        node["keys"].setValue("1002")
        node.setInput(2, self.read)
        nuke.GUI = False
        files = impasto.nuke.render(node, 1002, 1003)
        self.assertTrue(all(Path(path).is_file() for path in files))
        self.assertFalse(self.server(), "on a farm no server is left behind")
        self.assertIn(b"occlusion.next", Path(files[0]).read_bytes()[:4000])

    def test_a_server_that_cannot_be_reached_ends_with_3(self):
        import impasto.nuke
        from impasto.nuke.errors import NodeError

        node = self.make("OpticalFlow")
        node["server"].setValue("127.0.0.1:9")
        nuke.GUI = False
        with self.assertRaises(NodeError) as caught:
            impasto.nuke.render(node, 1001, 1001)
        self.assertEqual(caught.exception.exit_code, 3)


for _name in [name for name in dir(Truly) if name.startswith("test_")]:
    setattr(TrulyHeadless, _name, None)

if __name__ == "__main__":
    unittest.main()
