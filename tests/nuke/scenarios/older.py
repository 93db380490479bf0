"""Nodes of older versions, from scripts as they were stored then: they work as they did, and are brought up to date."""

from __future__ import annotations

import unittest
from pathlib import Path

from stage import PROJECT, Scenario, nuke

OLD = PROJECT / "tests/nuke/old"


class Older(Scenario):
    version = 1

    def setUp(self) -> None:
        super().setUp()
        text = (OLD / f"version{self.version}.nk").read_text(encoding="utf-8")
        for word, path in (("PLATE", "plates/plate.%04d.exr"), ("COMP", "comp")):
            text = text.replace(word, (self.folder / path).as_posix().replace(" ", "\\ "))
        self.script.write_text(text, encoding="utf-8")
        nuke.scriptOpen(str(self.script))
        self.node = nuke.toNode("StyleTransfer1")

    def render(self, node) -> str:
        nuke._press(node, "render")
        return self.wait(node)

    def update(self, node):
        import impasto.nuke

        fresh = impasto.nuke.update(node)
        self.settle()
        return fresh

    def values(self, node) -> dict:
        """What its knobs hold, without what says of which version it is."""
        skipped = ("impasto_version", "onCreate", "knobChanged", "help", "inputs")
        plain = (nuke.PyScript_Knob, nuke.Tab_Knob, nuke.Text_Knob)
        return {
            name: knob.toScript()
            for name, knob in node.knobs().items()
            if name not in skipped and not isinstance(knob, plain)
        }


class OfVersion1(Older):
    def test_opening_says_so_and_leaves_the_graph_alone(self):
        self.assertIn("'Update Older Nodes' in the Impasto menu", nuke._printed[-1])
        self.assertEqual(self.node["impasto_version"].value(), 1)
        self.assertIsNone(self.node.knob("look2"))
        self.assertEqual(self.node.inputs(), 4)

    def test_it_renders_as_it_did(self):
        words = "1001-1004 ready (older node: see the Impasto menu)"
        self.assertEqual(self.render(self.node), words, nuke._messages)
        self.assertEqual(self.check(self.node), words)
        self.assertTrue(self.node["impasto_identity"].value())
        nuke.scriptSave()
        nuke.scriptOpen(str(self.script))
        self.assertTrue(nuke.toNode("StyleTransfer1")["impasto_identity"].value(), "the knob added is saved")
        self.assertFalse(nuke.root().modified())

    def test_brought_up_to_date_it_has_todays_graph_and_every_value(self):
        from impasto.nuke import KNOBS_VERSION

        self.node["xpos"].setValue(300)
        before, old_graph = self.values(self.node), {child.name() for child in self.node.nodes()}
        fresh = self.update(self.node)
        self.assertEqual(fresh.fullName(), "StyleTransfer1")
        self.assertIs(nuke.toNode("StyleTransfer1"), fresh)
        after = self.values(fresh)
        self.assertEqual({name: after[name] for name in before}, before)
        self.assertEqual(fresh["mix"].getValueAt(1003), 0.1 * 1003 - 100)
        self.assertEqual(fresh["impasto_version"].value(), KNOBS_VERSION)
        made = nuke.createNode("Impasto_StyleTransfer")
        self.assertEqual({child.name() for child in fresh.nodes()}, {child.name() for child in made.nodes()})
        self.assertNotEqual(old_graph, {child.name() for child in made.nodes()})

    def test_the_artists_own_knobs_come_along(self):
        fresh = self.update(self.node)
        self.assertEqual(fresh["client_note"].value(), 0.25)
        nuke.scriptSave()
        nuke.scriptOpen(str(self.script))
        self.assertEqual(nuke.toNode("StyleTransfer1")["client_note"].value(), 0.25)

    def test_it_is_connected_as_before_on_both_sides(self):
        fresh = self.update(self.node)
        plate = nuke.toNode("Plate")
        self.assertEqual([fresh.input(index) for index in range(4)], [plate, None, plate, plate])
        self.assertIs(nuke.toNode("Write_StyleTransfer").input(0), fresh)

    def test_its_result_shows_and_is_as_fresh_as_it_was(self):
        self.render(self.node)
        shown = self.node.node("Result")["file"].value()
        nuke.toNode("Plate").setSelected(True)
        fresh = self.update(self.node)
        self.assertEqual(fresh.node("Result")["file"].value(), shown)
        self.assertEqual(fresh.node("Span")["last_frame"].value(), 1004)
        self.assertEqual(self.check(fresh), "1001-1004 ready")
        nuke.execute(nuke.toNode("Write_StyleTransfer"), 1001, 1001)
        self.assertTrue((self.folder / "comp/StyleTransfer.1001.exr").is_file())
        self.assertEqual([node.name() for node in nuke.root().selectedNodes()], ["Plate"])

    def test_a_result_that_was_stale_stays_so(self):
        self.render(self.node)
        self.node["strength"].setValue(0.1)
        self.assertIn("stale", self.check(self.update(self.node)))

    def test_it_is_one_step_of_undo(self):
        del nuke._steps[:]
        self.update(self.node)
        self.assertEqual(nuke._steps, ["Update StyleTransfer1"])

    def test_a_node_in_a_group_stays_there(self):
        group = nuke.createNode("Group")
        nuke._root._children.remove(self.node)
        nuke._into(group, self.node, "StyleTransfer1")
        fresh = self.update(self.node)
        self.assertEqual(fresh.fullName(), "Group1.StyleTransfer1")
        self.assertIs(nuke._context[-1], nuke._root, "the context is given back")

    def test_a_clone_and_what_is_none_of_ours_are_refused(self):
        from impasto.nuke.errors import NodeError

        self.node._clones = 1
        with self.assertRaisesRegex(NodeError, "is a clone; declone it"):
            self.update(self.node)
        with self.assertRaisesRegex(NodeError, "is no node of Impasto"):
            self.update(nuke.toNode("Plate"))

    def test_a_node_at_work_is_left_until_it_is_done(self):
        from impasto.nuke.errors import NodeError

        nuke._press(self.node, "render")
        with self.assertRaisesRegex(NodeError, "is rendering; wait"):
            self.update(self.node)


