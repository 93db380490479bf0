import doctest
from pathlib import Path

from painting import painting
from world import serving, write_plates

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "python.md"


def test_the_examples_of_the_guide_do_what_it_says(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    write_plates(tmp_path / "plates")
    names = {"plate": str(tmp_path / "plates" / "plate.####.exr"), "out": str(tmp_path / "out" / "shot.####.exr")}
    with serving(tmp_path / "s", painting) as (running, _):
        found = doctest.testfile(str(GUIDE), module_relative=False, globs={**names, "address": running.address})
    assert found.failed == 0
    assert found.attempted > 8
