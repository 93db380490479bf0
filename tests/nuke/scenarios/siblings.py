"""The nodes beside StyleTransfer: what each asks for, and what it shows; the sidecar is one that behaves as told."""

from __future__ import annotations

import json
import unittest
from pathlib import Path

from stage import Scenario, nuke


class Siblings(Scenario):
    def job(self) -> dict:
        return json.loads((self.folder / "state/job.json").read_text(encoding="utf-8"))

    def render(self, node) -> str:
        nuke._press(node, "render")
        return self.wait(node)

    def write(self, node):
        writer = nuke.createNode("Write")
        writer.setInput(0, node)
        writer["file"].setValue((self.folder / "comp/comp.%04d.exr").as_posix())
        writer["create_directories"].setValue(True)
        return writer


class KeyPicker(Siblings):
    def test_it_shows_the_frames_picked_and_what_they_cover(self):
        node = self.make("KeyPicker")
        node["share"].setValue(0.9)
        node["painted"].setValue("1001")
        self.assertEqual(self.render(node), "picked 1001,1003")
        self.assertEqual(node["picked"].value(), "1001,1003")
        self.assertEqual(node["coverage"].value(), "96 % of 90 % wanted: 1003 80 %, 1001 96 %")
        self.assertTrue(Path(node.node("Result")["file"].value()).is_file(), "the contact sheet")
        self.assertEqual((self.job()["keys"]["share"], self.job()["keys"]["painted"]), (0.9, "1001"))
        nuke.frame(1001)
        nuke._press(node, "key_next")
        self.assertEqual(nuke.frame(), 1003)

    def test_it_gives_the_frames_to_the_style_transfer_there_is(self):
        node, target = self.make("KeyPicker"), self.make()
        nuke._press(node, "give_keys")
        self.settle()
        self.assertIn("has picked no frames yet", nuke._messages[-1])
        self.render(node)
        target["keys"].setValue("1002")
        nuke._press(node, "give_keys")
        self.settle()
        self.assertEqual(target["keys"].value(), "1001-1003")

    def test_of_two_it_wants_one_named(self):
        node, _, second = self.make("KeyPicker"), self.make(), self.make()
        self.render(node)
        nuke._press(node, "give_keys")
        self.settle()
        self.assertIn("found: StyleTransfer1, StyleTransfer2", nuke._messages[-1])
        node["give_to"].setValue("StyleTransfer2")
        nuke._press(node, "give_keys")
        self.settle()
        self.assertEqual(second["keys"].value(), "1001,1003")

    def test_it_hands_its_input_on_and_is_in_no_renders_way(self):
        nuke.execute(self.write(self.make("KeyPicker")), 1001, 1001)

    def test_a_changed_wish_makes_what_was_picked_stale(self):
        node = self.make("KeyPicker")
        self.render(node)
        node["share"].setValue(0.5)
        self.assertEqual(self.wait(node), "stale: its own knobs were changed")
        node["share"].setValue(0.95)
        self.assertEqual(self.wait(node), "picked 1001,1003")


class STMapFromKey(Siblings):
    def test_the_map_is_asked_for_and_the_paint_is_not_read(self):
        node = self.make("STMapFromKey")
        node.setInput(1, self.read)
        nuke.frame(1002)
        nuke._press(node, "take_current")
        self.assertEqual(self.render(node), "1001-1004 ready")
        self.assertEqual(self.job()["stmap"]["key"], 1002)
        self.assertEqual({name for name, _, _ in nuke._executed}, {"STMapFromKey1.Write_plate"})

    def test_repainting_makes_nothing_stale(self):
        node = self.make("STMapFromKey")
        node["key_frame"].setValue(1002)
        self.render(node)
        grade = nuke.createNode("Grade")
        grade.setInput(0, self.read)
        node.setInput(1, grade)
        grade["white"].setValue(2.0)
        node["output"].setValue("map")
        self.assertEqual(self.check(node), "1001-1004 ready")

    def test_a_key_outside_the_shot_is_refused(self):
        node = self.make("STMapFromKey")
        nuke._press(node, "render")
        self.assertIn("lies outside the shot 1001-1004", nuke._messages[-1])


