from __future__ import annotations

import inspect
from dataclasses import dataclass

import pytest

from impasto.cli import groups as g
from impasto.cli import options as o
from impasto.cli.commands.interpolate import RetimedShot
from impasto.client import BadRequestError, Options


@dataclass(frozen=True)
class Brush:
    device: o.Device = "cpu"
    threads: o.Threads = 2


def test_a_group_is_shown_as_the_options_of_its_fields_where_it_stands() -> None:
    @g.grouped
    def paint(plate: o.Plate, *, brush: Brush, manner: g.Manner, job_file: o.JobFile = None) -> None:
        """Paint."""

    shown = inspect.signature(paint).parameters
    assert list(shown)[:4] == ["plate", "device", "threads", "server"]
    assert list(shown)[-1] == "job_file"
    assert (shown["threads"].default, paint.__doc__, paint.__name__) == (2, "Paint.", "paint")
    assert shown["threads"].annotation == o.Threads


def test_what_is_given_reaches_its_group() -> None:
    seen: list[object] = []

    @g.grouped
    def paint(plate: o.Plate, *, brush: Brush) -> None:
        seen.extend((plate, brush))

    paint(plate="a.####.exr", device="cuda:0", threads=4)
    assert seen == ["a.####.exr", Brush("cuda:0", 4)]


def test_groups_lay_their_options_over_those_of_the_command() -> None:
    of_the_command = Options(passes=(), sheet="sheet.png")
    found = g.gather(g.Shot(frames="1-9", no_cut="4"), g.Layers(), g.Compute(memory="2G"), options=of_the_command)
    assert (found.frames, list(found.vetoed_cuts), found.memory) == ("1-9", [4], 2 << 30)
    assert (found.passes, found.sheet) == ((), "sheet.png")
    assert list(g.gather(g.Layers(passes=["motion,source"])).passes) == ["motion", "source"]


def test_an_option_that_cannot_be_read_is_refused_by_its_group() -> None:
    with pytest.raises(BadRequestError, match="--memory lots is no size"):
        g.gather(g.Compute(memory="lots"))


def test_what_is_shown_at_cuts_is_not_where_they_are() -> None:
    with pytest.raises(BadRequestError, match="what is shown at them is --at-cuts nearest"):
        RetimedShot(cuts="nearest").onto(Options())
