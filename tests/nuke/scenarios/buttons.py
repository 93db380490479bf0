"""The artist presses buttons; the sidecar is one that behaves as told."""

from __future__ import annotations

import json
import os
import time
import unittest
from pathlib import Path

from stage import Scenario, nuke


class Rendering(Scenario):
    def calls(self) -> list[dict]:
        path = self.folder / "state/calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def test_the_result_appears_in_the_inner_read(self):
        node = self.make()
        nuke._press(node, "render")
        self.assertTrue(node["status"].value().startswith("rendering"))
        self.assertEqual(self.wait(node), "1001-1004 ready")
        reader = node.node("Result")
        self.assertTrue(reader["file"].value().endswith("/impasto/shot_v001/StyleTransfer1/result.%04d.exr"))
        self.assertTrue(Path(reader["file"].value() % 1003).is_file())
        self.assertEqual((node["has_result"].value(), reader["reload"]._pressed > 0), (True, True))
        self.assertEqual(
            (node.node("Span")["first_frame"].value(), node.node("Span")["last_frame"].value()), (1001, 1004)
        )
        self.assertEqual(node["impasto_job"].value(), "")
        self.assertEqual(nuke._messages, [])

    def test_the_job_file_says_what_the_knobs_say(self):
        node = self.make()
        node["strength"].setValue(0.5)
        node["motion"].setValue("deepflow")
        node["frame_range"].setValue("custom")
        node["frames"].setValue("1002,1004")
        node["pass_source"].setValue(True)
        nuke._press(node, "render")
        self.wait(node)
        job = json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))
        self.assertEqual((job["plate"]["shot"], job["plate"]["frames"]), ("1001-1004", "1002,1004"))
        self.assertEqual(job["stylize"]["styles"], [{"name": "hatching"}])
        self.assertEqual((job["stylize"]["strength"], job["stylize"]["motion"]), (0.5, {"model": "deepflow"}))
        self.assertEqual(job["output"]["passes"], ["motion", "occlusion", "source"])

    def test_keys_and_style_are_read_at_their_frames_alone(self):
        node = self.make()
        node.setInput(1, self.read)
        node.setInput(2, self.read)
        node["look"].setValue("style input")
        node["style_frame"].setValue(1003)
        nuke.frame(1002)
        nuke._press(node, "key_add")
        nuke.frame(1004)
        nuke._press(node, "key_add")
        self.assertEqual(node["keys"].value(), "1002,1004")
        nuke._press(node, "key_previous")
        self.assertEqual(nuke.frame(), 1002)
        nuke._press(node, "render")
        self.wait(node)
        written = [(name.split("_")[-1], frame) for name, frame, _ in nuke._executed]
        self.assertEqual([frame for name, frame in written if name == "style"], [1003])
        self.assertEqual([frame for name, frame in written if name == "keys"], [1002, 1004])
        job = json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))
        self.assertEqual([key["frame"] for key in job["stylize"]["keys"]], [1002, 1004])

    def test_a_changed_slider_writes_no_input_again(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        del nuke._executed[:]
        node["strength"].setValue(0.25)
        self.assertEqual(node["status"].value(), "stale: its own knobs were changed")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node), "1001-1004 ready")
        self.assertEqual(nuke._executed, [])

    def test_a_changed_plate_is_written_again(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        del nuke._executed[:]
        os.utime(str(self.folder / "plates/plate.1002.exr"), (1, 1))
        self.assertIn("plate.1002.exr was changed", self.check(node))
        nuke._press(node, "render")
        self.wait(node)
        self.assertEqual([frame for _, frame, _ in nuke._executed], [1001, 1002, 1003, 1004])

    def test_progress_is_told_and_the_bar_closed(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        (task,) = nuke._tasks
        self.assertIn("frame 1001 done", task.messages)
        self.assertEqual(task.progress, sorted(task.progress))
        self.assertFalse(task.alive)

    def test_the_bar_cancels_within_a_second_and_frames_stay(self):
        self.behave(seconds=0.3)
        node = self.make()
        nuke._press(node, "render")
        nuke._pump(lambda: node["has_result"].value())
        began = time.monotonic()
        nuke._tasks[0].cancel()
        self.assertEqual(self.wait(node), "cancelled: press Render to go on")
        self.assertLess(time.monotonic() - began, 2.0)
        self.assertTrue(node["has_result"].value())
        self.assertIn(["job", "cancel", "jobs/7f3a"], [call["arguments"] for call in self.calls()])
        self.assertEqual(nuke._messages, [])

    def test_the_button_cancels(self):
        self.behave(seconds=0.3)
        node = self.make()
        nuke._press(node, "render")
        nuke._pump(lambda: node["has_result"].value())
        nuke._press(node, "cancel")
        self.assertEqual(self.wait(node), "cancelled: press Render to go on")

    def test_a_job_that_somebody_else_cancelled_says_so_in_one_dialog(self):
        self.behave(exit=130)
        node = self.make()
        nuke._press(node, "render")
        self.assertEqual(self.wait(node), "cancelled: press Render to go on")
        self.assertEqual(len(nuke._messages), 1)

    def test_a_second_render_of_a_node_is_refused(self):
        self.behave(seconds=0.1)
        node = self.make()
        nuke._press(node, "render")
        nuke._press(node, "render")
        self.assertIn("is rendering already", nuke._messages[0])
        self.wait(node)

    def test_frames_that_fail_are_named_once(self):
        self.behave(failing=[1002])
        node = self.make()
        nuke._press(node, "render")
        self.assertEqual(self.wait(node), "failed: frames 1002; mend them and press Render")
        self.assertEqual(len(nuke._messages), 1)
        self.assertIn("Frame 1002 could not be made", nuke._messages[0])
        self.assertIn("impasto.log", nuke._messages[0])
        self.assertTrue(node["has_result"].value())

    def test_a_refusal_of_the_command_is_shown_in_its_own_words(self):
        self.behave(exit=2)
        node = self.make()
        nuke._press(node, "render")
        self.assertEqual(self.wait(node), "failed: The plate is no plate; give another.")
        self.assertEqual(len(nuke._messages), 1)
        self.assertFalse(node["has_result"].value())

    def test_a_killed_command_is_told_with_its_last_words(self):
        self.behave(die=True)
        node = self.make()
        nuke._press(node, "render")
        self.assertIn("by signal 9; the last it said was: out of coffee", self.wait(node))

    def test_a_command_that_is_not_there_is_told(self):
        os.environ["IMPASTO_COMMAND"] = "/nowhere/impasto"
        node = self.make()
        nuke._press(node, "render")
        self.assertIn("cannot be started", self.wait(node))

    def test_noise_before_the_events_is_passed_over(self):
        self.behave(noise=True)
        node = self.make()
        nuke._press(node, "render")
        self.assertEqual(self.wait(node), "1001-1004 ready")

    def test_a_newer_schema_is_told_and_ended(self):
        self.behave(schema=2)
        node = self.make()
        nuke._press(node, "render")
        self.assertIn("impasto nuke install", self.wait(node))

    def test_a_node_deleted_while_it_renders_is_forgotten(self):
        self.behave(seconds=0.05)
        node = self.make()
        nuke._press(node, "render")
        nuke.delete(node)
        self.settle()

    def test_a_job_is_attached_to_again_from_the_script(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        node["impasto_job"].setValue("jobs/7f3a")
        nuke.scriptSave()
        nuke.scriptOpen(str(self.script))
        node = nuke.toNode("StyleTransfer1")
        nuke._press(node, "reattach")
        self.assertEqual(self.wait(node), "1001-1004 ready")
        self.assertEqual(self.calls()[-1]["arguments"][:3], ["job", "fetch", "jobs/7f3a"])

    def test_a_preview_paints_one_frame_alone_and_says_so(self):
        node = self.make()
        nuke.frame(1003)
        nuke._press(node, "preview")
        self.assertEqual(self.wait(node), "preview: frame 1003 painted alone")
        self.assertEqual([frame for _, frame, _ in nuke._executed], [1003])
        job = json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))
        self.assertEqual((job["plate"]["shot"], job["output"]["passes"]), ("1003", []))
        self.assertEqual((node["show_preview"].value(), node["has_result"].value()), (True, False))
        self.assertEqual(node.node("PreviewSize")["scale"].value(), 2.0)

    def test_a_preview_from_keys_alone_takes_the_nearest_as_its_style(self):
        node = self.make()
        node.setInput(2, self.read)
        node["look"].setValue("keys only")
        node["keys"].setValue("1001,1004")
        nuke.frame(1003)
        nuke._press(node, "preview")
        self.wait(node)
        job = json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))
        self.assertIn("keys.1004.exr", job["stylize"]["styles"][0]["name"])
        self.assertEqual(job["stylize"]["keys"], [])

    def test_where_the_shot_was_rendered_the_frame_follows_as_it_is_in_the_shot(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        del nuke._executed[:]
        nuke.frame(1003)
        node["strength"].setValue(0.5)
        nuke._press(node, "preview")
        nuke._pump(lambda: node["status"].value() == "preview: frame 1003 as in the shot")
        self.assertEqual([(name, frame) for name, frame, _ in nuke._executed], [("StyleTransfer1.Write_plate", 1003)])
        job = json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))
        self.assertEqual((job["plate"]["shot"], job["plate"]["frames"]), ("1001-1004", "1003"))
        self.assertTrue(job["plate"]["pattern"].endswith("StyleTransfer1/inputs/plate.####.exr"))
        self.assertTrue(node.node("Preview")["file"].value().endswith("preview/in_shot.%04d.exr"))
        self.assertEqual(node.node("PreviewSize")["scale"].value(), 1.0)
        self.assertIn('"frames": "1001-1004"', node["impasto_result"].value(), "the result of the shot is kept")

    def test_with_other_motion_or_another_plate_the_preview_ends_with_the_frame_alone(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        for change in (
            lambda: os.utime(str(self.folder / "plates/plate.1001.exr"), (1, 1)),
            lambda: node["motion"].setValue("deepflow"),
        ):
            change()
            nuke._press(node, "preview")
            self.settle()
            self.settle()
            self.assertEqual(node["status"].value(), "preview: frame 1001 painted alone")

    def test_up_to_four_styles_each_with_weight_mask_and_frames(self):
        node = self.make()
        node.setInput(4, self.read)
        node["weight"].setValue(0.75)
        node["look2"].setValue("style input")
        node["style_frame2"].setValue(1002)
        node["style_mask2"].setValue("matte.a")
        node["style_frames2"].setValue("1001-1002")
        node["style_fade2"].setValue(1)
        node["statistics"].setValue("smoothed")
        node["look4"].setValue("style file")
        node["style_file4"].setValue("/styles/monet.png")
        nuke._press(node, "render")
        self.wait(node)
        self.assertIn(("StyleTransfer1.Write_style2", 1002), [(name, frame) for name, frame, _ in nuke._executed])
        job = json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))
        path = (self.folder / "impasto/shot_v001/StyleTransfer1/inputs/style2.1002.exr").as_posix()
        second = {"name": path, "file": {"path": path}, "mask": {"layer": "matte.a"}, "frames": "1001-1002", "fade": 1}
        fourth = {"name": "/styles/monet.png", "file": {"path": "/styles/monet.png"}}
        self.assertEqual(job["stylize"]["styles"], [{"name": "hatching", "weight": 0.75}, second, fourth])
        self.assertEqual(job["stylize"]["statistics"], "smoothed")

    def test_cuts_are_left_to_the_command_unless_they_are_told(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        job = self.folder / "impasto/shot_v001/StyleTransfer1/job.json"
        self.assertNotIn("cuts", json.loads(job.read_text(encoding="utf-8"))["plate"])
        node["shot_cuts"].setValue("1003")
        nuke._press(node, "render")
        self.wait(node)
        self.assertEqual(json.loads(job.read_text(encoding="utf-8"))["plate"]["given_cuts"], [{"frame": 1003}])
        self.behave(shots=["1001-1002", "1003-1004"])
        node["shot_cuts"].setValue("detect")
        nuke._press(node, "render")
        self.wait(node)
        told = [words for words in nuke._printed if "parted at its cuts into shots 1001-1002, 1003-1004" in words]
        self.assertEqual(len(told), 1)
        node["shot_cuts"].setValue("somewhere")
        nuke._press(node, "render")
        self.assertIn("is not understood", nuke._messages[-1])

    def test_keys_may_have_weights_and_hold_ranges(self):
        node = self.make()
        node.setInput(2, self.read)
        node["keys"].setValue("1001,1004")
        node["key_options"].setValue("1004: weight 2, hold 1003-1004")
        nuke._press(node, "render")
        self.wait(node)
        job = json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))
        told = [(key["frame"], key.get("weight"), key.get("hold")) for key in job["stylize"]["keys"]]
        self.assertEqual(told, [(1001, None, None), (1004, 2.0, "1003-1004")])
        node["key_options"].setValue("1002: weight 2")
        nuke._press(node, "render")
        self.assertIn("name frame 1002, which is no key frame", nuke._messages[-1])

    def test_keys_may_be_masked_and_scaled_and_what_they_never_see_filled_by_a_net(self):
        node = self.make()
        node.setInput(2, self.read)
        for name, value in (("keys", "1001,1004"), ("key_mask", "alpha"), ("key_options", "1004: mask matte.a")):
            node[name].setValue(value)
        self.assertFalse(node["fill_minutes"].enabled())
        node["fill"].setValue("net")
        self.assertTrue(node["fill_minutes"].enabled())
        node["fill_minutes"].setValue(1.5)
        node["scale_keys"].setValue(True)
        node["consistency"].setValue(0.5)
        nuke._press(node, "render")
        self.assertEqual(self.wait(node), "1001-1004 ready", nuke._messages)
        told = json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))["stylize"]
        self.assertEqual([key["mask"] for key in told["keys"]], [{"layer": "alpha"}, {"layer": "matte.a"}])
        self.assertEqual((told["fill"], told["fill_minutes"], told["scale_keys"]), ("net", 1.5, True))
        self.assertEqual(told["consistency"], 0.5)
        for name, value in (("key_mask", ""), ("scale_keys", False), ("consistency", 1.0), ("fill_minutes", 2.0)):
            before = node[name].value()
            node[name].setValue(value)
            self.assertEqual(self.wait(node), "stale: its own knobs were changed", name)
            node[name].setValue(before)
            self.assertEqual(self.wait(node), "1001-1004 ready", name)

    def test_views_with_keys_of_their_own_are_a_job_each(self):
        nuke._views[:] = ["left", "right"]
        node = self.make()
        node.setInput(2, self.read)
        node["keys"].setValue("1002")
        nuke._press(node, "render")
        self.assertEqual(self.wait(node), "1001-1004 ready", nuke._messages)
        folder = self.folder / "impasto/shot_v001/StyleTransfer1"
        for view in ("left", "right"):
            job = json.loads((folder / f"job.{view}.json").read_text(encoding="utf-8"))
            self.assertTrue(job["plate"]["pattern"].endswith(f"inputs/plate.{view}.####.exr"))
            self.assertTrue(job["stylize"]["keys"][0]["file"]["path"].endswith(f"keys.{view}.1002.exr"))
            self.assertTrue((folder / f"result.{view}.1003.exr").is_file())

    def test_a_render_is_cancelled_while_its_inputs_are_looked_at(self):
        node = self.make()
        nuke._press(node, "render")
        nuke._press(node, "cancel")
        self.assertEqual(self.wait(node), "not rendered")
        self.assertEqual((self.calls(), nuke._messages), ([], []))

    def test_a_node_deleted_while_its_inputs_are_looked_at_is_told_of(self):
        node = self.make()
        nuke._press(node, "render")
        nuke.delete(node)
        self.settle()
        self.assertIn("was deleted while", nuke._messages[0])

    def test_the_doctor_speaks_and_renews_the_menus_but_keeps_the_choice(self):
        node = self.make()
        nuke._press(node, "doctor")
        nuke._pump(lambda: nuke._messages)
        self.assertIn("ok: python: 3.11", nuke._messages[0])
        self.assertEqual(node["motion"].values(), ["farneback", "plate layers", "vector files", "facets"])
        self.assertEqual((node["motion"].value(), node["look"].value()), ("facets", "hatching"))

    def test_knobs_of_a_new_model_are_built_from_what_the_command_tells(self):
        node = self.make()
        nuke._press(node, "doctor")
        self.settle()
        nuke._press(node, "doctor")
        self.settle()
        self.assertEqual(node["look_model"].values(), ["default", "fauve-net"])
        knob = node["p_fauve_net_brush_width"]
        self.assertEqual((knob.value(), knob._range, knob.visible()), (2.0, (1.0, 9.0), False))
        node["look_model"].setValue("fauve-net")
        self.assertTrue(knob.visible())
        self.assertFalse(node["p_swd_content"].visible())
        knob.setValue(5.0)
        nuke.scriptSave()
        nuke.scriptOpen(str(self.script))
        node = nuke.toNode("StyleTransfer1")
        self.assertEqual(node["p_fauve_net_brush_width"].value(), 5.0, "it is saved with the script")
        node.setInput(0, nuke.toNode("Read1"))
        nuke._press(node, "render")
        self.assertEqual(self.wait(node), "1001-1004 ready", nuke._messages)
        job = json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))["stylize"]
        self.assertEqual((job["look"], job["look_parameters"]), ("fauve-net", {"brush_width": 5.0}))
        node["p_fauve_net_brush_width"].setValue(6.0)
        self.assertIn("stale", self.wait(node))

    def test_nukes_own_environment_does_not_reach_the_command(self):
        for name in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "QT_PLUGIN_PATH", "TCL_LIBRARY", "NUKE_PATH"):
            os.environ[name] = "/nuke/own"
        os.environ["OCIO"] = "/studio/config.ocio"
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        told = self.calls()[0]["environment"]
        self.assertEqual([name for name, value in told.items() if value == "/nuke/own"], [])
        self.assertEqual(told["OCIO"], "/studio/config.ocio")

    def test_the_server_of_the_knob_is_named_and_none_stands_in_a_new_node(self):
        node = self.make()
        self.assertEqual(node["server"].value(), "")
        node["server"].setValue("box:50740")
        nuke._press(node, "render")
        self.wait(node)
        self.assertTrue(all(call["arguments"][-2:] == ["--server", "box:50740"] for call in self.calls()))


