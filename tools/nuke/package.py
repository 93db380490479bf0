"""Write dist/impasto-nuke-VERSION.zip: the nodes without the rest, for studios that put folders on NUKE_PATH.

The same sources give the same bytes.
"""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

PROJECT = Path(__file__).parents[2]
README = """Impasto's nodes for Nuke {version}. Not run in a real Nuke by its makers; see docs/guides/nuke.md of the project.

Unpack this anywhere and put FOLDER/impasto/nuke/startup on NUKE_PATH. Set IMPASTO_COMMAND to the impasto command, which is
installed elsewhere (pip install 'impasto[server]'). Nothing is installed into Nuke.
"""
REZ = '''"""For studios that use rez: put this folder where rez finds packages, as impasto_nuke/{version}."""

name = "impasto_nuke"
version = "{version}"
description = "Impasto's nodes for Nuke. The impasto command is a package of its own: name it in IMPASTO_COMMAND."


def commands():
    env.NUKE_PATH.prepend("{{root}}/impasto/nuke/startup")
'''


def files() -> dict[str, bytes]:
    """What the package holds, by name."""
    found = {}
    package, gizmos = PROJECT / "nuke_plugin/impasto/nuke", PROJECT / "gizmos"
    for path in sorted(package.rglob("*.py")):
        found[f"impasto/nuke/{path.relative_to(package).as_posix()}"] = path.read_bytes()
    for path in sorted([*gizmos.glob("*.gizmo"), *gizmos.glob("*.png"), *gizmos.glob("examples/*.nk")]):
        found[f"impasto/nuke/gizmos/{path.relative_to(gizmos).as_posix()}"] = path.read_bytes()
    found["LICENSE"] = (PROJECT / "LICENSE").read_bytes()
    found["package.py"] = REZ.format(version=version()).encode()
    found["README.txt"] = README.format(version=version()).encode()
    return found


def version() -> str:
    return str(tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def write(folder: Path) -> Path:
    """Write the package into a folder; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"impasto-nuke-{version()}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files().items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return target


if __name__ == "__main__":
    print(write(PROJECT / "dist"))
