"""The review of a sequence: its numbers gathered from the frames that stand, as `quality.json` and `quality.csv`.

The numbers live in the frames themselves. So the chunks of a farm need no common file: each gathers what is there when
it ends, looks once more after writing, and the last one to end has seen all.
"""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from impasto.client.errors import BelowQuality, FramesFailed
from impasto.client.events import Event, FileMade, Replanned, Warned
from impasto.sequences import (
    DEFAULTS,
    FIGURES,
    GRADES,
    SequenceError,
    SequencePattern,
    Threshold,
    format_frames,
    grade,
    parse_frames,
    read_figures,
)
from impasto.v1 import job_pb2

SCHEMA = 1


@dataclass(frozen=True)
class Row:
    """A frame in review.

    Attributes:
        frame: its number.
        view: its view; empty where a file holds all there are.
        path: the file.
        figures: its numbers by name.
        grade: of `GRADES`.
        reasons: a phrase for each threshold crossed.
    """

    frame: int
    view: str
    path: Path
    figures: Mapping[str, float]
    grade: str
    reasons: tuple[str, ...]


@dataclass
class Review:
    """The review of a job's sequence.

    Attributes:
        pattern: of the frames; None where there is nothing to review.
        digest: of the job; frames of others are not looked at.
        wanted: frames that this job was asked for.
        thresholds: to grade by.
        fail_on: red or yellow; empty for neither.
        rows: what was found, by frame and view.
    """

    pattern: SequencePattern | None
    digest: str
    wanted: frozenset[int]
    thresholds: tuple[Threshold, ...]
    fail_on: str
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def of(cls, spec: job_pb2.JobSpec, digest: str, into: SequencePattern | None = None) -> Review:
        """The review of a job; there is one where frames are painted and measured.

        Args:
            spec: the job.
            digest: of its plan.
            into: where the frames are brought; None takes the job's own output.
        """
        wish = spec.output.quality
        painted = spec.WhichOneof("kind") == "stylize" and wish.measure != "none"
        pattern = (into or SequencePattern.parse(spec.output.pattern)) if painted else None
        frames = spec.output.review_frames or spec.plate.frames
        return cls(
            pattern, digest, frozenset(parse_frames(frames) if frames else ()), thresholds_of(wish), wish.fail_on
        )

    def followed(self, events: Iterator[Event]) -> Iterator[Event]:
        """A job's events, then those of its review.

        Raises:
            BelowQuality: after all, where a frame is graded as the job says none may be.
            ImpastoError: what `events` raises; where some frames failed the others are reviewed first.
        """
        try:
            for event in events:
                if isinstance(event, Replanned):
                    self.digest = event.digest
                yield event
        except FramesFailed:
            yield from self.written()
            raise
        yield from self.written()
        self.raise_unless_good()

    def written(self) -> Iterator[Event]:
        """Gather, and write the files of every folder that holds frames; a folder that cannot be written is told."""
        if self.pattern is None:
            return
        try:
            self.rows = self._gathered()
            for folder in dict.fromkeys(row.path.parent for row in self.rows):
                yield from self._written_to(folder)
        except (OSError, SequenceError) as error:
            yield Warned(message=f"The review numbers could not be written: {error}")

    def _written_to(self, folder: Path) -> Iterator[Event]:
        """Write one folder's files, again until nothing has come meanwhile."""
        assert self.pattern is not None
        while True:
            rows = [row for row in self.rows if row.path.parent == folder]
            stem = _stem(folder, self.pattern)
            paths = [folder / f"{stem}.json", folder / f"{stem}.csv"]
            for path, text in zip(paths, (self._json(rows), _csv(rows)), strict=True):
                _replace(path, text)
            found = self._gathered()
            if {row.path for row in found} == {row.path for row in self.rows}:
                break
            self.rows = found
        yield from (FileMade(what="quality", path=str(path)) for path in paths)

    def raise_unless_good(self) -> None:
        """Raise where a frame wanted is graded as the job says none may be.

        Raises:
            BelowQuality: with the frames.
        """
        if not self.fail_on:
            return
        worst = GRADES[GRADES.index(self.fail_on) :]
        bad = [row for row in self.rows if row.grade in worst and row.frame in self.wanted]
        if bad:
            frames = format_frames({row.frame for row in bad})
            raise BelowQuality(
                f"{'Frames' if len(bad) > 1 else 'Frame'} {frames} {'are' if len(bad) > 1 else 'is'}"
                f" {' or '.join(worst)}, the first because of {'; '.join(bad[0].reasons)}; all frames are kept.",
                reason="BELOW_QUALITY",
                metadata={"frames": frames},
            )

    def _gathered(self) -> list[Row]:
        assert self.pattern is not None
        rows = []
        for (frame, view), path in self.pattern.on_disk().items():
            figures = read_figures(path, self.digest)
            if figures is not None:
                rows.append(Row(frame, view, path, figures, *grade(figures, self.thresholds)))
        return rows

    def _json(self, rows: list[Row]) -> str:
        assert self.pattern is not None
        counts = {word: sum(row.grade == word for row in rows) for word in GRADES}
        frames: list[dict[str, Any]] = [
            {
                "frame": row.frame,
                "view": row.view,
                "file": row.path.name,
                "grade": row.grade,
                "reasons": list(row.reasons),
                **row.figures,
            }
            for row in rows
        ]
        content = {
            "schema": SCHEMA,
            "pattern": self.pattern.text,
            "job": self.digest,
            "frames_reviewed": format_frames({row.frame for row in rows}),
            "grades": counts,
            "thresholds": [vars(threshold) for threshold in self.thresholds],
            "meaning": FIGURES,
            "frames": frames,
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def thresholds_of(wish: job_pb2.Quality) -> tuple[Threshold, ...]:
    """The thresholds of a job; the defaults where it names none."""
    if not wish.thresholds:
        return DEFAULTS
    return tuple(
        Threshold(
            each.figure,
            each.yellow if each.HasField("yellow") else None,
            each.red if each.HasField("red") else None,
            each.below,
        )
        for each in wish.thresholds
    )


def _stem(folder: Path, pattern: SequencePattern) -> str:
    """`quality`; where that is of another sequence in the same folder, with this one's name in front."""
    try:
        stood = json.loads((folder / "quality.json").read_text(encoding="utf-8"))
        ours = isinstance(stood, dict) and stood.get("pattern") == pattern.text
    except FileNotFoundError:
        ours = not (folder / "quality.csv").exists()
    except (OSError, ValueError):
        ours = False
    name = pattern.head.rstrip("._-") or "frames"
    return "quality" if ours else f"{name}.quality"


def _csv(rows: list[Row]) -> str:
    names = sorted({name for row in rows for name in row.figures}, key=_order)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["frame", "view", "file", "grade", "reasons", *names])
    for row in rows:
        numbers = [f"{row.figures[name]:.6g}" if name in row.figures else "" for name in names]
        table.writerow([row.frame, row.view, row.path.name, row.grade, "; ".join(row.reasons), *numbers])
    return text.getvalue()


def _order(name: str) -> tuple[str, int, str]:
    """Columns: by view, then as `FIGURES` lists them."""
    view, _, figure = name.rpartition(".")
    place = list(FIGURES).index(figure) if figure in FIGURES else len(FIGURES)
    return view, place, figure


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)  # noqa: PTH105 - over what is there
    finally:
        partial.unlink(missing_ok=True)