class Refusing(Scenario):
    def refused(self, node, button: str = "render") -> str:
        del nuke._messages[:]
        nuke._press(node, button)
        self.settle()
        self.assertEqual(len(nuke._messages), 1)
        self.assertEqual(nuke._executed, [])
        return nuke._messages[0]

    def test_without_a_plate(self):
        node = nuke.createNode("Impasto_StyleTransfer")
        self.assertIn("has no plate", self.refused(node))

    def test_in_proxy_mode(self):
        node = self.make()
        nuke.root()["proxy"].setValue(True)
        self.assertIn("proxy mode", self.refused(node))

    def test_disabled(self):
        node = self.make()
        node["disable"].setValue(True)
        self.assertIn("is disabled", self.refused(node))

    def test_in_a_script_never_saved_without_a_directory(self):
        node = self.make()
        nuke._state["script"] = ""
        self.assertIn("Save the script first", self.refused(node))
        nuke._state["script"] = str(self.script)

    def test_frames_outside_the_shot(self):
        node = self.make()
        node["frame_range"].setValue("custom")
        node["frames"].setValue("1003-1010")
        self.assertIn("1005-1010 lie outside the shot 1001-1004", self.refused(node))

    def test_a_range_that_is_none(self):
        node = self.make()
        node["shot"].setValue("1001..1004")
        self.assertIn("is not understood", self.refused(node))

    def test_a_file_name_without_a_number(self):
        node = self.make()
        node["pattern"].setValue("result.exr")
        self.assertIn("must hold one ####", self.refused(node))

    def test_keys_only_without_a_key(self):
        node = self.make()
        node["look"].setValue("keys only")
        nuke._press(node, "render")
        self.assertIn("neither a style nor a key frame", nuke._messages[0])

    def test_keys_without_anything_connected(self):
        node = self.make()
        node["keys"].setValue("1002")
        nuke._press(node, "render")
        self.settle()
        self.assertIn("reads its keys input", nuke._messages[0])

    def test_two_nodes_in_one_directory(self):
        first, second = self.make(), self.make()
        for node in (first, second):
            node["directory"].setValue((self.folder / "shared").as_posix())
        nuke._press(first, "render")
        self.wait(first)
        del nuke._executed[:]
        self.assertIn("belongs to the node StyleTransfer1", self.refused(second))

    def test_a_renamed_node_keeps_its_folder_and_a_new_one_of_its_old_name_gets_another(self):
        node = self.make()
        nuke._press(node, "render")
        self.wait(node)
        node["name"].setValue("Hero")
        del nuke._executed[:]
        second = self.make()
        self.assertEqual(second.name(), "StyleTransfer1")
        self.assertIn("is still that of Hero, which was StyleTransfer1 when it rendered", self.refused(second))

    def test_a_copy_cannot_end_the_job_of_its_original(self):
        first, copy = self.make(), self.make()
        for node in (first, copy):
            node["impasto_job"].setValue("jobs/7f3a")
            node["impasto_result"].setValue('{"node": "StyleTransfer1", "frames": "1001-1004", "views": []}')
        self.assertIn("is that of StyleTransfer1, of which StyleTransfer2 is a copy", self.refused(copy, "cancel"))

    def test_a_view_that_is_none(self):
        node = self.make()
        node["views"].setValue("left")
        self.assertIn("no view 'left'", self.refused(node))

    def test_a_cancelled_render_of_nuke_is_no_mistake(self):
        node = self.make()
        nuke._state["cancel"] = True
        nuke._press(node, "render")
        self.settle()
        self.assertIn("Cancelled while", nuke._messages[0])
        self.assertTrue(node.node("Write_plate")["disable"].value())

    def test_what_nuke_says_when_it_cannot_render_is_told(self):
        node = self.make()
        nuke._state["fail"] = "disk full"
        nuke._press(node, "render")
        self.settle()
        self.assertIn("could not render the plate", nuke._messages[0])
        self.assertIn("disk full", nuke._messages[0])
        self.assertTrue(node.node("Write_plate")["disable"].value())


if __name__ == "__main__":
    unittest.main()
