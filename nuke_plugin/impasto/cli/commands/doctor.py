"""`impasto doctor`: is everything here that is needed, and if not, what to do."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli import options as o
from impasto.cli import session, settings
from impasto.cli.findings import FAIL, OK, WARN, Finding
from impasto.cli.report import size
from impasto.client import ImpastoError
from impasto.client.folders import cache_folder

SERVER_PARTS = ("torch", "numpy", "OpenEXR", "PyOpenColorIO", "cv2", "safetensors", "grpc_reflection", "structlog")
CLOCKS = 5.0
"""Seconds by which clocks may differ."""
BY_CHOICE = ("depth",)
"""Families of which nothing comes with the program: a plate's own depth needs no model."""
_MARKS = {OK: "ok  ", WARN: "warn", FAIL: "FAIL"}


def doctor(
    server: o.Server = "",
    tls_ca: o.TlsCa = None,
    cache: o.Cache = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="TOML", help="Look at this server's settings too: roots, state, doors."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Look whether everything needed is here, and say how to mend what is not.

    Ends with 1 if anything fails.
    """
    findings = []
    for look in _looks(server, tls_ca, cache or cache_folder(), config):
        for finding in look():
            findings.append(finding)
            if not as_json:
                print(f"{_MARKS[finding.state]}  {finding.name:<10} {finding.found}")
                if finding.cure:
                    print(f"{'':18}{finding.cure}")
    failed = any(finding.state == FAIL for finding in findings)
    if as_json:
        print(json.dumps({"schema": 1, "ok": not failed, "findings": [asdict(finding) for finding in findings]}))
    return int(failed)


def _looks(
    server: str, tls_ca: Path | None, cache: Path, config: Path | None
) -> Iterator[Callable[[], Iterator[Finding]]]:
    installed = all(find_spec(part) for part in SERVER_PARTS)
    yield _look_at_python
    yield _look_at_version
    yield _look_at_server_part
    if installed:
        yield _look_at_devices
        yield _look_at_colour
    yield _look_at_video
    yield lambda: _look_at_cache(cache)
    yield lambda: _look_at_clock(cache)
    if config is not None:
        yield lambda: settings.look_at(config)
    if server or installed:
        yield lambda: _look_at_service(server, tls_ca, cache)


def _look_at_python() -> Iterator[Finding]:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    old = sys.version_info < (3, 11)
    yield Finding("python", FAIL if old else OK, found, "Install Python 3.11 or newer." if old else "")


def _look_at_version() -> Iterator[Finding]:
    versions = [f"{name} {version_of(name)}" for name in ("impasto", "grpcio", "protobuf", "fileseq")]
    yield Finding("versions", OK, ", ".join(versions))


def _look_at_server_part() -> Iterator[Finding]:
    absent = [part for part in SERVER_PARTS if find_spec(part) is None]
    if absent:
        cure = "Run pip install 'impasto[server]', or name a server with --server."
        yield Finding("server", WARN, f"not installed: {', '.join(absent)} missing", cure)
        return
    found = []
    for name in ("torch", "OpenEXR", "opencolorio", "opencv-contrib-python-headless"):
        try:
            found.append(f"{name} {version_of(name)}")
        except PackageNotFoundError:
            found.append(f"{name} of unknown version")
    yield Finding("server", OK, ", ".join(found))


def _look_at_devices() -> Iterator[Finding]:
    import torch

    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("cpu", OK, f"{threads} threads may be used")
    if not torch.cuda.is_available():
        yield Finding("gpu", OK, "none; everything works on the CPU, more slowly")
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        facts = torch.cuda.get_device_properties(number)
        yield Finding(f"cuda:{number}", OK, f"{facts.name}, {size(facts.total_memory)}")


def _look_at_colour() -> Iterator[Finding]:
    import PyOpenColorIO

    path = os.environ.get("OCIO", "")
    if not path:
        yield Finding("colour", OK, "OCIO is not set; the built-in configuration is used")
        return
    try:
        config = PyOpenColorIO.Config.CreateFromEnv()
        config.validate()
        linear = config.getRoleColorSpace("scene_linear") if config.hasRole("scene_linear") else ""
    except (PyOpenColorIO.Exception, PyOpenColorIO.ExceptionMissingFile) as error:
        said = " ".join(str(error).split())
        yield Finding(
            "colour", FAIL, f"OCIO={path} cannot be read: {said}", "Set OCIO to a configuration, or unset it."
        )
        return
    if not linear:
        cure = "Name spaces with --colour and --key-colour, or give the configuration that role."
        yield Finding("colour", WARN, f"OCIO={path} has no role scene_linear", cure)
        return
    yield Finding("colour", OK, f"OCIO={path}, scene_linear is {linear}")


def _look_at_video() -> Iterator[Finding]:
    if find_spec("av") is not None:
        yield Finding("video", OK, f"PyAV {version_of('av')} reads video files")
    else:
        yield Finding(
            "video", WARN, "PyAV is not here; video files cannot be read", "Run pip install 'impasto[server]'."
        )


def _look_at_cache(cache: Path) -> Iterator[Finding]:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            pass
        free = shutil.disk_usage(cache).free
    except OSError as error:
        cure = "Name another folder with --cache or IMPASTO_CACHE."
        yield Finding("cache", FAIL, f"{cache} cannot be written to: {error.strerror}", cure)
        return
    little = free < 2 << 30
    cure = "Free some space, or name another folder with --cache or IMPASTO_CACHE." if little else ""
    yield Finding("cache", WARN if little else OK, f"{cache}, {size(free)} free", cure)


def _look_at_clock(cache: Path) -> Iterator[Finding]:
    """The cache's disk keeps time of its own where it is on the network; entries are dropped by it."""
    try:
        with tempfile.NamedTemporaryFile(dir=cache) as file:
            off = os.stat(file.name).st_mtime - time.time()  # noqa: PTH116
    except OSError:
        return  # the cache is told of already
    if abs(off) > CLOCKS:
        cure = "Set the clocks of this machine and of the cache's by NTP."
        yield Finding("clock", WARN, f"the disk of {cache} keeps a time {off:+.0f} s off ours", cure)
    else:
        yield Finding("clock", OK, time.strftime("%Y-%m-%d %H:%M:%S %Z"))


def _look_at_service(server: str, tls_ca: Path | None, cache: Path) -> Iterator[Finding]:
    """A server that answers, and what it can paint and measure with."""
    name = server or "in this process"
    try:
        with session.client(server, tls_ca, cache) as client:
            models, version, clock = client.models(), client.server_version, client.clock_error
    except ImpastoError as error:
        cures = {"TOKEN_WRONG": "Set IMPASTO_TOKEN to the server's token.", "SERVER_TOO_OLD": "Update the server."}
        cure = cures.get(error.reason, "Start it, look at the address and --tls-ca, or see its log.")
        yield Finding("service", FAIL, f"{name}: {error.message}", cure)
        return
    yield Finding("service", OK, f"{name}: answers and is healthy, Impasto {version}")
    if clock is not None and abs(clock) > CLOCKS:
        cure = "Set both clocks by NTP: jobs are listed and expire by the server's."
        yield Finding("clocks", WARN, f"the server's clock is {clock:+.0f} s off ours", cure)
    for family in sorted({model.family for model in models}):
        ready = [model.id for model in models if model.family == family and model.ready]
        waiting = [model.id for model in models if model.family == family and not model.ready]
        found = f"{', '.join(ready) or 'none'} ready" + (f"; {', '.join(waiting)} without weights" if waiting else "")
        cure = f"To use them: impasto models pull {waiting[0]} (or import FILE)." if waiting else ""
        whole = bool(ready) or family in BY_CHOICE
        yield Finding(
            family, OK if whole else FAIL, found, cure if whole else "Install Impasto again: it is not whole."
        )
