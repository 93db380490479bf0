"""What NUKE_PATH points at: run by Nuke in every mode, also without windows. It never stops Nuke from starting.

Only `impasto.nuke` becomes importable. The folder that holds it is not put on sys.path: beside an installed `impasto`
stand other packages (protobuf among them) which must not be seen by Nuke.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def _add_package(folder: Path) -> ModuleType:
    """Make `impasto.nuke` importable from its folder, whether or not an `impasto` is installed in Nuke's Python."""
    if "impasto.nuke" in sys.modules:
        return sys.modules["impasto.nuke"]
    try:
        parent = importlib.import_module("impasto")
    except ImportError:
        parent = ModuleType("impasto")
        parent.__path__ = []
        sys.modules["impasto"] = parent
    spec = importlib.util.spec_from_file_location(
        "impasto.nuke", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} cannot be imported")
    package = importlib.util.module_from_spec(spec)
    sys.modules["impasto.nuke"] = package
    try:
        spec.loader.exec_module(package)
    except BaseException:
        del sys.modules["impasto.nuke"]
        raise
    vars(parent)["nuke"] = package
    return package


def _start() -> None:
    import nuke

    folder = Path(__file__).resolve().parent.parent
    package = _add_package(folder)
    if Path(package.__path__[0]).resolve() != folder:
        print(f"Impasto: {folder} is not used, {package.__path__[0]} came first", file=sys.stderr)
        return
    gizmos = (folder / "gizmos", folder.parents[2] / "gizmos")  # as installed, and in the project itself
    found = [place for place in gizmos if (place / "Impasto_StyleTransfer.gizmo").is_file()]
    if not found:
        print(f"Impasto: its gizmos are not beside {folder}; install it again", file=sys.stderr)
        return
    nuke.pluginAddPath(found[0].as_posix(), addToSysPath=False)
    nuke.addBeforeRender(_before_render, nodeClass="Write")


def _before_render() -> None:
    from impasto.nuke.inside import changes

    changes.before_render()


try:
    _start()
except Exception as error:
    print(f"Impasto: not loaded: {error!r}", file=sys.stderr)
