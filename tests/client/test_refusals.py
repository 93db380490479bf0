from __future__ import annotations

import re
from pathlib import Path

from impasto.client.refusals import REFUSALS

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "errors.md"


def test_the_reasons_that_end_with_2_are_those_of_the_guide() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|.*\| (\d+) \|$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {reason for reason, code in rows if code == "2"} == REFUSALS
