"""A server's settings, looked at before it is started: `impasto doctor --config`."""

from __future__ import annotations

import os
import shutil
import ssl
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.embedded import CURE
from impasto.cli.findings import FAIL, OK, WARN, Finding
from impasto.cli.report import size

if TYPE_CHECKING:
    from impasto.server.config import ServerConfig

LITTLE = 2 << 30
"""Bytes free from which down a disk is called nearly full."""
_FAR = ("nfs", "cifs", "smb", "fuse.sshfs", "lustre", "gpfs", "beegfs")


def look_at(file: Path) -> Iterator[Finding]:
    """Look at the settings in a TOML file, with the environment above it as a server would read them."""
    try:
        from impasto.server.config import ServerConfig
        from impasto.server.errors import BadRequest
    except ImportError:
        yield Finding("config", FAIL, "the server's part is not installed", CURE)
        return
    try:
        config = ServerConfig.read(file)
        tokens = config.tokens
    except BadRequest as error:
        yield Finding("config", FAIL, error.message, f"Correct {file}, or the environment.")
        return
    yield Finding("config", OK, f"{file}: listens on {config.listen}, {len(tokens) or 'no'} tokens")
    yield from _doors(config)
    for root in config.roots:
        yield from _root(root)
    if not config.roots:
        cure = "Name folders both sides see with roots, so that nothing need be sent."
        yield Finding("roots", OK, f"none: every file is sent. {cure}")
    yield from _state(config.state_dir)


def _doors(config: ServerConfig) -> Iterator[Finding]:
    if config.insecure and not config.local:
        cure = "Set tls_cert, tls_key and token_file, and take insecure out."
        yield Finding("doors", WARN, f"{config.listen} is open to other machines without locks", cure)
    if config.token_file is not None and sys.platform != "win32" and config.token_file.stat().st_mode & 0o077:
        cure = f"Run chmod 600 {config.token_file}."
        yield Finding("token", WARN, f"{config.token_file} can be read by others", cure)
    if config.tls_cert is None or config.tls_key is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        cure = "Give a PEM certificate and the private key that belongs to it."
        yield Finding("tls", FAIL, f"{config.tls_cert} and {config.tls_key} cannot be used: {error}", cure)
    else:
        yield Finding("tls", OK, f"{config.tls_cert} fits its key")


def _root(root: Path) -> Iterator[Finding]:
    if not os.access(root, os.R_OK | os.X_OK):
        yield Finding("root", FAIL, f"{root} cannot be read", "Let the server's user read it, or take it out.")
    elif not os.access(root, os.W_OK):
        cure = "Let the server's user write there if outputs are to lie there."
        yield Finding("root", WARN, f"{root} can be read and not written to", cure)
    else:
        yield Finding("root", OK, f"{root}, {size(shutil.disk_usage(root).free)} free")


def _state(folder: Path) -> Iterator[Finding]:
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        cure = "Name another folder with state_dir, or let the server's user write there."
        yield Finding("state", FAIL, f"{folder} cannot be written to: {error.strerror}", cure)
        return
    kind = _file_system(there)
    if kind.startswith(_FAR):
        cure = "Name a folder on a local disk with state_dir: the database of jobs is not safe over a network."
        yield Finding("state", FAIL, f"{folder} lies on {kind}", cure)
        return
    free = shutil.disk_usage(there).free
    cure = "Free some space: jobs wait while their state cannot be kept." if free < LITTLE else ""
    yield Finding("state", WARN if cure else OK, f"{folder}, {size(free)} free", cure)


def _file_system(folder: Path) -> str:
    """Its name, such as ext4 or nfs4; empty where the system does not tell."""
    best, kind = "", ""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    for line in lines:
        _, mount, name, *_ = line.split()
        mount = mount.replace("\\040", " ")
        if folder.resolve().is_relative_to(mount) and len(mount) >= len(best):
            best, kind = mount, name
    return kind
