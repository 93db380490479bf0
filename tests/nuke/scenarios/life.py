"""A node's life: made, saved, opened, old, copied, rendered through a Write, on a farm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

from stage import PROJECT, SIDECAR, STARTUP, Scenario, nuke


class Opening(Scenario):
    def test_opening_a_script_changes_nothing_and_starts_nothing(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        nuke.scriptSave()
        calls = (self.folder / "state/calls.jsonl").read_text()
        text = self.script.read_text(encoding="utf-8")
        os.utime(str(self.folder / "plates/plate.1002.exr"), (1, 1))
        nuke.scriptOpen(str(self.script))
        self.assertFalse(nuke.root().modified())
        nuke.scriptSave()
        self.assertEqual(self.script.read_text(encoding="utf-8"), text)
        self.assertEqual((self.folder / "state/calls.jsonl").read_text(), calls)

    def test_a_saved_node_keeps_its_knobs_and_result(self):
        node = self.make()
        node["style_scale"].setValue(2.5)
        nuke._press(node, "render")
        self.wait(node)
        nuke.scriptSave()
        nuke.scriptOpen(str(self.script))
        node = nuke.toNode("StyleTransfer1")
        self.assertEqual((node["style_scale"].value(), node["look"].value()), (2.5, "hatching"))
        self.assertIn("result.%04d.exr", node.node("Result")["file"].value())
        self.assertEqual(self.check(node), "1001-1004 ready")

    def test_opening_the_panel_judges_the_result(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        os.utime(str(self.folder / "plates/plate.1004.exr"), (1, 1))
        nuke._open_panel(node)
        self.assertIn("stale", self.wait(node))
        self.assertEqual(node["tile_color"].value(), 0xB0762AFF)

    def test_a_node_saved_at_work_says_on_opening_its_panel_how_to_go_on(self):
        node = self.make()
        self.behave(seconds=0.5)
        nuke._press(node, "render")
        nuke._pump(lambda: node["impasto_job"].value())
        nuke.scriptSave()
        nuke._open_panel(node)
        self.assertTrue(node["status"].value().startswith("rendering"), "this Nuke is at it")
        self.wait(node)
        nuke.scriptOpen(str(self.script))
        node = nuke.toNode("StyleTransfer1")
        self.assertTrue(node["status"].value().startswith("rendering"), "opening a script changes nothing")
        nuke._open_panel(node)
        self.settle()
        self.assertEqual(node["status"].value(), "left while rendering: press Re-attach")
        self.behave()
        nuke._press(node, "reattach")
        self.assertEqual(self.wait(node), "1001-1004 ready", nuke._messages)

    def test_a_node_of_a_newer_impasto_is_told_of_and_left_alone(self):
        node = self.make()
        node["impasto_version"].setValue(9)
        nuke.scriptSave()
        nuke.scriptOpen(str(self.script))
        self.assertIn("newer Impasto", nuke._printed[-1])
        self.assertEqual(nuke.toNode("StyleTransfer1")["impasto_version"].value(), 9)

    def test_knobs_that_do_not_matter_are_greyed(self):
        node = self.make()
        node["look"].setValue("style file")
        self.assertTrue(node["style_file"].enabled())
        self.assertFalse(node["style_frame"].enabled())

    def test_files_that_cannot_be_seen_here_are_unverified_and_no_error(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        (self.folder / "plates").rename(self.folder / "moved")
        self.assertIn("unverified", self.check(node))
        os.environ["IMPASTO_PATH_MAP"] = f"{(self.folder / 'plates').as_posix()}={(self.folder / 'moved').as_posix()}"
        self.assertEqual(self.check(node), "1001-1004 ready")

    def test_a_node_above_that_is_changed_makes_it_stale_but_not_one_that_is_moved(self):
        grade = nuke.createNode("Grade")
        grade.setInput(0, self.read)
        node = self.make()
        node.setInput(0, grade)
        nuke._press(node, "render")
        self.wait(node)
        grade["xpos"].setValue(400)
        grade["label"].setValue("x")
        self.assertEqual(self.check(node), "1001-1004 ready")
        grade["white"].setValue(2.0)
        self.assertEqual(self.check(node), "stale: nodes above it were changed")

    def test_the_mask_and_the_live_knobs_make_nothing_stale(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        node.setInput(3, self.read)
        node["mix"].setValue(0.5)
        node["output"].setValue("motion")
        node["matte_to_alpha"].setValue("both")
        self.assertEqual(self.check(node), "1001-1004 ready")

    def test_a_copy_shows_the_same_frames_and_renders_into_a_folder_of_its_own(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        nuke._copy(str(self.folder / "clipboard.nk"), [node])
        copy = nuke.nodePaste(str(self.folder / "clipboard.nk"))
        copy.setInput(0, self.read)
        self.assertIn("/StyleTransfer1/", copy.node("Result")["file"].value())
        nuke._press(copy, "render")
        self.assertEqual(self.wait(copy), "1001-1004 ready", nuke._messages)
        self.assertIn("/StyleTransfer2/", copy.node("Result")["file"].value())
        self.assertIn("/StyleTransfer1/", node.node("Result")["file"].value())
        self.assertNotEqual(copy["impasto_identity"].value(), node["impasto_identity"].value())

    def test_a_node_in_a_group_is_found_by_its_whole_name(self):
        node = self.make()
        group = nuke.createNode("Group")
        nuke._root._children.remove(node)
        nuke._into(group, node, "StyleTransfer1")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node), "1001-1004 ready", nuke._messages)
        self.assertIn("/Group1_StyleTransfer1/", node.node("Result")["file"].value())

    def test_a_working_space_changed_makes_it_stale(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        nuke._root["colorManagement"]._value = "OCIO"
        self.assertEqual(self.check(node), "stale: its own knobs were changed")

    def test_a_user_without_a_home_can_render_too(self):
        os.environ["HOME"] = "/dev/null"
        self.assertEqual(self.rendered(self.make()), "1001-1004 ready")

    def rendered(self, node) -> str:
        nuke._press(node, "render")
        return self.wait(node)


class Ranges(Scenario):
    frames = (-2, 1)

    def plates(self) -> str:
        import shutil

        (self.folder / "plates").mkdir()
        for place, frame in enumerate(range(self.frames[0], self.frames[1] + 1)):
            name = f"plates/plate.{frame:04d}.exr"
            shutil.copy(str(PROJECT / f"examples/shot/plate.{1001 + place}.exr"), str(self.folder / name))
        return (self.folder / "plates/plate.%04d.exr").as_posix()

    def job(self) -> dict:
        return json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))

    def test_frames_below_zero_and_with_steps_are_written_asked_for_and_shown(self):
        node = self.make()
        node["frame_range"].setValue("custom")
        node["frames"].setValue("-2-1x3")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node), "-2,1 ready", nuke._messages)
        self.assertEqual((self.job()["plate"]["shot"], self.job()["plate"]["frames"]), ("-2-1", "-2,1"))
        self.assertEqual([frame for _, frame, _ in nuke._executed], [-2, -1, 0, 1])
        folder = self.folder / "impasto/shot_v001/StyleTransfer1"
        self.assertTrue((folder / "inputs/plate.-002.exr").is_file())
        self.assertTrue(Path(node.node("Result")["file"].value() % -2).is_file())
        self.assertEqual(node.node("Span")["first_frame"].value(), -2)

    def test_the_global_range_is_what_of_it_lies_in_the_shot(self):
        node = self.make()
        nuke._root["first_frame"]._value, nuke._root["last_frame"]._value = 0, 50
        self.addCleanup(lambda: nuke._root["first_frame"]._from_script("1"))
        node["frame_range"].setValue("global")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node), "0-1 ready", nuke._messages)
        nuke._root["first_frame"]._value = 40
        nuke._press(node, "render")
        self.assertIn("No frame of the script's range lies in the shot -2-1", nuke._messages[-1])

    def test_its_files_are_shown_by_the_systems_browser(self):
        node = self.make()
        opener = self.folder / "bin/xdg-open"
        opener.parent.mkdir()
        opener.write_text(f'#!/bin/sh\necho "$1" > "{self.folder}/opened"\n')
        opener.chmod(0o755)
        os.environ["PATH"] = f"{opener.parent}{os.pathsep}{os.environ['PATH']}"
        nuke._press(node, "show_files")
        self.settle()
        nuke._pump(lambda: (self.folder / "opened").exists())
        self.assertIn("impasto/shot_v001/StyleTransfer1", (self.folder / "opened").read_text(encoding="utf-8"))
        os.environ["PATH"] = str(self.folder)
        nuke._press(node, "show_files")
        self.settle()
        self.assertIn("The folder cannot be opened with xdg-open", nuke._messages[-1])


class Writing(Scenario):
    def write(self, node):
        writer = nuke.createNode("Write")
        writer.setInput(0, node)
        writer["file"].setValue((self.folder / "comp/comp.%04d.exr").as_posix())
        writer["create_directories"].setValue(True)
        return writer

    def test_a_fresh_result_is_rendered(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        nuke.execute(self.write(node), 1001, 1002)
        self.assertTrue((self.folder / "comp/comp.1002.exr").is_file())

    def test_a_node_never_rendered_ends_it_with_a_sentence(self):
        with self.assertRaisesRegex(RuntimeError, "StyleTransfer1 has no result yet"):
            nuke.execute(self.write(self.make()), 1001, 1002)

    def test_a_frame_that_is_missing_ends_it(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        Path(node.node("Result")["file"].value() % 1002).unlink()
        with self.assertRaisesRegex(RuntimeError, r"result\.1002\.exr"):
            nuke.execute(self.write(node), 1001, 1002)

    def test_a_stale_result_ends_it_unless_the_node_says_otherwise(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        node["strength"].setValue(0.5)
        writer = self.write(node)
        with self.assertRaisesRegex(RuntimeError, "is stale, because its own knobs were changed"):
            nuke.execute(writer, 1001, 1002)
        node["when_stale"].setValue("warn")
        nuke.execute(writer, 1001, 1002)
        self.assertIn("old frames are used", nuke._printed[-1])
        node["when_stale"].setValue("use")
        count = len(nuke._printed)
        nuke.execute(writer, 1001, 1002)
        self.assertEqual(len(nuke._printed), count)

    def test_a_preview_is_never_rendered(self):
        node = self.make()
        nuke._press(node, "preview")
        self.wait(node)
        with self.assertRaisesRegex(RuntimeError, "shows a preview"):
            nuke.execute(self.write(node), 1001, 1002)

    def test_a_write_beside_it_is_not_disturbed(self):
        self.make()
        nuke.execute(self.write(self.read), 1001, 1002)

    def test_a_disabled_node_is_passed_by(self):
        node = self.make()
        node["disable"].setValue(True)
        nuke.execute(self.write(node), 1001, 1001)

    def test_one_of_our_nodes_above_another_is_checked_when_that_reads_it(self):
        above, below = self.make("OpticalFlow"), self.make()
        below.setInput(0, above)
        nuke._press(below, "render")
        self.settle()
        self.assertIn("OpticalFlow1 has no result yet", nuke._messages[0])
        nuke._press(above, "render")
        self.wait(above)
        nuke._press(below, "render")
        self.assertEqual(self.wait(below), "1001-1004 ready")


class Headless(Scenario):
    def setUp(self) -> None:
        super().setUp()
        self.node = self.make()
        nuke.scriptSave()
        nuke.GUI = False

    def test_the_one_call_for_scripts_waits_and_names_the_files(self):
        import impasto.nuke

        files = impasto.nuke.render(self.node, 1002, 1003)
        self.assertEqual([Path(path).name for path in files], ["result.1002.exr", "result.1003.exr"])
        self.assertTrue(all(Path(path).is_file() for path in files))
        self.assertEqual([frame for _, frame, _ in nuke._executed], [1001, 1002, 1003, 1004])
        self.assertEqual((nuke._messages, nuke._tasks), ([], []))

    def test_it_raises_what_went_wrong_with_the_exit_code(self):
        import impasto.nuke
        from impasto.nuke.errors import NodeError

        self.behave(failing=[1002])
        with self.assertRaises(NodeError) as caught:
            impasto.nuke.render(self.node, 1001, 1002)
        self.assertEqual(caught.exception.exit_code, 4)
        with self.assertRaises(NodeError) as caught:
            impasto.nuke.render(self.read, 1001, 1002)
        self.assertIn("no node of Impasto", str(caught.exception))

    def test_a_script_is_rendered_from_the_shell_with_an_exit_code(self):
        from impasto.nuke.inside import batch

        self.assertEqual(batch.main([str(self.script), "--node", "StyleTransfer1", "--frames", "1001-1002"]), 0)
        self.assertTrue(nuke._printed[-1].endswith("result.1002.exr"))
        self.assertEqual(batch.main([str(self.script), "--node", "Nobody"]), 2)
        self.assertEqual(batch.main([str(self.folder / "no.nk")]), 1)
        self.behave(exit=3)
        self.assertEqual(batch.main([str(self.script)]), 3)

    def test_a_nuke_without_script_open_reads_the_script_instead(self):
        from impasto.nuke.inside import batch

        nuke._root._children.clear()
        opening = nuke.scriptOpen
        self.addCleanup(setattr, nuke, "scriptOpen", opening)
        del nuke.scriptOpen
        nuke._state["script"] = ""
        self.assertEqual(batch.main([str(self.script), "--frames", "1002"]), 0)
        self.assertTrue((self.folder / "impasto/shot_v001/StyleTransfer1/result.1002.exr").is_file())

    def test_saving_lets_the_script_show_what_was_rendered(self):
        from impasto.nuke.inside import batch

        self.assertEqual(batch.main([str(self.script), "--save"]), 0)
        nuke.scriptOpen(str(self.script))
        self.assertTrue(nuke.toNode("StyleTransfer1")["has_result"].value())

    def test_a_button_pressed_without_windows_renders_and_raises(self):
        nuke._press(self.node, "render")
        self.assertTrue(self.node["has_result"].value())
        self.behave(exit=2)
        self.node["seed"].setValue(7)
        with self.assertRaises(RuntimeError):
            nuke._press(self.node, "render")

    def test_views_are_written_each_into_files_of_its_own(self):
        import impasto.nuke

        nuke._views[:] = ["left", "right"]
        self.behave()
        with self.assertRaises(RuntimeError):  # the sidecar of scenarios knows no views; the job file is what counts
            impasto.nuke.render(self.node, 1001, 1001)
        job = json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))
        self.assertTrue(job["plate"]["pattern"].endswith("inputs/plate.%V.####.exr"))
        self.assertTrue(job["output"]["pattern"].endswith("result.%V.####.exr"))
        self.assertEqual({view for _, _, view in nuke._executed}, {"left", "right"})

    def test_the_working_space_of_ocio_is_named(self):
        import impasto.nuke

        nuke._root["colorManagement"]._value = "OCIO"
        nuke._root["workingSpaceLUT"]._value = "ACES - ACEScg"
        impasto.nuke.render(self.node, 1001, 1001)
        job = json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))
        self.assertEqual(job["colour"], {"plate": "ACES - ACEScg", "out": "ACES - ACEScg", "key": "ACES - ACEScg"})

    def test_negative_frames_and_steps(self):
        import impasto.nuke.places
        import impasto.nuke.ranges

        self.assertEqual(impasto.nuke.ranges.parse("-3--1,5-9x2"), (-3, -2, -1, 5, 7, 9))
        self.assertEqual(impasto.nuke.ranges.write((-3, -2, -1, 5, 7)), "-3--1,5,7")
        self.assertEqual(impasto.nuke.places.path_of("a.%04d.exr", -3), "a.-003.exr")


class Starting(Scenario):
    def nuke(self, code: str, **environment: str) -> subprocess.CompletedProcess:
        path = os.pathsep.join([str(PROJECT / "tests/nuke/fake"), str(PROJECT / "tools/nuke")])
        whole = {**self.environment, "PYTHONPATH": path, **environment}
        return subprocess.run([sys.executable, "-c", code], env=whole, capture_output=True, text=True)

    def test_starting_imports_nothing_but_the_standard_library_and_one_package_of_ours(self):
        code = (
            "import sys, nuke, runpy; before = set(sys.modules); path = list(sys.path)\n"
            f"runpy.run_path({str(STARTUP / 'init.py')!r})\n"
            "assert path == sys.path, sys.path\n"
            "import impasto.nuke.inside.buttons, impasto.nuke.inside.changes, impasto.nuke.inside.batch\n"
            "new = set(sys.modules) - before\n"
            "bad = [n for n in new if n.split('.')[0] in ('google', 'grpc', 'numpy', 'PySide2', 'PySide6', 'rich')]\n"
            "ours = {n for n in new if n.startswith('impasto') and not n.startswith('impasto.nuke')}\n"
            "assert not bad, bad\n"
            "assert ours <= {'impasto'}, ours\n"
            "print('well')"
        )
        done = self.nuke(code)
        self.assertEqual((done.stdout.strip(), done.stderr), ("well", ""))

    def test_a_broken_installation_never_stops_nuke(self):
        import shutil

        broken = self.folder / "broken"
        shutil.copytree(str(STARTUP.parent), str(broken / "impasto/nuke"))
        (broken / "impasto/nuke/__init__.py").write_text("import nothing_of_the_kind\n")
        code = f"import nuke, runpy\nrunpy.run_path({str(broken / 'impasto/nuke/startup/init.py')!r})\n"
        code += f"runpy.run_path({str(broken / 'impasto/nuke/startup/menu.py')!r})\nprint('nuke starts')"
        done = self.nuke(code)
        self.assertIn("nuke starts", done.stdout)
        self.assertIn("Impasto: not loaded", done.stderr)

    def test_a_second_version_on_the_path_gives_way(self):
        import shutil

        other = self.folder / "other/impasto/nuke"
        shutil.copytree(str(STARTUP.parent), str(other))
        code = f"import nuke, runpy\nrunpy.run_path({str(STARTUP / 'init.py')!r})\n"
        code += f"runpy.run_path({str(other / 'startup/init.py')!r})\nprint(len(nuke._callbacks['beforeRender']))"
        done = self.nuke(code)
        self.assertEqual(done.stdout.strip(), "1")
        self.assertIn("came first", done.stderr)

    def test_the_menu_holds_the_nodes_once(self):
        import runpy

        runpy.run_path(str(STARTUP / "menu.py"))
        runpy.run_path(str(STARTUP / "menu.py"))
        menu = nuke.toolbar("Nodes").findItem("Impasto")
        from impasto.nuke.inside import knobs, menus

        self.assertEqual(list(menu._items), [*menus.NODES.values(), menus.UPDATE])
        self.assertEqual(set(menus.NODES), set(knobs.KINDS))
        for command in menu._items.values():
            exec(command, {"nuke": nuke})
        self.assertTrue(Path(nuke._plugin_path[0], menus.ICON).is_file())
        self.assertEqual({menu._looks[label]["icon"] for label in menus.NODES.values()}, {menus.ICON})

    def test_closing_nuke_ends_the_sidecar_within_a_moment(self):
        code = (
            "import sys, time, os\n"
            f"sys.path.insert(0, {str(PROJECT / 'tests/nuke/fake')!r})\n"
            f"import nuke, runpy; runpy.run_path({str(STARTUP / 'init.py')!r})\n"
            "from impasto.nuke import sidecar\n"
            "made = sidecar.Sidecar([sys.executable, '-c', 'import time; time.sleep(60)'], dict(os.environ), 'log')\n"
            "print(made._process.pid)"
        )
        done = self.nuke(code, PWD=str(self.folder))
        self.assertEqual(done.returncode, 0, done.stderr)
        with self.assertRaises(ProcessLookupError):
            os.kill(int(done.stdout), 0)
        Path("log").unlink()

    def test_a_deaf_sidecar_and_its_children_are_killed_after_the_grace(self):
        import time

        from impasto.nuke import sidecar

        child = "import time; time.sleep(60)"
        deaf = (
            "import signal, subprocess, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
            f"p = subprocess.Popen([sys.executable, '-c', {child!r}]); print(p.pid, flush=True); time.sleep(60)"
        )
        made = sidecar.Sidecar([sys.executable, "-c", deaf], dict(os.environ), str(self.folder / "log"))
        pid = int(next(made.text()))
        began = time.monotonic()
        made.stop(grace=0.3)
        self.assertLess(time.monotonic() - began, 2.0)
        time.sleep(0.1)
        state = Path(f"/proc/{pid}/stat")
        self.assertTrue(not state.exists() or ") Z " in state.read_text())


class Rules(Scenario):
    """The fake's own rules trip."""

    def violations(self) -> str:
        told = "".join(nuke._violations)
        del nuke._violations[:]
        return told

    def test_calls_from_another_thread(self):
        import threading

        thread = threading.Thread(target=lambda: self.assertRaises(RuntimeError, self.read.knob, "file"), name="beside")
        thread.start()
        thread.join()
        self.assertIn("called from the thread beside", self.violations())

    def test_executing_within_a_callback(self):
        writer = nuke.createNode("Write")
        self.read["knobChanged"]._value = "nuke.execute(nuke.toNode('Write1'), 1, 1)"
        with self.assertRaises(RuntimeError):
            self.read["first"].setValue(3)
        self.assertIn("already executing something else", self.violations())
        self.assertEqual(writer.name(), "Write1")

    def test_main_thread_calls_on_the_main_thread(self):
        self.assertRaises(RuntimeError, nuke.executeInMainThread, print)
        self.assertIn("where Nuke hangs", self.violations())

    def test_windows_where_there_are_none(self):
        nuke.GUI = False
        self.assertRaises(RuntimeError, nuke.message, "x")
        self.assertRaises(RuntimeError, nuke.ProgressTask, "x")
        self.assertEqual(len(nuke._violations), 2)
        self.assertIn("needs windows", self.violations())

    def test_exceptions_that_the_main_thread_would_swallow(self):
        import threading

        thread = threading.Thread(target=lambda: nuke.executeInMainThread(lambda: 1 / 0))
        thread.start()
        thread.join()
        nuke._pump(lambda: True)
        self.assertIn("ZeroDivisionError", self.violations())

    def test_files_looked_at_while_the_artist_waits(self):
        code = f"import os; os.path.isfile({str(self.script)!r})"
        for held in ("a button", "knobChanged"):
            with nuke._holding(held):
                exec(code)
            self.assertIn(f"on the main thread in {held}", self.violations())
        with nuke._holding("a button"), nuke._nukes_own():
            exec(code)
        with nuke._holding("a button"), self.assertRaises(FileNotFoundError):
            open(str(self.folder / "nothing"))  # noqa: PTH123, SIM115
        self.assertIn("open of", self.violations())

    def test_names_that_nuke_does_not_have(self):
        self.assertRaises(AttributeError, lambda: nuke.mesage("x"))
        self.assertRaises(NameError, lambda: self.read["fil"])


if __name__ == "__main__":
    assert SIDECAR
    unittest.main()