class OfVersion2(Older):
    version = 2

    def menu(self) -> None:
        import runpy

        from stage import STARTUP

        from impasto.nuke.inside import menus

        runpy.run_path(str(STARTUP / "menu.py"))
        with nuke._holding("the menu"):
            exec(nuke.toolbar("Nodes").findItem("Impasto").findItem(menus.UPDATE), {"nuke": nuke})
        self.settle()

    def test_the_menu_brings_all_older_nodes_of_a_script_up_to_date(self):
        names = ("StyleTransfer1", "OcclusionMatte1", "FrameInterpolate1")
        before = {name: self.values(nuke.toNode(name)) for name in names}
        self.menu()
        self.assertEqual(nuke._messages[-1], f"Brought up to date: {', '.join(names)}.")
        for name in names:
            after = self.values(nuke.toNode(name))
            self.assertEqual({knob: after[knob] for knob in before[name]}, before[name])
        self.menu()
        self.assertEqual(nuke._messages[-1], "No node of this script is of an older Impasto.")

    def test_it_takes_the_selected_ones_where_some_are_selected(self):
        nuke.toNode("OcclusionMatte1").setSelected(True)
        self.menu()
        self.assertEqual(nuke._messages[-1], "Brought up to date: OcclusionMatte1.")
        self.assertEqual(self.node["impasto_version"].value(), 2)

    def test_without_windows_a_line_says_so(self):
        import impasto.nuke

        nuke.GUI = False
        impasto.nuke.update_older_nodes()
        self.assertIn("Brought up to date", nuke._printed[-1])
        self.assertTrue(Path(self.script).is_file())


if __name__ == "__main__":
    unittest.main()
