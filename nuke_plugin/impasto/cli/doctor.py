"""`impasto doctor`: is everything here that is needed, and if not, what to do."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from impasto.cli import options as o
from impasto.cli import session
from impasto.cli.report import size
from impasto.client import ImpastoError
from impasto.client.folders import cache_folder

OK, WARN, FAIL = "ok", "warn", "fail"
SERVER_PARTS = ("torch", "numpy", "OpenEXR", "PyOpenColorIO", "cv2", "safetensors", "grpc_reflection", "structlog")
_MARKS = {OK: "ok  ", WARN: "warn", FAIL: "FAIL"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        name: of the thing.
        state: ok, warn or fail.
        found: what was found.
        cure: what to do; empty where nothing need be done.
    """

    name: str
    state: str
    found: str
    cure: str = ""


def doctor(
    server: o.Server = "",
    tls_ca: o.TlsCa = None,
    cache: o.Cache = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Look whether everything needed is here, and say how to mend what is not.

    Ends with 1 if anything fails.
    """
    findings = []
    for look in _looks(server, tls_ca, cache or cache_folder()):
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


def _looks(server: str, tls_ca: Path | None, cache: Path) -> Iterator[Callable[[], Iterator[Finding]]]:
    installed = all(find_spec(part) for part in SERVER_PARTS)
    yield _look_at_python
    yield _look_at_version
    yield _look_at_server_part
    if installed:
        yield _look_at_devices
        yield _look_at_colour
    yield _look_at_video
    yield lambda: _look_at_cache(cache)
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


def _look_at_service(server: str, tls_ca: Path | None, cache: Path) -> Iterator[Finding]:
    """A server that answers, and what it can paint and measure with."""
    name = server or "in this process"
    try:
        with session.client(server, tls_ca, cache) as client:
            models = client.models()
    except ImpastoError as error:
        yield Finding("service", FAIL, f"{name}: {error.message}", "Start it, or see its log.")
        return
    yield Finding("service", OK, f"{name}: answers and is healthy")
    for family in sorted({model.family for model in models}):
        ready = [model.id for model in models if model.family == family and model.ready]
        waiting = [model.id for model in models if model.family == family and not model.ready]
        found = f"{', '.join(ready) or 'none'} ready" + (f"; {', '.join(waiting)} without weights" if waiting else "")
        yield Finding(family, OK if ready else FAIL, found, "" if ready else "Install Impasto again: it is not whole.")
