"""The client: one server, asked from Python in the words of its users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.client import transfer
from impasto.client.errors import BadRequestError
from impasto.client.events import Event
from impasto.client.live import FORMATS, LiveStream
from impasto.client.options import Look, Options, Painting, PathLike, Styling
from impasto.client.planned import makes_frames
from impasto.client.render import Destination, Render, beside_of, follow
from impasto.client.review import Review
from impasto.client.server import Server
from impasto.client.specs import (
    absolute,
    flow_spec,
    interpolate_spec,
    keys_spec,
    stmap_spec,
    style_spec,
    stylize_spec,
)
from impasto.sequences import SequenceError, SequencePattern
from impasto.v1 import job_pb2, live_pb2


class Client(Server):
    """Asks one server for jobs, and brings home what it makes.

    Make one with `Client.connect`; use it in a `with` block, or `close` it. Its methods may be called from any thread,
    and raise what those of `Server` raise.
    """

    def stylize(
        self,
        plate: PathLike,
        *,
        out: PathLike,
        style: PathLike | Styling | Iterable[PathLike | Styling] | None = None,
        keys: Mapping[int, PathLike | Painting] | None = None,
        scale_keys: bool = False,
        fill: str = "",
        fill_minutes: float | None = None,
        motion: str = "",
        strength: float | None = None,
        style_scale: float | None = None,
        relight: float | None = None,
        consistency: float | None = None,
        preserve_colour: bool = False,
        preserve_luminance: bool = False,
        mask: PathLike = "",
        look: str | Look = "",
        seed: int = 0,
        every: int = 0,
        priority: str = "",
        **options: Any,
    ) -> Render:
        """Paint a shot. Arguments are those of `stylize_spec` and `render`; `options` are the fields of `Options`.

        Returns:
            Its events; `.result()` waits for the end.
        """
        spec = stylize_spec(
            plate,
            out=out,
            style=style,
            keys=keys,
            scale_keys=scale_keys,
            fill=fill,
            fill_minutes=fill_minutes,
            motion=motion,
            strength=strength,
            style_scale=style_scale,
            relight=relight,
            consistency=consistency,
            preserve_colour=preserve_colour,
            preserve_luminance=preserve_luminance,
            mask=mask,
            look=look,
            seed=seed,
            every=every,
            options=Options(**options),
        )
        return self.render(spec, priority)

    def flow(self, plate: PathLike, *, out: PathLike, motion: str = "", priority: str = "", **options: Any) -> Render:
        """Measure a shot's motion and mattes. Arguments: see `flow_spec`, `render` and the fields of `Options`."""
        return self.render(flow_spec(plate, out=out, motion=motion, options=Options(**options)), priority)

    def interpolate(
        self,
        plate: PathLike,
        *,
        out: PathLike,
        speed: float | None = None,
        factor: int | None = None,
        timing: PathLike | Sequence[tuple[float, float]] | None = None,
        at: Sequence[float] | None = None,
        out_first: int | None = None,
        repair: bool = False,
        model: str = "",
        motion: str = "",
        cuts: str = "",
        paint: PathLike | None = None,
        priority: str = "",
        **options: Any,
    ) -> Render:
        """Make frames in between. Arguments: see `interpolate_spec`, `render` and the fields of `Options`."""
        spec = interpolate_spec(
            plate,
            out=out,
            speed=speed,
            factor=factor,
            timing=timing,
            at=at,
            out_first=out_first,
            repair=repair,
            model=model,
            motion=motion,
            cuts=cuts,
            paint=paint,
            options=Options(**options),
        )
        return self.render(spec, priority)

    def keys(
        self,
        plate: PathLike,
        *,
        share: float | None = None,
        most: int = 0,
        painted: str = "",
        motion: str = "",
        priority: str = "",
        **options: Any,
    ) -> Render:
        """Pick the frames worth painting; see `keys_spec`. The `KeysPicked` among the events holds them."""
        spec = keys_spec(plate, share=share, most=most, painted=painted, motion=motion, options=Options(**options))
        return self.render(spec, priority)

    def stmap(
        self, plate: PathLike, *, out: PathLike, key: int, motion: str = "", priority: str = "", **options: Any
    ) -> Render:
        """Write where the pixels of one frame are in the others; see `stmap_spec`."""
        options.setdefault("passes", ())
        return self.render(stmap_spec(plate, out=out, key=key, motion=motion, options=Options(**options)), priority)

    def render(self, spec: job_pb2.JobSpec, priority: str = "") -> Render:
        """Plan a job now, and make it as its events are asked for.

        Args:
            spec: patterns and paths; digests are filled in.
            priority: of `PRIORITIES`; empty means normal. An interactive job passes others between their frames.
        """
        return Render(self, self.plan(spec), priority)

    def submit(self, spec: job_pb2.JobSpec, priority: str = "") -> str:
        """Plan a job, have it kept, send what the server lacks, and leave it to the server.

        Returns:
            `jobs/ID` for `watch`, `fetch` and `cancel`; empty where all its frames stand at its output already.
        """
        render = self.render(spec, priority)
        for _ in render.submit():
            pass
        return render.job

    def fetch(self, job: str, into: PathLike | None = None) -> Iterator[Event]:
        """A job's events, each finished frame brought here before its event.

        Args:
            job: `jobs/ID`.
            into: pattern of the files; None takes the job's own output.

        Raises:
            JobFailed, FramesFailed, JobCancelled, BelowQuality: after the last event, as it ended.
        """
        found = self.get(job)
        spec = found.spec
        pattern = absolute(into) if into is not None else spec.output.pattern
        try:
            target = SequencePattern.parse(pattern) if makes_frames(spec) else None
        except SequenceError as error:
            raise BadRequestError(str(error), reason="OUTPUT_INVALID") from error
        review = Review.of(spec, found.plan.digest, target)
        return review.followed(follow(self, job, Destination(target, beside_of(spec))))

    def live(
        self,
        width: int,
        height: int,
        *,
        style: PathLike,
        look: str = "",
        pixels: str = "rgb8",
        strength: float | None = None,
        style_scale: float | None = None,
        preserve_colour: bool = False,
        paint_every: int = 0,
        paint_width: int = 0,
        queue: int = 0,
        drop_oldest: bool = False,
        seed: int = 0,
    ) -> LiveStream:
        """Open a live stream: frames in, frames out, causal, nothing kept.

        Args:
            width: columns of every frame.
            height: rows.
            style: a picture, a weights file or a preset's name.
            look: id of the model that paints after a picture; empty for the default.
            pixels: their format, of `live.FORMATS`: rgb8, rgba8 or half.
            strength: 0 is the plate, 1 the paint.
            style_scale: brush size relative to the style picture's own.
            preserve_colour: whether the plate keeps its hues.
            paint_every: frames from one painting to the next at least; 0 paints as fast as it can.
            paint_width: columns the look paints at; 0 takes all.
            queue: frames that may wait on the server; 0 means 4.
            drop_oldest: whether the oldest waiting frame is dropped when another comes; else the sender waits.
            seed: of every random draw.
        """
        if pixels not in FORMATS:
            raise BadRequestError(
                f"There is no pixel format '{pixels}'; there are: {', '.join(FORMATS)}.", reason="LIVE_INVALID"
            )
        code, pixel_bytes = FORMATS[pixels]
        settings = live_pb2.LiveSettings(
            width=width,
            height=height,
            format=code,
            style=self._present(style_spec(style)),
            preserve_colour=preserve_colour,
            paint_every=paint_every,
            paint_width=paint_width,
            look=look,
            queue=queue,
            overflow=live_pb2.LIVE_OVERFLOW_DROP_OLDEST if drop_oldest else live_pb2.LIVE_OVERFLOW_WAIT,
            seed=seed,
        )
        if strength is not None:
            settings.strength = strength
        if style_scale is not None:
            settings.style_scale = style_scale
        return LiveStream(self._connection, settings, pixel_bytes)

    def _present(self, style: job_pb2.Style) -> job_pb2.Style:
        """The style with its file's digest, sent where the server does not have it."""
        if style.HasField("file"):
            path = Path(style.file.path)
            try:
                digest = self._digests.of(path)
            except SequenceError as error:
                raise BadRequestError(str(error), reason="FILE_NOT_FOUND") from error
            style.file.sha256, style.file.size = digest.sha256, digest.size
            for _ in transfer.upload(self._connection, {digest.sha256: path}, self._patience):
                pass
        return style
