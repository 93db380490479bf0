from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from impasto.cli.commands import nuke

Command = Callable[..., Any]
STUDIO = 'import nuke\nnuke.pluginAddPath("/studio")'


def test_installing_twice_is_installing_once_and_uninstalling_restores(impasto: Command, tmp_path: Path) -> None:
    init = tmp_path / "nuke/init.py"
    init.parent.mkdir()
    init.write_text(STUDIO)
    init.chmod(0o640)
    assert impasto("nuke", "install", "--nuke-dir", init.parent).code == 0
    once = init.read_text()
    assert once.startswith(STUDIO + "\n")
    assert impasto("nuke", "install", "--nuke-dir", init.parent).code == 0
    assert init.read_text() == once
    assert (init.parent / nuke.BACKUP).read_text() == STUDIO
    assert init.stat().st_mode & 0o777 == 0o640
    assert impasto("nuke", "uninstall", "--nuke-dir", init.parent).code == 0
    assert init.read_text() == STUDIO
    assert os.listdir(init.parent) == ["init.py"]  # noqa: PTH208


def test_lines_written_after_ours_survive_uninstalling(impasto: Command, tmp_path: Path) -> None:
    impasto("nuke", "install", "--nuke-dir", tmp_path)
    with (tmp_path / "init.py").open("a") as init:
        init.write("later = 1\n")
    assert impasto("nuke", "uninstall", "--nuke-dir", tmp_path).code == 0
    assert (tmp_path / "init.py").read_text() == "later = 1\n"


def test_a_file_that_holds_nothing_else_is_removed_and_none_is_no_error(impasto: Command, tmp_path: Path) -> None:
    impasto("nuke", "install", "--nuke-dir", tmp_path)
    impasto("nuke", "uninstall", "--nuke-dir", tmp_path)
    assert not (tmp_path / "init.py").exists()
    ended = impasto("nuke", "uninstall", "--nuke-dir", tmp_path)
    assert (ended.code, "nothing of Impasto's" in ended.out) == (0, True)


def test_lines_changed_by_hand_are_left_alone(impasto: Command, tmp_path: Path) -> None:
    (tmp_path / "init.py").write_text(f"{nuke.BEGINS}\nsomething\n")
    for verb in ("install", "uninstall"):
        ended = impasto("nuke", verb, "--nuke-dir", tmp_path)
        assert (ended.code, "changed by hand" in ended.err) == (2, True)
    assert (tmp_path / "init.py").read_text() == f"{nuke.BEGINS}\nsomething\n"


def test_a_file_that_is_no_text_is_left_alone(impasto: Command, tmp_path: Path) -> None:
    (tmp_path / "init.py").write_bytes(b"\xff\xfe")
    assert impasto("nuke", "install", "--nuke-dir", tmp_path).code == 2
    assert (tmp_path / "init.py").read_bytes() == b"\xff\xfe"


def test_a_folder_that_cannot_be_made_is_named(impasto: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = impasto("nuke", "install", "--nuke-dir", tmp_path / "file/below")
    assert (ended.code, "--nuke-dir" in ended.err) == (1, True)


def test_the_environment_named_is_the_one_the_nodes_start(impasto: Command, tmp_path: Path) -> None:
    program = tmp_path / "env/bin/impasto"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    for name in (tmp_path / "env", program.parent / "python", program):
        if name.name == "python":
            name.write_text("")
        assert impasto("nuke", "install", "--nuke-dir", tmp_path, "--python", name).code == 0
        assert json.dumps([str(program)]) in (tmp_path / "init.py").read_text()
    ended = impasto("nuke", "install", "--nuke-dir", tmp_path, "--python", tmp_path / "nowhere")
    assert (ended.code, "--python" in ended.err) == (2, True)


@pytest.mark.parametrize("gone", [False, True])
def test_nukes_start_survives_an_installation_that_is_gone(impasto: Command, tmp_path: Path, gone: bool) -> None:
    impasto("nuke", "install", "--nuke-dir", tmp_path)
    init = tmp_path / "init.py"
    if gone:
        init.write_text(init.read_text().replace(nuke.startup().as_posix(), "/gone"))
    project = Path(__file__).parents[3]
    code = "import sys, nuke; exec(open(sys.argv[1]).read()); print(len(nuke._plugin_path))"
    environment = {**os.environ, "PYTHONPATH": f"{project / 'tests/nuke/fake'}{os.pathsep}{project / 'tools/nuke'}"}
    done = subprocess.run([sys.executable, "-c", code, init], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "0" if gone else "2", "")


def test_the_folder_for_nuke_path_holds_what_nuke_runs(impasto: Command) -> None:
    folder = Path(impasto("nuke", "path").out.strip())
    assert {path.name for path in folder.glob("*.py")} == {"init.py", "menu.py", "batch.py"}


def test_the_catalogue_is_one_json_object(impasto: Command) -> None:
    from impasto.nuke import catalogue

    told = catalogue.read(impasto("nuke", "catalogue").out)
    assert "dis" in catalogue.motions(told)
    assert catalogue.span(told, "style_scale", (0, 0)) == (0.25, 4.0)
    assert catalogue.span(told, "nothing", (1, 2)) == (1, 2)
