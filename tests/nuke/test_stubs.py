"""Our calls and our fake against the stubs of a real Nuke's module."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="mypy is not installed")

from names_seen import GUARDED, SEEN_IN_15_0, SIGNATURES_IN_15_0
from stubs import parameters, stub

PROJECT = Path(__file__).parents[2]
PLUGIN = PROJECT / "nuke_plugin/impasto/nuke"


def used(source: str) -> set[str]:
    """Every X of `nuke.X` in a source."""
    return {
        item.attr
        for item in ast.walk(ast.parse(source))
        if isinstance(item, ast.Attribute) and isinstance(item.value, ast.Name) and item.value.id == "nuke"
    }


def test_every_name_we_use_is_one_of_nukes() -> None:
    found = {name for path in PLUGIN.rglob("*.py") for name in used(path.read_text(encoding="utf-8"))}
    assert len(found) > 25
    assert found - stub().names == set()


def test_what_a_studio_runs_uses_names_of_nukes_too() -> None:
    found = used((PROJECT / "tests/inside_nuke/run.py").read_text(encoding="utf-8"))
    assert len(found) > 8
    assert found - stub().names == set()


def test_every_name_we_use_was_seen_in_nuke_15_too() -> None:
    found = {name for path in PLUGIN.rglob("*.py") for name in used(path.read_text(encoding="utf-8"))}
    assert found - SEEN_IN_15_0 == GUARDED
    for name in GUARDED:
        sources = [path.read_text(encoding="utf-8") for path in PLUGIN.rglob("*.py")]
        assert any(f'hasattr(nuke, "{name}")' in source for source in sources), f"nuke.{name} is used without a guard"
    assert stub().names >= SEEN_IN_15_0 | GUARDED, "names common to both"


def misfits(source: str) -> set[str]:
    """Calls of nuke's functions that those of Nuke 15.0 would not take."""
    found = set()
    for call in ast.walk(ast.parse(source)):
        if not (isinstance(call, ast.Call) and re.fullmatch(r"nuke\.\w+", ast.unparse(call.func))):
            continue
        name = ast.unparse(call.func).removeprefix("nuke.")
        if name not in SIGNATURES_IN_15_0:
            if name not in stub().classes and name not in GUARDED:
                found.add(name)
            continue
        taken = SIGNATURES_IN_15_0[name]
        many = any(word.startswith("*") for word in taken)
        if (len(call.args) > len(taken) and not many) or {word.arg for word in call.keywords} - {*taken}:
            found.add(name)
    return found


def test_every_call_is_one_that_nuke_15_takes_too() -> None:
    assert set().union(*(misfits(path.read_text(encoding="utf-8")) for path in PLUGIN.rglob("*.py"))) == set()


@pytest.mark.parametrize("call", ["nuke.createNode('Blur', knobs='')", "nuke.views(1)", "nuke.tprint(1, ende='')"])
def test_a_call_that_nuke_15_does_not_take_would_be_noticed(call: str) -> None:
    assert len(misfits(call)) == 1


def test_a_misspelt_name_would_be_noticed() -> None:
    assert used("import nuke\nnuke.mesage('x')\nnuke.toNode('y')") - stub().names == {"mesage"}


def test_only_the_rooms_that_may_speak_to_nuke_do() -> None:
    speaking = {path.relative_to(PLUGIN).parts[0] for path in PLUGIN.rglob("*.py") if used(path.read_text("utf-8"))}
    assert speaking == {"__init__.py", "inside", "startup"}
    door = ast.parse((PLUGIN / "__init__.py").read_text(encoding="utf-8"))
    assert all(not isinstance(item, ast.Import) for item in door.body), "only for types, never at run time"


