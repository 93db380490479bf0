"""What happens, shown: as JSON lines on standard output, or as a bar for people."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from impasto.cli import events
from impasto.cli.options import EventsForm
from impasto.client import (
    Event,
    FileMade,
    FilesSent,
    FrameDone,
    FrameFailed,
    FrameSkipped,
    JobPlanned,
    KeysPicked,
    Progress,
    ShotsFound,
    StateChanged,
    Warned,
)
from impasto.client.cuts import written_cut
from impasto.sequences import parse_frames


class Report(Protocol):
    """Takes events and shows them."""

    def show(self, event: Event) -> None:
        """Show one event."""
        ...


class JsonReport:
    """Each event is one line on standard output, there at once."""

    def show(self, event: Event) -> None:
        """Write one event."""
        print(events.line(event), flush=True)


class BarReport:
    """A bar of frames on the terminal, with warnings and failures above it; plain lines where there is no terminal."""

    def __init__(self, bar: Bar, console: Console) -> None:
        self._bar, self._console = bar, console
        self._task = bar.add_task("planning", total=None)
        self._total = 0
        self._skipped = 0

    def show(self, event: Event) -> None:
        """Move the bar, or say a sentence."""
        match event:
            case JobPlanned():
                self._planned(event)
            case FilesSent():
                self._bar.update(self._task, description=f"sending {size(event.sent_bytes)}/{size(event.total_bytes)}")
            case Progress():
                self._bar.update(self._task, description=f"{event.stage} {event.frame}{_of(event.view)}")
            case ShotsFound():
                self._parted(event)
            case FrameDone():
                self._bar.advance(self._task)
                if event.grade in ("yellow", "red"):
                    reasons = "; ".join(event.reasons)
                    self._say(f"frame {event.frame}{_of(event.view)} is {event.grade}: {reasons}", event.grade)
                if not self._console.is_terminal:
                    self._say(f"frame {event.frame}{_of(event.view)}: {event.path}")
            case FrameSkipped():
                self._skipped += 1
            case FrameFailed():
                self._bar.advance(self._task)
                self._say(f"frame {event.frame}{_of(event.view)} failed: {event.message}", "red")
            case FileMade():
                self._say(f"{event.what}: {event.path}")
            case KeysPicked():
                print(picked(event), flush=True)
            case Warned():
                self._say(event.message, "yellow")
            case StateChanged(state=state) if state in ("queued", "waiting"):
                self._bar.update(self._task, description=state)
            case StateChanged(state="succeeded"):
                self._bar.update(self._task, description="done")

    def _planned(self, event: JobPlanned) -> None:
        todo = len(parse_frames(event.todo)) if event.todo else 0
        self._bar.update(self._task, total=todo, description="planned")
        wanted = len(parse_frames(event.frames))
        frames = "1 frame" if wanted == 1 else f"{wanted} frames"
        self._say(f"shot {event.shot}, {frames} wanted, {wanted - todo} there already, {todo} to do")

    def _parted(self, event: ShotsFound) -> None:
        if len(event.shots) < 2:
            return
        cuts = ", ".join(written_cut(cut["frame"], cut["until"], cut["found_by"]) for cut in event.cuts)
        kept = f"; to change them edit {event.file} and give it to --cuts" if event.file else ""
        self._say(f"{len(event.shots)} shots, new ones at {cuts}{kept}")

    def _say(self, text: str, style: str | None = None) -> None:
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def report(form: EventsForm) -> Iterator[Report]:
    """How this command tells what happens."""
    if form is EventsForm.JSON:
        yield JsonReport()
        return
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield BarReport(bar, console)


def picked(event: KeysPicked) -> str:
    """Frames worth painting, for people."""
    rows = [f"{'FRAME':>7} {'ALONE':>7} {'SO FAR':>7}"]
    rows += [
        f"{key.frame:>7} {key.alone:>7.1%} {key.together:>7.1%}{'  painted' if key.painted else ''}"
        for key in event.keys
    ]
    covers = "covers" if len(event.keys) == 1 else "cover"
    return "\n".join([*rows, f"{event.frames} {covers} {event.share:.1%}; {event.wanted:.1%} was asked for"])


def size(count: float) -> str:
    """Bytes for people: `1.5 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _of(view: str) -> str:
    return f" {view}" if view else ""
