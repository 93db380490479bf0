"""How long the nodes hold Nuke's main thread: a large script on slow storage, in the stand-in for Nuke of the tests.

    python benchmarks/nuke_main_thread.py

2,000 nodes above the node, 20 of them Reads of 1,000 frames each, every look at a file taking 5 ms. Printed is the
longest time the main thread was held in one piece after each thing an artist does, and how much of that was work (on
a busy machine the rest is waiting for a core); Nuke's own renders are left out. The aim is 100 ms. What Nuke itself
takes for a call is not in it: between two nodes it gets its turn after 30 ms.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "tests/nuke/scenarios")]

NODES, READS, FRAMES, PAUSE = 2000, 20, 1000, 0.005


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    print(f"importing init.py: {1000 * _import_seconds():.0f} ms, of which Nuke's fake is no part")
    import stage
    from stage import nuke

    scenario = stage.Scenario()
    scenario.setUp()
    try:
        node = scenario.make()
        _grow(nuke, scenario, node)
        _slow(nuke, scenario.folder)
        _measure(nuke, "Render pressed, inputs and job", lambda: nuke._press(node, "render"), scenario)
        _measure(nuke, "Check pressed", lambda: nuke._press(node, "check"), scenario)
        _measure(nuke, "slider moved", lambda: node["strength"].setValue(0.5), scenario)
        _measure(nuke, "slider moved back", lambda: node["strength"].setValue(1.0), scenario)
        _measure(nuke, "panel opened", lambda: nuke._open_panel(node), scenario)
        _measure(nuke, "Preview pressed", lambda: nuke._press(node, "preview"), scenario)
        _measure(nuke, "Doctor pressed", lambda: nuke._press(node, "doctor"), scenario)
        _measure(nuke, "Update Older Nodes, 8 of them", lambda: _update(nuke, scenario), scenario)
    finally:
        scenario.doCleanups()


def _grow(nuke, scenario, node) -> None:  # type: ignore[no-untyped-def]
    """Put many nodes above the node, and Reads on slow storage among them."""
    above = scenario.read
    for number in range(NODES):
        made = nuke.createNode("Read" if number % (NODES // READS) == 0 else "Grade")
        if made.Class() == "Read":
            made["file"].setValue((scenario.folder / f"plates/other{number}.%04d.exr").as_posix())
            made["last"].setValue(FRAMES)
        made.setInput(0, above)
        above = made
    merge = nuke.createNode("Merge2")
    merge.setInput(0, scenario.read)
    merge.setInput(1, above)
    node.setInput(0, merge)
    node["shot"].setValue("1001-1004")


def _slow(nuke, folder: Path) -> None:  # type: ignore[no-untyped-def]
    quick = nuke._true_stat

    def slow(path, *args, **kwargs):  # type: ignore[no-untyped-def]
        if str(path).startswith(str(folder)):
            time.sleep(PAUSE)
        return quick(path, *args, **kwargs)

    nuke._true_stat = slow


def _update(nuke, scenario) -> None:  # type: ignore[no-untyped-def]
    """Choose the menu's entry in a script with old nodes."""
    import impasto.nuke

    for _ in range(8):
        scenario.make()["impasto_version"]._value = 1
    with nuke._holding("Update Older Nodes"):
        impasto.nuke.update_older_nodes()


def _measure(nuke, what: str, act, scenario) -> None:  # type: ignore[no-untyped-def]
    del nuke._holds[:]
    began = time.perf_counter()
    act()
    scenario.settle(300.0)
    took = time.perf_counter() - began
    longest = max(held for _, held, _ in nuke._holds)
    where, worked = max(((where, worked) for where, _, worked in nuke._holds), key=lambda pair: pair[1])
    print(
        f"{what:30s} longest hold {1000 * longest:4.0f} ms, most work {1000 * worked:4.0f} ms ({where}),"
        f" {len(nuke._holds):3d} turns, all done after {took:.1f} s"
    )


def _import_seconds() -> float:
    path = os.pathsep.join([str(PROJECT / "tests/nuke/fake"), str(PROJECT / "tools/nuke")])
    init = PROJECT / "nuke_plugin/impasto/nuke/startup/init.py"
    code = "import time, nuke, runpy; began = time.perf_counter(); "
    code += f"runpy.run_path({str(init)!r}); print(time.perf_counter() - began)"
    environment = {**os.environ, "PYTHONPATH": path}
    times = [
        float(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout)
        for _ in range(5)
    ]
    return min(times)


if __name__ == "__main__":
    main()
