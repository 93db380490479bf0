"""The same buttons with the true command: a detached server, jobs, frames, cancelling, a poisoned environment.

TRUE_COMMAND names the command as a JSON list, SMALL_PLATES a folder of plate.1001.exr to plate.1004.exr, TRUE_HOME a
folder for the server's state and cache, SMALL_DISK the folder of a disk that is soon full.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest
from pathlib import Path

from stage import Scenario, nuke

SECONDS = 240.0


def serving() -> int:
    """Process of the user's own server; 0 where none runs."""
    path = Path(os.environ["XDG_STATE_HOME"], "impasto/detached.json")
    return int(json.loads(path.read_text())["pid"]) if path.exists() else 0


class Truly(Scenario):
    """All share one home: what costs time is a server that comes up."""

    def setUp(self) -> None:
        super().setUp()
        home = Path(os.environ["TRUE_HOME"])
        os.environ["XDG_STATE_HOME"] = str(home / "state")
        os.environ["XDG_CACHE_HOME"] = str(home / "cache")
        poison = self.folder / "poison/google/protobuf"
        poison.mkdir(parents=True)
        for folder in (poison, poison.parent):
            (folder / "__init__.py").write_text("raise ImportError('an old protobuf came first')\n")
        for name in ("grpc.py", "numpy.py", "typer.py"):
            (self.folder / "poison" / name).write_text("raise ImportError('Nuke has its own')\n")
        os.environ["PYTHONPATH"] = str(self.folder / "poison")
        os.environ["PYTHONHOME"] = str(self.folder / "nowhere")
        os.environ["LD_LIBRARY_PATH"] = str(self.folder / "nowhere")
        if os.environ.get("CLEAN"):
            self.clean()

    def make(self, kind: str = "StyleTransfer"):
        node = super().make(kind)
        node["motion"].setValue("dis")  # the quick one
        return node

    def clean(self) -> None:
        """The environment of a Nuke that sets nothing."""
        for name in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH"):
            os.environ.pop(name, None)

    def plates(self) -> str:
        shutil.copytree(os.environ["SMALL_PLATES"], str(self.folder / "plates"))
        return (self.folder / "plates/plate.%04d.exr").as_posix()

    def begun(self, node) -> None:
        """Until the job is on the server."""
        from impasto.nuke.inside import rendering

        nuke._pump(lambda: node["impasto_job"].value() or not rendering._running, SECONDS)
        self.assertTrue(node["impasto_job"].value(), nuke._messages)

    def test_a_shot_is_measured_beside_nuke_in_a_poisoned_environment(self):
        node = self.make("OpticalFlow")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready", nuke._messages)
        files = [Path(node.node("Result")["file"].value() % frame) for frame in range(1001, 1005)]
        self.assertTrue(all(path.is_file() for path in files))
        self.assertIn(b"forward.u", files[0].read_bytes()[:4000])
        self.assertTrue(serving(), "the job ran on a server that outlives the sidecar")
        before = files[0].stat().st_mtime_ns
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready")
        self.assertEqual(files[0].stat().st_mtime_ns, before, "frames that are there are not made again")

    def test_the_command_answers_in_a_clean_environment_too(self):
        self.clean()
        node = self.make("OpticalFlow")
        node["motion"].setValue("vector files")
        node["motion_file"].setValue((self.folder / "no.####.exr").as_posix())
        nuke._press(node, "render")
        self.assertIn("No file of the motion", self.wait(node, SECONDS))

    def test_keys_are_picked_and_their_sheet_is_made(self):
        node = self.make("KeyPicker")
        node["most"].setValue(1)
        nuke._press(node, "render")
        self.assertRegex(self.wait(node, SECONDS), "^picked 100[1-4]$", nuke._messages)
        self.assertRegex(node["coverage"].value(), r"^\d+ % of 95 % wanted: 100[1-4] \d+ %$")
        self.assertEqual(Path(node.node("Result")["file"].value()).read_bytes()[:4], b"\x89PNG")

    def test_a_key_is_mapped_for_a_stock_stmap(self):
        node = self.make("STMapFromKey")
        node["key_frame"].setValue(1002)
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready", nuke._messages)
        head = Path(node.node("Result")["file"].value() % 1003).read_bytes()[:4000]
        self.assertIn(b"stmap.u", head)
        self.assertIn(b"coverage.a", head)

    def test_a_plate_is_slowed_down(self):
        node = self.make("FrameInterpolate")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1001-1007 ready", nuke._messages)
        self.assertTrue(Path(node.node("Result")["file"].value() % 1006).is_file())
        node["timing"].setValue("Frame")
        node["timing_frame"]._value = "{curve 0.25 976}"
        node["frame_range"].setValue("custom")
        node["frames"].setValue("101-103")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "101-103 ready", nuke._messages)

    def test_a_server_restarted_under_it_is_waited_for_and_a_clean_environment_does_too(self):
        self.clean()
        address = self.free_address()
        command = self.serve(address)
        with open(str(self.folder / "server.log"), "wb") as log:  # noqa: PTH123
            first = subprocess.Popen(command, stdout=log, stderr=log)
            node = self.make("OpticalFlow")
            node["server"].setValue(address)
            node["motion"].setValue("deepflow")
            self.reached(address)
            nuke._press(node, "render")
            self.begun(node)
            first.kill()
            first.wait()
            second = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready", nuke._messages)
            self.assertEqual(nuke._messages, [])
        finally:
            second.terminate()
            second.wait()

    def free_address(self) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return f"127.0.0.1:{probe.getsockname()[1]}"

    def serve(self, address: str, *options: str) -> list:
        command = [*json.loads(os.environ["TRUE_COMMAND"]), "serve", "--listen", address, "--state"]
        return [*command, str(self.folder / "server"), "--root", str(self.folder), *options]

    def test_a_server_behind_tls_and_a_token_is_reached_by_what_the_environment_says(self):
        if shutil.which("openssl") is None:
            return
        self.clean()
        for words in (
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=studio -keyout ca.key -out ca.pem",
            "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout own.key -out own.csr",
            "x509 -req -in own.csr -CA ca.pem -CAkey ca.key -days 2 -extfile names -out own.pem",
        ):
            (self.folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
            subprocess.run(["openssl", *words.split()], check=True, cwd=str(self.folder), capture_output=True)
        (self.folder / "token").write_text("letmein")
        options = [f"--tls-cert={self.folder}/own.pem", f"--tls-key={self.folder}/own.key"]
        address = self.free_address()
        with open(str(self.folder / "server.log"), "wb") as log:  # noqa: PTH123
            server = subprocess.Popen(
                self.serve(address, *options, f"--token-file={self.folder}/token"), stdout=log, stderr=log
            )
        try:
            self.reached(address)
            node = self.make("OpticalFlow")
            node["server"].setValue(address.replace("127.0.0.1", "localhost"))
            node["frame_range"].setValue("custom")
            node["frames"].setValue("1002")
            os.environ["IMPASTO_TLS_CA"] = str(self.folder / "ca.pem")
            os.environ["IMPASTO_TOKEN"] = "wrong"
            nuke._press(node, "render")
            self.assertIn("token", self.wait(node, SECONDS))
            os.environ["IMPASTO_TOKEN"] = "letmein"
            nuke._press(node, "render")
            self.assertEqual(self.wait(node, SECONDS), "1002 ready", nuke._messages)
            nuke.scriptSave()
            self.assertNotIn("letmein", self.script.read_text(encoding="utf-8"))
        finally:
            server.terminate()
            server.wait()

    def reached(self, address: str) -> None:
        host, _, port = address.partition(":")
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            with socket.socket() as line:
                if line.connect_ex((host, int(port))) == 0:
                    return
            time.sleep(0.1)
        self.fail("the server does not come up")

    def test_a_full_disk_is_told_and_whole_frames_are_kept(self):
        disk = os.environ.get("SMALL_DISK", "")
        if not disk:
            return  # the test that starts this says so
        for left in Path(disk).iterdir():  # by this scenario in another Python
            left.unlink() if left.is_file() else shutil.rmtree(left)
        node = self.make("OpticalFlow")
        node["directory"].setValue(disk)
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready", nuke._messages)
        results = sorted(Path(disk).glob("result.*.exr"))
        size = results[0].stat().st_size
        for path in results:
            path.unlink()
        left = shutil.disk_usage(disk).free
        Path(disk, "others.bin").write_bytes(b"0" * int(left - 2.5 * size))
        del nuke._messages[:]
        node["pass_confidence"].setValue(False)
        node["pass_confidence"].setValue(True)
        nuke._press(node, "render")
        said = self.wait(node, SECONDS)
        self.assertTrue(said.startswith("failed"), said)
        self.assertEqual(len(nuke._messages), 1)
        self.assertRegex(nuke._messages[0], "(?i)no space|disk|full")
        kept = sorted(path.name for path in Path(disk).glob("*") if path.name.startswith("result"))
        self.assertEqual([name for name in kept if not name.endswith(".exr")], [], "no partial files")
        self.assertTrue(1 <= len(kept) <= 3, kept)

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

    def test_a_server_that_has_ended_since_is_told_of_when_attaching_again(self):
        node = self.make("OpticalFlow")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready", nuke._messages)
        os.environ["XDG_STATE_HOME"] = str(self.folder / "another home")
        node["impasto_job"].setValue("jobs/7f3a")
        nuke._press(node, "reattach")
        self.assertIn("has ended since", self.wait(node, SECONDS))

    def test_a_cancelled_job_ends_on_the_server_too(self):
        node = self.make("OpticalFlow")
        node["motion"].setValue("deepflow")
        nuke._press(node, "render")
        self.begun(node)
        nuke._press(node, "cancel")
        self.assertEqual(self.wait(node, 60), "cancelled: press Render to go on")
        from impasto.nuke import following

        sending = following.Sending(dict(os.environ), "", str(self.folder / "log"))
        told = following.listen(sending, "job", "list")
        self.assertRegex(told, "cancelled|succeeded")  # a quick job may have come to its end first

    def test_a_server_that_is_killed_is_told_of_and_rendering_again_goes_on(self):
        node = self.make("OpticalFlow")
        node["motion"].setValue("deepflow")
        nuke._press(node, "render")
        self.begun(node)
        os.kill(serving(), signal.SIGKILL)
        said = self.wait(node, SECONDS)
        if not said.endswith("ready"):  # the job may have ended in the same moment
            self.assertTrue(said.startswith("failed: "), said)
            nuke._press(node, "render")
            self.assertEqual(self.wait(node, SECONDS), "1001-1004 ready", nuke._messages)

    def test_the_steps_of_the_tutorial(self):
        node = self.make()
        node["look"].setValue("hatching")
        node["preview_scale"].setValue("quarter")
        node["look_model"].setValue("swd")  # whose parameters the panel has, so that the command reads them
        nuke.frame(1002)
        nuke._press(node, "preview")
        self.assertEqual(self.wait(node, SECONDS), "preview: frame 1002 painted alone", nuke._messages)
        self.assertTrue(Path(node.node("Preview")["file"].value() % 1002).is_file())
        node.setInput(2, self.read)
        nuke._press(node, "key_add")
        node["look"].setValue("keys only")
        node["shot"].setValue("1002-1003")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1002-1003 ready", nuke._messages)
        painted = [Path(node.node("Result")["file"].value() % frame) for frame in (1002, 1003)]
        before = [path.read_bytes() for path in painted]
        del nuke._executed[:]
        node["relight"].setValue(0.0)
        self.assertTrue(node["status"].value().startswith("stale"))
        nuke._press(node, "render")
        self.assertEqual(self.wait(node, SECONDS), "1002-1003 ready", nuke._messages)
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
        os.environ["XDG_STATE_HOME"] = str(self.folder / "farm")
        files = impasto.nuke.render(node, 1002, 1003)
        self.assertTrue(all(Path(path).is_file() for path in files))
        self.assertFalse(serving(), "on a farm no server is left behind")
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
