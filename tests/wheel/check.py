"""Build the wheel, install it in clean environments, import every package of ours, and run the command.

Two environments: the client alone, which must do without numpy and torch, and the client with the server.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMPORT_ALL = """
import importlib, pkgutil, sys
import impasto
skipped = sys.argv[1:]
count = 0
for module in pkgutil.walk_packages(impasto.__path__, 'impasto.'):
    # What speaks to Nuke needs Nuke's own module.
    if not any(module.name.startswith(name) for name in (*skipped, 'impasto.nuke.inside.')):
        importlib.import_module(module.name)
        count += 1
heavy = sorted({'torch', 'numpy', 'cv2', 'OpenEXR'} & set(sys.modules)) if skipped else []
assert not heavy, f'the client pulled in {heavy}'
assert count > 10, count
print(count, 'modules imported')
"""


def run(*command: object, cwd: Path) -> str:
    print("+", *(Path(str(part)).name if "/" in str(part) else part for part in command[:6]), flush=True)
    done = subprocess.run([str(part) for part in command], cwd=cwd, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"failed with {done.returncode}: {done.stdout}")
    return done.stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", scratch, ROOT, cwd=scratch)
        (wheel,) = scratch.glob("*.whl")
        environment = scratch / "env"
        venv.create(environment, with_pip=True)
        python, command = environment / "bin/python", environment / "bin/impasto"
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, wheel, cwd=scratch)
        print(run(python, "-c", IMPORT_ALL, "impasto.server", cwd=scratch).strip(), "without the server")
        run(command, "stylize", "--help", cwd=scratch)
        startup = Path(run(command, "nuke", "path", cwd=scratch).strip())
        assert (startup.parent / "gizmos/Impasto_StyleTransfer.gizmo").is_file(), "the wheel carries no gizmos"
        run(*pip, f"{wheel}[server]", cwd=scratch)
        print(run(python, "-c", IMPORT_ALL, cwd=scratch).strip(), "with the server")
        (example,) = environment.glob("lib/python*/site-packages/impasto/cli/example")
        wanted = ("--shot", "1001-1002", "--frames", "1001-1002", "--style", "gouache")
        run(command, "stylize", example / "plate.####.exr", *wanted, "--out", scratch / "out/x.####.exr", cwd=scratch)
        pictures = list((scratch / "out").glob("*.exr"))
        assert len(pictures) == 2, "the installed wheel did not write its frames"
        print(len(pictures), "frames painted by the installed wheel")


if __name__ == "__main__":
    main()