class FrameInterpolate(Siblings):
    def setUp(self) -> None:
        super().setUp()
        self.behave(times="1001-1007")

    def test_which_frames_a_speed_gives_is_known_once_it_is_planned(self):
        node = self.make("FrameInterpolate")
        self.assertEqual(self.render(node), "1001-1007 ready")
        told = self.job()["interpolate"]
        self.assertEqual((told["speed"], told["model"], told["cuts"]), (0.5, "auto", "hold"))
        self.assertEqual(self.job()["plate"]["frames"], "")
        self.assertEqual(node.node("Span")["last_frame"].value(), 1007)

    def test_its_depth_says_what_passes_in_front(self):
        node = self.make("FrameInterpolate")
        node["depth"].setValue("depth.Z")
        node["depth_near"].setValue("high")
        self.assertEqual(self.render(node), "1001-1007 ready")
        self.assertEqual((self.job()["plate"]["depth"], self.job()["plate"]["depth_near"]), ("depth.Z", "high"))

    def test_without_windows_all_its_files_are_named(self):
        import impasto.nuke
        from impasto.nuke.inside import batch

        nuke.GUI = False
        node = self.make("FrameInterpolate")
        self.assertEqual(len(batch.render_frames(node)), 7)
        files = impasto.nuke.render(node, 1003, 1004)
        self.assertEqual([Path(path).name for path in files], ["result.1003.exr", "result.1004.exr"])

    def test_an_animated_frame_is_a_curve(self):
        node = self.make("FrameInterpolate")
        node["timing"].setValue("Frame")
        node["timing_frame"]._value = "{curve 0.25 976}"
        nuke._press(node, "render")
        self.assertIn("set 'frame range' to global or custom", nuke._messages[-1])
        node["frame_range"].setValue("custom")
        node["frames"].setValue("101-104")
        self.assertEqual(self.render(node), "101-104 ready")
        rows = self.job()["interpolate"]["curve"]["rows"]
        self.assertEqual(rows[0], {"output_frame": 101, "input_frame": 1001.25})
        self.assertEqual((len(rows), "speed" in self.job()["interpolate"]), (4, False))
        nuke.frame(103)
        self.assertEqual(self.check(node), "101-104 ready", "an animated knob is another value, but the same curve")
        node["timing_frame"]._value = "{curve 0.5 950}"
        self.assertIn("stale", self.check(node))

    def test_painted_frames_are_carried_along(self):
        node = self.make("FrameInterpolate")
        node.setInput(1, self.read)
        node["out_first"].setValue("2001")
        self.render(node)
        told = self.job()["interpolate"]
        self.assertTrue(told["paint"]["pattern"].endswith("inputs/paint.####.exr"))
        self.assertEqual(told["out_first"], 2001)
        written = {(name.split("_")[-1], frame) for name, frame, _ in nuke._executed}
        self.assertEqual(written, {(name, frame) for name in ("plate", "paint") for frame in range(1001, 1005)})

    def test_a_first_frame_that_is_none_is_refused(self):
        node = self.make("FrameInterpolate")
        node["out_first"].setValue("now")
        nuke._press(node, "render")
        self.assertIn("'now' in out_first", nuke._messages[-1])

    def test_repairing_keeps_the_timing(self):
        self.behave(times="1001-1004")
        node = self.make("FrameInterpolate")
        node["timing"].setValue("as it is, repaired")
        node["frame_range"].setValue("custom")
        node["frames"].setValue("1001-1004")
        self.render(node)
        told = self.job()["interpolate"]
        self.assertEqual((told["repair"], "speed" in told, "curve" in told), (True, False, False))


class Depth(Siblings):
    def test_what_lies_before_what_may_be_told_and_comes_back_as_a_pass(self):
        node = self.make("OpticalFlow")
        self.render(node)
        self.assertNotIn("depth", self.job()["plate"])
        node["depth"].setValue("depth.Z")
        node["depth_near"].setValue("high")
        node["pass_depth"].setValue(True)
        self.assertEqual(self.render(node), "1001-1004 ready")
        self.assertEqual((self.job()["plate"]["depth"], self.job()["plate"]["depth_near"]), ("depth.Z", "high"))
        self.assertEqual(self.job()["output"]["passes"][-1], "depth")
        node["depth"].setValue("")
        self.assertEqual(self.wait(node), "stale: its own knobs were changed")


class OcclusionMatte(Siblings):
    def test_how_its_mattes_are_written_is_asked_for(self):
        node = self.make("OcclusionMatte")
        self.render(node)
        self.assertNotIn("mattes", self.job())
        node["matte_soft"].setValue(8.0)
        node["matte_erode"].setValue(-1.0)
        self.assertEqual(self.wait(node), "stale: its own knobs were changed")
        self.assertEqual(self.render(node), "1001-1004 ready")
        self.assertEqual(self.job()["mattes"], {"soft": 8.0, "erode": -1.0, "blur": 0.0, "gain": 1.0})
        node["grow"].setValue(3.0)
        self.assertEqual(self.check(node), "1001-1004 ready", "that acts at once")

    def test_with_the_layers_of_its_input_it_needs_no_rendering(self):
        node = self.make("OcclusionMatte")
        writer = self.write(node)
        with self.assertRaisesRegex(RuntimeError, "has no result yet"):
            nuke.execute(writer, 1001, 1001)
        node["matte_source"].setValue("input layers")
        nuke.execute(writer, 1001, 1001)


class Animated(Siblings):
    def test_what_counts_for_the_whole_shot_must_not_be_animated(self):
        node = self.make()
        node["strength"]._value = "{curve 0.1 0}"
        nuke._press(node, "render")
        self.assertIn("'strength' of StyleTransfer1 is animated", nuke._messages[-1])
        node["strength"].setValue(1.0)
        node["mix"]._value = "{curve 0.1 0}"
        self.assertEqual(self.render(node), "1001-1004 ready")


if __name__ == "__main__":
    unittest.main()
