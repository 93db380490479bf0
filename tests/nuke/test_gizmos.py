"""The gizmos and example scripts, loaded by a real Tcl interpreter."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("tkinter", reason="this Python has no tkinter, so no Tcl to read Nuke scripts with")

import draw
import icon
import make_examples
import make_gizmos
import nukescript
import package
import vocabulary
from nukescript import Script, ScriptError, Written

from impasto.nuke import catalogue

PROJECT = Path(__file__).parents[2]
STYLE = PROJECT / "gizmos/Impasto_StyleTransfer.gizmo"
GIZMOS = sorted((PROJECT / "gizmos").glob("*.gizmo"))
EXAMPLES = sorted((PROJECT / "gizmos/examples").glob("*.nk"))
FILES = pytest.mark.parametrize("path", [*GIZMOS, *EXAMPLES], ids=lambda path: path.name)
NODES = pytest.mark.parametrize("path", GIZMOS, ids=lambda path: path.stem)


def read(path: Path) -> Script:
    return nukescript.read(path.read_text(encoding="utf-8"))


def every(nodes: list[Written]) -> Iterator[tuple[Written, list[Written]]]:
    """Each node with its siblings."""
    for node in nodes:
        yield node, nodes
        yield from every(node.children)


def group(path: Path) -> Written:
    (only,) = read(path).nodes
    return only


def test_there_are_gizmos_for_all_nodes_of_the_menu() -> None:
    assert [path.stem for path in GIZMOS] == [
        "Impasto_FrameInterpolate", "Impasto_KeyPicker", "Impasto_OcclusionMatte", "Impasto_OpticalFlow",
        "Impasto_STMapFromKey", "Impasto_StyleTransfer",
    ]  # fmt: skip
    assert EXAMPLES


@FILES
def test_a_file_asks_for_the_oldest_nuke_we_support(path: Path) -> None:
    assert read(path).version == "14.0 v1"


@FILES
def test_every_class_and_knob_is_in_the_vocabulary(path: Path) -> None:
    for node, _ in every(read(path).nodes):
        own = {knob.name for knob in node.user_knobs}
        known = vocabulary.GROUP if node.kind == "Group" else vocabulary.CLASSES[node.kind]
        assert set(node.knobs) - own <= vocabulary.EVERY_NODE | known, node.name
        for knob in node.user_knobs:
            assert knob.kind in vocabulary.KNOB_TYPES, knob
            assert set(knob.flags) <= vocabulary.FLAGS, knob
            assert set(knob.options) <= vocabulary.OPTIONS, knob


@FILES
def test_saving_and_loading_gives_the_same_script(path: Path) -> None:
    once = nukescript.write(read(path))
    assert nukescript.write(nukescript.read(once)) == once
    before, after = read(path), nukescript.read(once)
    assert [node.name for node, _ in every(after.nodes)] == [node.name for node, _ in every(before.nodes)]
    for (old, _), (new, _) in zip(every(before.nodes), every(after.nodes), strict=True):
        assert {**old.knobs, "inputs": 0} == {**new.knobs, "inputs": 0}
        assert old.user_knobs == new.user_knobs
        assert [given and given.name for given in old.inputs] == [given and given.name for given in new.inputs]


@FILES
def test_names_are_unique_and_every_reference_is_there(path: Path) -> None:
    for node, siblings in every(read(path).nodes):
        names = [sibling.name for sibling in siblings]
        assert names.count(node.name) == 1, node.name
        knobs = {knob.name for knob in node.user_knobs}
        assert len(knobs) == len(node.user_knobs), f"{node.name} has two knobs of one name"
        for child in node.children:
            for value in child.knobs.values():
                if "{" in value or "parent." in value:
                    for reference in re.findall(r"\bparent\.(\w+)", value):
                        assert reference in knobs or re.fullmatch(r"input\d", reference), f"{child.name}: {value}"
                        assert not reference.startswith("input") or int(reference[5:]) < len(pipes(node)), value


def pipes(node: Written) -> list[str]:
    found = {int(child.knobs.get("number", 0)): child.name for child in node.children if child.kind == "Input"}
    assert sorted(found) == list(range(len(found))), found
    return [found[index] for index in sorted(found)]


@NODES
def test_every_link_finds_its_knob(path: Path) -> None:
    node = group(path)
    inner = {child.name: child for child in node.children}
    for knob in node.user_knobs:
        if knob.kind == 41:
            name, _, target = knob.options["T"].partition(".")
            assert target in vocabulary.CLASSES[inner[name].kind] | vocabulary.EVERY_NODE, knob.options["T"]


@NODES
def test_a_switch_has_as_many_inputs_as_its_menu_has_entries(path: Path) -> None:
    node = group(path)
    menus = {knob.name: knob.entries for knob in node.user_knobs if knob.kind == 4}
    checked = 0
    for child in node.children:
        match = re.fullmatch(r"\{?parent\.(\w+)\}?", child.knobs.get("which", ""))
        if child.kind == "Switch" and match and match[1] in menus:
            assert len(child.inputs) == len(menus[match[1]]), child.name
            checked += 1
    assert checked or path.stem == "Impasto_FrameInterpolate", "the only one that shows one thing"


@NODES
def test_every_node_inside_hangs_together(path: Path) -> None:
    node = group(path)
    assert pipes(node)[0] == "plate"
    reached: set[int] = set()
    waiting = [child for child in node.children if child.kind in ("Output", "Write")]
    assert [child.kind for child in waiting].count("Output") == 1
    while waiting:
        at = waiting.pop()
        if id(at) not in reached:
            reached.add(id(at))
            assert all(given is not None for given in at.inputs), f"{at.name} has an input connected to nothing"
            waiting += [given for given in at.inputs if given is not None]
    assert [child.name for child in node.children if id(child) not in reached] == []


def test_the_graph_of_style_transfer() -> None:
    node = group(PROJECT / "gizmos/Impasto_StyleTransfer.gizmo")
    graph = {child.name: [given.name for given in child.inputs if given] for child in node.children}
    assert pipes(node) == ["plate", "style", "keys", "mask", "style2", "style3", "style4"], (
        "an input must not change its number: scripts hold numbers"
    )
    assert graph["Mixed"] == ["Multiply_shown", "plate", "PlateShare"], "B the result, A the plate, by its share"
    assert graph["Final"] == ["plate", "Chosen"]
    assert graph["MaskOrWhite"] == ["White", "MaskInvert"]
    assert graph["Write_keys"] == ["Scale_keys"]
    assert graph["Scale_keys"] == ["keys"]


def test_the_shot_in_the_comp_repaints_relights_by_a_matte_and_blurs_by_both_motions() -> None:
    script = read(PROJECT / "gizmos/examples/a_shot_in_the_comp.nk")
    graph = {node.name: [given.name for given in node.inputs if given] for node in script.nodes}
    knobs = {node.name: node.knobs for node in script.nodes}
    assert graph["PaintFollows"] == ["Repainted", "PixelsToMap"], "the picture, then the map"
    assert graph["RepaintedShot"] == ["Package", "PaintFollows", "FromThisKey"], "B holds the layers of motion"
    assert (knobs["UncoveredToAlpha"]["from0"], graph["SeenBefore"]) == ("occlusion.prev", ["SoftenMatte"])
    assert graph["LightMatte"] == ["LightOnThisPaint", "SeenBefore"]
    assert graph["RelitShot"] == ["RepaintedShot", "Relight", "LightMatte"]
    assert [knobs[name]["uv"] for name in graph["MotionBlurred"]] == ["forward", "backward"]
    assert all(graph[name] == ["RelitShot"] for name in graph["MotionBlurred"])
    assert {"forward", "backward", "occlusion", "source"} <= set(script.layers)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_node_of_an_example_leads_somewhere(path: Path) -> None:
    nodes = [node for node in read(path).nodes if node.kind not in ("Root", "StickyNote")]
    read_by = {id(given) for node in nodes for given in node.inputs}
    ends = {"MotionBlur", "BendFrom1006To1007", "RelitWhereUncovered", "RepaintedShot", "ToReview"}
    assert {node.name for node in nodes if id(node) not in read_by} <= ends
    assert all(given is not None for node in nodes for given in node.inputs)


@NODES
def test_inner_writes_are_disabled_so_that_no_render_of_the_script_runs_them(path: Path) -> None:
    writes = [child for child in group(path).children if child.kind == "Write"]
    assert writes
    assert all((w.knobs["disable"], w.knobs["file"], w.knobs["raw"]) == ("true", "", "true") for w in writes)
    for writer in writes:
        assert (writer.knobs["channels"], writer.knobs["metadata"]) == ("all", "all metadata"), "nothing is lost"
        assert (writer.knobs["file_type"], writer.knobs["datatype"]) == ("exr", "32 bit float")


@NODES
def test_every_knob_an_artist_sees_says_what_it_does(path: Path) -> None:
    for knob in group(path).user_knobs:
        if knob.kind not in (20, 26) and "+INVISIBLE" not in knob.flags:
            assert knob.options.get("t", "").endswith("."), knob.name
            assert knob.options.get("l"), knob.name
            assert not set(knob.options["t"]) & set('[]{}$"\\'), knob.name


@NODES
def test_no_host_and_no_path_stands_in_a_gizmo(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?<![<\w])/(?!b>)\w+/|[A-Z]:[\\/]|\d+\.\d+\.\d+\.\d+|localhost", text)


@NODES
def test_code_in_knobs_compiles_and_what_it_calls_exists(path: Path) -> None:
    node = group(path)
    codes = [node.knobs["onCreate"], node.knobs["knobChanged"]]
    codes += [knob.options["T"] for knob in node.user_knobs if knob.kind == 22]
    assert len(codes) > 6
    package = ast.parse((PROJECT / "nuke_plugin/impasto/nuke/__init__.py").read_text(encoding="utf-8"))
    doors = {item.name for item in package.body if isinstance(item, ast.FunctionDef)}
    source = ast.parse((PROJECT / "nuke_plugin/impasto/nuke/inside/buttons.py").read_text(encoding="utf-8"))
    (table,) = (item.value for item in source.body if isinstance(item, ast.AnnAssign))
    assert isinstance(table, ast.Dict)
    buttons = {key.value for key in table.keys if isinstance(key, ast.Constant)}
    for code in codes:
        tree = ast.parse(code)
        calls = [item for item in ast.walk(tree) if isinstance(item, ast.Call)]
        assert calls, code
        for call in calls:
            assert isinstance(call.func, ast.Attribute)
            assert call.func.attr in doors, code
            if call.func.attr == "press":
                assert next(word.value for word in call.args if isinstance(word, ast.Constant)) in buttons, code


def test_every_knob_the_code_asks_for_is_in_a_gizmo() -> None:
    """By name; that each node has those asked of it, the scenarios see."""
    knobs = {knob.name for path in GIZMOS for knob in group(path).user_knobs}
    inner = {child.name for path in GIZMOS for child in group(path).children}
    of_nuke = {"disable", "tile_color", "file", "first", "last", "scale", "first_frame", "last_frame"}
    asked: set[str] = set()
    nodes: set[str] = set()
    for source in (PROJECT / "nuke_plugin/impasto/nuke/inside").glob("*.py"):
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and len(call.args) > 1:
                word = call.args[1]
                if isinstance(word, ast.Constant) and isinstance(word.value, str):
                    if call.func.attr in ("text", "text_or", "path", "number", "number_or", "flag", "put", "curve"):
                        asked.add(word.value)
                    elif call.func.attr == "inner":
                        nodes.add(word.value)
    assert len(asked) > 30
    assert asked - of_nuke <= knobs
    assert nodes <= inner


def test_the_files_are_what_their_programs_write() -> None:
    told = catalogue.read((PROJECT / "gizmos/catalogue.json").read_text(encoding="utf-8"))
    written = {
        **make_gizmos.made(told),
        **{f"examples/{name}": write() for name, write in make_examples.EXAMPLES.items()},
    }
    assert set(written) == {str(path.relative_to(PROJECT / "gizmos")) for path in [*GIZMOS, *EXAMPLES]}
    for name, text in written.items():
        assert (PROJECT / "gizmos" / name).read_text(encoding="utf-8") == text, f"{name}: run make nuke-gizmos"


def test_the_pictures_of_the_guides_are_drawn_from_the_gizmos() -> None:
    for name, text in draw.drawings().items():
        assert (PROJECT / "docs/images" / name).read_text(encoding="utf-8") == text, f"{name}: run make nuke-pictures"


def test_the_package_holds_all_that_nuke_needs_and_is_the_same_twice(tmp_path: Path) -> None:
    once, twice = package.write(tmp_path / "a"), package.write(tmp_path / "b")
    assert once.read_bytes() == twice.read_bytes()
    with zipfile.ZipFile(once) as archive:
        archive.extractall(tmp_path / "studio")
    startup = tmp_path / "studio/impasto/nuke/startup"
    assert (startup / "../gizmos/Impasto.png").read_bytes() == icon.png()
    prepended: list[str] = []
    rez = {"env": SimpleNamespace(NUKE_PATH=SimpleNamespace(prepend=prepended.append))}
    exec((tmp_path / "studio/package.py").read_text(encoding="utf-8"), rez)
    rez["commands"]()  # type: ignore[operator]
    assert (rez["version"], prepended) == (package.version(), ["{root}/impasto/nuke/startup"])
    assert (startup / "../gizmos/Impasto_StyleTransfer.gizmo").is_file()
    environment = {**os.environ, "PLUGIN_STARTUP": str(startup)}
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "life.Starting"], cwd=Path(__file__).parent / "scenarios", env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_menus_offer_what_the_command_has() -> None:
    from impasto.client import Client  # noqa: F401 - the embedded server needs it
    from impasto.server.models import catalogue as true_catalogue
    from impasto.server.models.style import presets

    told = catalogue.read((PROJECT / "gizmos/catalogue.json").read_text(encoding="utf-8"))
    assert [style["name"] for style in told["styles"]] == sorted(presets.presets())
    flow = {name for name, model in true_catalogue.catalogue().items() if model.family == "flow"}
    assert {"dis"} <= set(catalogue.motions(told)) - {"plate layers", "vector files"} <= flow


@pytest.mark.parametrize("damage", ["end_group", " name ", "}", " {20 "])
@NODES
def test_a_damaged_gizmo_is_noticed(path: Path, damage: str) -> None:
    text = path.read_text(encoding="utf-8")
    at = text.rindex(damage)
    with pytest.raises((ScriptError, ValueError, KeyError, IndexError)):
        nukescript.read(text[:at] + text[at + len(damage) :])


def test_the_interpreter_can_do_no_harm(tmp_path: Path) -> None:
    with pytest.raises(ScriptError):
        nukescript.read(f"exec touch {tmp_path}/harm")
    assert not (tmp_path / "harm").exists()
    assert "nuke" not in sys.modules
