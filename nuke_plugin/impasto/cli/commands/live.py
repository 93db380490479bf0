"""`impasto live`: play a sequence or a video through a look, as it comes."""

from __future__ import annotations

import sys
import threading
import time
from typing import Annotated

import typer

from impasto.cli import options as o
from impasto.cli import session
from impasto.cli.live_files import Sink, Source, kind_of
from impasto.cli.preview import Preview
from impasto.client import BadRequestError, ImpastoError, LiveStream


def live(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", show_default=False, help="A sequence, such as shot.####.exr, or a video.")
    ],
    style: Annotated[
        str, typer.Option("--style", metavar="S", show_default=False, help="A picture, a weights file or a preset.")
    ],
    look: Annotated[
        str,
        typer.Option("--look", metavar="ID", help="What paints after a picture; see 'impasto models list'."),
    ] = "",
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="O", help="out.####.exr (scene-linear), out.####.png or out.mp4.")
    ] = "",
    preview: Annotated[
        int | None, typer.Option("--preview", metavar="PORT", help="Show it in a browser here; 0: any free port.")
    ] = None,
    frames: o.Frames = "",
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Play it at this size.")] = "",
    fps: Annotated[
        float | None, typer.Option("--fps", min=0, help="Frames a second; 0: as fast as it goes. Default: 0 for --out.")
    ] = None,
    strength: Annotated[float | None, typer.Option("--strength", help="0 is the plate, 1 the paint.")] = None,
    paint_every: Annotated[
        int, typer.Option("--paint-every", min=0, help="Frames between paintings at least; the others carry paint.")
    ] = 0,
    paint_width: Annotated[
        int, typer.Option("--paint-width", min=0, help="Columns the look paints at; fewer are faster and coarser.")
    ] = 0,
    drop: Annotated[bool, typer.Option("--drop", help="Drop waiting frames rather than fall behind.")] = False,
    server: o.Server = "",
    tls_ca: o.TlsCa = None,
    cache: o.Cache = None,
) -> None:
    """Play a sequence or a video through a look, frame by frame, without looking ahead.

    Nothing is kept, and what a frame looks like depends on the machine's speed: for what is to stay use 'stylize'.

      impasto live plate.mp4 --style mosaic.pth --size 640x360 --preview 8080

      impasto live shot.####.exr --style monet.jpg --out out/live.####.exr
    """
    if not out and preview is None:
        raise BadRequestError("A live stream goes nowhere; give --out, --preview, or both.", reason="USAGE")
    half = bool(out) and kind_of(out) == "exr"
    played = Source(source, frames, _size(size), half)
    rate = fps if fps is not None else (0.0 if out else float(played.rate))
    with session.client(server, tls_ca, cache) as client:
        stream = client.live(
            played.width,
            played.height,
            style=style,
            look=look,
            pixels="half" if half else "rgb8",
            strength=strength,
            paint_every=paint_every,
            paint_width=paint_width,
            drop_oldest=drop,
        )
        sink = Sink(out, played) if out else None
        shown = Preview(preview, played.width, played.height) if preview is not None else None
        if shown is not None:
            print(f"impasto: open {shown.url}", file=sys.stderr)
        try:
            with stream:
                _play(stream, played, rate, sink, shown, half)
        finally:
            if sink is not None:
                sink.close()
            if shown is not None:
                shown.close()


def _play(
    stream: LiveStream, played: Source, rate: float, sink: Sink | None, shown: Preview | None, half: bool
) -> None:
    failure: list[ImpastoError] = []
    threading.Thread(target=_feed, args=(stream, played, rate, failure), name="impasto-feed", daemon=True).start()
    latencies, began = [], time.monotonic()
    dropped = 0
    for frame in stream:
        if sink is not None:
            sink.write(frame.number, frame.pixels)
        if shown is not None:
            shown.show(frame.pixels, half)
        latencies.append(frame.latency)
        dropped = frame.dropped
    if failure:
        raise failure[0]
    seconds = max(time.monotonic() - began, 1e-9)
    ordered = sorted(latencies) or [0.0]
    p50, p99 = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 for share in (0.5, 0.99))
    print(
        f"impasto: {len(latencies)} frames, {len(latencies) / seconds:.1f} a second, "
        f"latency p50 {p50:.0f} ms, p99 {p99:.0f} ms, {dropped} dropped",
        file=sys.stderr,
    )


def _feed(stream: LiveStream, played: Source, rate: float, failure: list[ImpastoError]) -> None:
    """Send the frames at their rate."""
    due = time.monotonic()
    try:
        for number, pixels in played:
            if rate:
                time.sleep(max(0.0, due - time.monotonic()))
                due = max(due + 1 / rate, time.monotonic() - 1.0)
            if not stream.send(number, pixels):
                return
    except ImpastoError as error:
        failure.append(error)
    stream.finish()


def _size(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    width, _, height = text.partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise BadRequestError(f"--size {text} is no size; write it such as 640x360.", reason="VALUE_INVALID")
    return int(width), int(height)
