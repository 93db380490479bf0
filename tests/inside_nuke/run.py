"""For a studio: is all well in YOUR Nuke? NOT RUN by its makers, who have no Nuke. About five minutes.

    NUKE_PATH=.../impasto/nuke/startup IMPASTO_COMMAND=.../bin/impasto  nuke -t tests/inside_nuke/run.py

It makes a small moving picture, renders every node of Impasto on it, and looks at pixels, windows, metadata and errors.
Each check says in its name what was assumed of Nuke without having seen it. Please send us the output.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import nuke

FIRST, LAST = 1001, 1004


class InsideNuke(unittest.TestCase):
    """A checkerboard that moves 3 pixels right and 1 up in each frame, in a script of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="impasto ").replace("\\", "/")
        self.addCleanup(shutil.rmtree, self.folder, True)
        nuke.scriptClear()
        nuke.root()["first_frame"].setValue(FIRST)
        nuke.root()["last_frame"].setValue(LAST)
        nuke.root()["format"].fromScript("256 144 0 0 256 144 1 impasto_small")
        noise = nuke.nodes.Noise(zoffset=0.3, size=40)
        moved = nuke.nodes.Transform(inputs=[noise])
        moved["translate"].setExpression(f"(frame - {FIRST}) * 3", 0)
        moved["translate"].setExpression(f"(frame - {FIRST}) * 1", 1)
        crop = nuke.nodes.Crop(inputs=[moved], crop=False)
        crop["box"].setValue((-10, -5, 266, 150))  # overscan
        self.plate = nuke.nodes.FrameRange(inputs=[crop], first_frame=FIRST, last_frame=LAST)
        nuke.scriptSaveAs(self.folder + "/shot.nk", overwrite=True)

    def make(self, kind):
        node = nuke.createNode("Impasto_" + kind, inpanel=False)
        node.setInput(0, self.plate)
        for index in range(1, node.inputs()):
            node.setInput(index, None)
        return node

    def render(self, node, first=FIRST, last=LAST):
        import impasto.nuke

        return impasto.nuke.render(node, first, last)

    def test_every_gizmo_loads_with_all_its_knobs_and_no_error(self):
        from impasto.nuke.inside import knobs

        for kind in knobs.KINDS:
            node = self.make(kind)
            self.assertEqual((node.Class(), node["impasto_kind"].value()), ("Group", kind))
            for name in ("look", "look4", "strength", "keys") if kind == "StyleTransfer" else ("motion", "shot"):
                self.assertIsNotNone(node.knob(name), name)
            self.assertFalse(node["has_result"].value())
            self.assertEqual([child.name() for child in node.nodes() if child.hasError()], [], kind)

    def test_only_the_knobs_of_the_model_chosen_are_shown_and_new_ones_can_be_added(self):
        from impasto.nuke.inside import buttons

        node = self.make("StyleTransfer")
        self.assertFalse(node["p_swd_content"].visible())
        node["look_model"].setValue("swd")
        self.assertTrue(node["p_swd_content"].visible(), "no knobChanged, or setVisible shows no hidden knob")
        wide = {"name": "brush_width", "help": "How wide.", "default": 2.0, "minimum": 1.0, "maximum": 9.0}
        buttons._add_parameter(node, "fauve-net", wide)
        nuke.scriptSave()
        name = node.name()
        nuke.scriptOpen(self.folder + "/shot.nk")
        self.assertEqual(nuke.toNode(name)["p_fauve_net_brush_width"].value(), 2.0)

    def test_without_windows_a_node_never_rendered_is_an_error_and_not_the_plate(self):
        node = self.make("OpticalFlow")
        writer = nuke.nodes.Write(inputs=[node], file=self.folder + "/never.%04d.exr", file_type="exr")
        with self.assertRaises(RuntimeError):
            nuke.execute(writer, FIRST, FIRST)

    def test_motion_is_in_pixels_right_and_up(self):
        node = self.make("OpticalFlow")
        self.assertEqual(len(self.render(node)), LAST - FIRST + 1)
        nuke.frame(FIRST + 1)
        self.assertAlmostEqual(node.sample("forward.u", 128, 72), 3.0, delta=0.5)
        self.assertAlmostEqual(node.sample("forward.v", 128, 72), 1.0, delta=0.5)
        self.assertAlmostEqual(node.sample("backward.u", 128, 72), -3.0, delta=0.5)

    def test_idistort_brings_the_next_frame_here_with_forward(self):
        node = self.make("OpticalFlow")
        self.render(node)
        later = nuke.nodes.TimeOffset(inputs=[self.plate], time_offset=-1)
        both = nuke.nodes.Copy(
            inputs=[later, node], from0="forward.u", to0="forward.u", from1="forward.v", to1="forward.v"
        )
        bent = nuke.nodes.IDistort(inputs=[both], uv="forward", uv_scale=1)
        nuke.frame(FIRST + 1)
        for x, y in ((100, 60), (128, 72), (150, 90)):
            self.assertAlmostEqual(bent.sample("red", x, y), self.plate.sample("red", x, y), delta=0.05)

    def test_overscan_and_picture_come_through_untouched(self):
        node = self.make("OpticalFlow")
        self.render(node)
        nuke.frame(FIRST)
        box, plate = node.bbox(), self.plate.bbox()
        self.assertEqual((box.x(), box.y(), box.w(), box.h()), (plate.x(), plate.y(), plate.w(), plate.h()))
        self.assertAlmostEqual(node.sample("red", 128, 72), self.plate.sample("red", 128, 72), places=5)

    def test_mix_and_mask_act_on_the_result_at_once(self):
        node = self.make("StyleTransfer")
        node["look"].setValue("hatching")
        self.render(node, FIRST, FIRST)
        nuke.frame(FIRST)
        painted, plate = node.sample("red", 128, 72), self.plate.sample("red", 128, 72)
        node["mix"].setValue(0.0)
        self.assertAlmostEqual(node.sample("red", 128, 72), plate, places=4)
        node["mix"].setValue(1.0)
        black = nuke.nodes.Constant(channels="rgba", color=0.0)
        node.setInput(3, black)
        self.assertAlmostEqual(node.sample("red", 128, 72), plate, places=4)
        node["mask_invert"].setValue(True)
        self.assertAlmostEqual(node.sample("red", 128, 72), painted, places=4)

    def test_the_key_input_is_read_at_its_frame_alone(self):
        node = self.make("StyleTransfer")
        key = nuke.nodes.Invert(inputs=[self.plate])
        node.setInput(2, key)
        node["look"].setValue("keys only")
        node["keys"].setValue(str(FIRST + 1))
        self.render(node)
        folder = self.folder + "/impasto/shot/" + node.name() + "/inputs"
        self.assertEqual(
            [name for name in sorted(path.name for path in Path(folder).iterdir()) if name.startswith("keys")],
            ["keys.1002.exr"],
        )

    def test_paint_follows_the_shot_through_a_stock_stmap_without_a_shift(self):
        node = self.make("STMapFromKey")
        node.setInput(1, self.plate)  # the plate as its own paint: carried, it must look like the plate
        node["key_frame"].setValue(FIRST)
        self.render(node)
        node["output"].setValue("paint alone")
        for frame in (FIRST, FIRST + 2):
            nuke.frame(frame)
            for x, y in ((100, 60), (128, 72), (150, 90)):
                if node.sample("alpha", x, y) > 0.99:
                    told = "half a pixel of shift would show here: tell us"
                    self.assertAlmostEqual(
                        node.sample("red", x, y), self.plate.sample("red", x, y), delta=0.02, msg=told
                    )

    def test_keys_are_picked_and_given_to_a_style_transfer(self):
        from impasto.nuke.inside import batch, buttons

        target, node = self.make("StyleTransfer"), self.make("KeyPicker")
        node["most"].setValue(1)
        batch.render_frames(node)
        self.assertTrue(node["picked"].value())
        node["give_to"].setValue(target.name())
        buttons.give_keys(node)
        self.assertEqual(target["keys"].value(), node["picked"].value())

    def test_a_plate_is_slowed_down_by_speed_and_by_a_curve(self):
        from impasto.nuke.inside import batch

        node = self.make("FrameInterpolate")
        self.assertEqual(len(batch.render_frames(node)), 2 * (LAST - FIRST) + 1)
        nuke.frame(FIRST + 2)
        self.assertAlmostEqual(node.sample("red", 128, 72), self.at(FIRST + 1, 128, 72), places=4)
        node["timing"].setValue("Frame")
        node["timing_frame"].setExpression(f"{FIRST} + (frame - 1) * 0.5")
        node["frame_range"].setValue("custom")
        node["frames"].setValue("1-3")
        self.assertEqual(len(batch.render_frames(node)), 3)
        nuke.frame(3)
        self.assertAlmostEqual(node.sample("red", 128, 72), self.at(FIRST + 1, 128, 72), places=4)

    def at(self, frame, x, y):
        before = nuke.frame()
        nuke.frame(frame)
        value = self.plate.sample("red", x, y)
        nuke.frame(before)
        return value

    def test_a_premultiplied_plate_comes_back_multiplied(self):
        half = nuke.nodes.Grade(inputs=[self.plate], channels="rgba", multiply=0.5)
        node = self.make("StyleTransfer")
        node.setInput(0, half)
        node["premultiplied"].setValue(True)
        node["strength"].setValue(0.0)
        node["look"].setValue("hatching")
        self.render(node, FIRST, FIRST)
        nuke.frame(FIRST)
        self.assertAlmostEqual(node.sample("red", 128, 72), half.sample("red", 128, 72), places=4)

    def test_a_stale_result_fails_a_write(self):
        node = self.make("OpticalFlow")
        self.render(node)
        writer = nuke.nodes.Write(inputs=[node], file=self.folder + "/comp.%04d.exr", file_type="exr")
        nuke.execute(writer, FIRST, FIRST)
        node["motion"].setValue("deepflow")
        with self.assertRaises(RuntimeError):
            nuke.execute(writer, FIRST, FIRST)

    def test_saving_and_opening_leaves_a_result_fresh_and_the_script_unmodified(self):
        from impasto.nuke.inside import showing, turns

        node = self.make("OpticalFlow")
        self.render(node)
        name = node.name()
        nuke.scriptSave()
        nuke.scriptOpen(self.folder + "/shot.nk")
        self.assertFalse(nuke.root().modified())
        self.assertEqual(turns.at_once(showing.judge(nuke.toNode(name))).state, "fresh")

    def test_an_older_node_is_brought_up_to_date_and_one_undo_takes_it_back(self):
        import impasto.nuke

        node = self.make("StyleTransfer")
        node["strength"].setValue(0.7)
        node["mix"].setAnimated()
        node["mix"].setValueAt(0.25, FIRST)
        node.addKnob(nuke.Double_Knob("client_note", "client note"))
        node["client_note"].setValue(0.5)
        node["impasto_version"].setValue(1)
        nuke.delete(node.node("OcclusionView"))
        below = nuke.nodes.Blur(inputs=[node])
        name = node.name()
        fresh = impasto.nuke.update(node)
        self.assertEqual(fresh.name(), name)
        self.assertEqual((fresh["strength"].value(), fresh["mix"].getValueAt(FIRST)), (0.7, 0.25))
        self.assertEqual(fresh["client_note"].value(), 0.5)
        self.assertIsNotNone(fresh.node("OcclusionView"))
        self.assertEqual(below.input(0).name(), name)
        nuke.undo()
        self.assertEqual(nuke.toNode(name)["impasto_version"].value(), 1)

    def test_the_example_scripts_load_and_their_nodes_know_their_knobs(self):
        import impasto.nuke

        folder = Path(impasto.nuke.__path__[0])
        places = [folder / "gizmos/examples", folder.parents[2] / "gizmos/examples"]
        scripts = sorted(next(place for place in places if place.is_dir()).glob("*.nk"), reverse=True)
        self.assertEqual(len(scripts), 3)
        for script in scripts:
            nuke.scriptClear()
            nuke.scriptReadFile(script.as_posix())
            self.assertEqual(nuke.toNode("Package").Class(), "Read", script.name)
        self.assertEqual(nuke.toNode("ShutterBefore")["uv"].value(), "backward", script.name)

    def test_nothing_of_ours_but_one_package_is_imported(self):
        ours = {name.split(".")[1] for name in sys.modules if name.startswith("impasto.")}
        self.assertEqual(ours, {"nuke"})


if __name__ == "__main__":
    print("Nuke", nuke.NUKE_VERSION_STRING, "Python", sys.version)
    result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromTestCase(InsideNuke))
    sys.exit(not result.wasSuccessful())