def test_nothing_but_the_standard_library_is_imported() -> None:
    allowed = sys.stdlib_module_names | {"nuke", "impasto"}
    for path in PLUGIN.rglob("*.py"):
        for item in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in item.names] if isinstance(item, ast.Import) else []
            names += [item.module or ""] if isinstance(item, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in allowed, f"{path.name}: {name}"
                assert not name.startswith("impasto") or name.startswith("impasto.nuke"), f"{path.name}: {name}"


def fake() -> ast.Module:
    return ast.parse((PROJECT / "tests/nuke/fake/nuke.py").read_text(encoding="utf-8"))


def fits(ours: ast.FunctionDef, theirs: list[ast.FunctionDef], method: bool) -> bool:
    """Whether a call that ours takes is one that theirs takes, as far as the stub tells the parameters."""
    names, required, any_number = parameters(ours, method)
    for other in theirs:
        known, needed, loose = parameters(other, method)
        if loose or any_number or (names == known[: len(names)] and required >= needed) or names == known:
            return True
    return False


def test_the_fake_has_nothing_that_nuke_has_not() -> None:
    public = [item for item in fake().body if isinstance(item, (ast.FunctionDef, ast.ClassDef)) and item.name[0] != "_"]
    assert len(public) > 40
    for item in public:
        if isinstance(item, ast.FunctionDef):
            assert item.name in stub().functions, f"nuke.{item.name} is not in the stubs"
            overloads = [*stub().functions[item.name]]
            assert fits(item, overloads, method=False) or item.name == "execute", f"nuke.{item.name} differs"
            continue
        assert item.name in stub().classes, f"nuke.{item.name} is not in the stubs"
        for part in item.body:
            if isinstance(part, ast.FunctionDef) and (part.name[0] != "_" or part.name == "__getitem__"):
                theirs = stub().method(item.name, part.name)
                assert theirs, f"nuke.{item.name}.{part.name} is not in the stubs"
                assert fits(part, theirs, method=True), f"nuke.{item.name}.{part.name} takes other arguments"


def test_both_forms_of_execute_are_known() -> None:
    forms = [parameters(form, method=False)[0] for form in stub().functions["execute"]]
    assert ["nameOrNode", "start", "end", "incr", "views", "continueOnError"] in forms


def test_the_check_of_the_fake_trips() -> None:
    ours = ast.parse("def message(text, icon): ...").body[0]
    assert isinstance(ours, ast.FunctionDef)
    assert not fits(ours, stub().functions["message"], method=False)


FOUND = "found = nuke.toNode(name)\n    return found if "
FOUND_GUARDED, FOUND_UNGUARDED = FOUND + "found is not None", FOUND + "found.name()"

PLANTED = {
    "inside/buttons.py": [
        ("if nuke.GUI:", "if nuke.GUY:", "GUY"),
        ("int(nuke.frame())", "int(nuke.frame('now'))", "frame"),
    ],
    "inside/inputs.py": [
        ("nuke.execute(writer, first, last, 1, list(", "nuke.execute(writer, str(first), last, 1, list(", "execute"),
        ("nuke.root().modified()", "nuke.root().isModified()", "isModified"),
    ],
    "inside/knobs.py": [
        (FOUND_GUARDED, FOUND_UNGUARDED, "has no attribute"),
        ("nuke.Undo.begin(name)", "nuke.Undoo.begin(name)", "Undoo"),
    ],
    "inside/saying.py": [("nuke.message(words)", "nuke.mesage(words)", "mesage")],
    "inside/rendering.py": [
        ("nuke.executeInMainThread(_keep_job", "nuke.executeInMainThreads(_keep_job", "executeInMainThreads"),
    ],
    "inside/upstream.py": [("nuke.HIDDEN_INPUTS", "nuke.HIDDEN_INPUT", "HIDDEN_INPUT")],
}  # fmt: skip


def test_mypy_notices_every_misspelling_planted(tmp_path: Path) -> None:
    copy = tmp_path / "impasto/nuke"
    for path in PLUGIN.rglob("*.py"):
        if "startup" not in path.parts:
            target = copy / path.relative_to(PLUGIN)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    expected = []
    for name, changes in PLANTED.items():
        path = copy / name
        text = path.read_text(encoding="utf-8")
        for right, wrong, word in changes:
            assert right in text, f"{name} no longer holds {right}"
            text = text.replace(right, wrong, 1)
            line = text[: text.index(wrong)].count("\n") + 1 + wrong.count("\n")
            expected.append((name, line, word))
        path.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--namespace-packages", "--explicit-package-bases"]
    command += ["--no-error-summary", "--cache-dir", str(tmp_path / "cache"), "-p", "impasto.nuke"]
    environment = {**os.environ, "MYPYPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    said = [line for line in done.stdout.splitlines() if ": error:" in line and "untyped function" not in line]
    for name, _, word in expected:
        assert any(name in line and word in line for line in said), f"{word} in {name} was not noticed: {done.stdout}"
    assert len(expected) == 9
