"""How fast files go to the server and back, beside a plain TCP copy and a copy in memory, in one run.

Sends files that hold random bytes through the product's client and server over loopback (content checked by SHA-256,
durable before it is answered), fetches them again, and prints MB/s and the ratio to a plain socket copy that also ends
in a file. CPU seconds stand beside the wall: the machine may be busy.

    python benchmarks/transfer.py [--files 8] [--megabytes 32]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from impasto.client import Client, transfer
from impasto.server.config import ServerConfig
from impasto.server.rpc.server import start

CHUNK = 1 << 20


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def memcpy(size: int) -> Callable[[], object]:
    source, target = np.ones(size, np.uint8), np.empty(size, np.uint8)
    target[:] = 0
    return lambda: np.copyto(target, source)


def over_tcp(paths: list[Path], folder: Path, durable: bool) -> None:
    """One file after another over a loopback socket in chunks of 1 MiB, each written to disk at the other end."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for path in paths:
            peer, _ = listener.accept()
            with peer, (folder / path.name).open("wb") as file:
                buffer = bytearray(CHUNK)
                while count := peer.recv_into(buffer):
                    file.write(memoryview(buffer)[:count])
                if durable:
                    file.flush()
                    os.fsync(file.fileno())

    thread = threading.Thread(target=serve)
    thread.start()
    for path in paths:
        with socket.create_connection(listener.getsockname()) as peer, path.open("rb") as file:
            while chunk := file.read(CHUNK):
                peer.sendall(chunk)
    thread.join()
    listener.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--megabytes", type=int, default=32)
    values = parser.parse_args()
    size = values.files * values.megabytes << 20
    rows: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = []
        for number in range(values.files):
            paths.append(folder / f"file.{number}")
            paths[-1].write_bytes(os.urandom(values.megabytes << 20))
        digests = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}
        for kind in ("tcp", "durable", "back"):
            (folder / kind).mkdir()
        config = ServerConfig(
            listen="127.0.0.1:0",
            state_dir=folder / "state",
            cache_dir=folder / "cache",
            log_level="error",
            temporary=True,
        )
        running = start(config, lambda task: None)
        rows["copy in memory"] = timed(memcpy(size))
        rows["SHA-256 alone"] = timed(lambda: [hashlib.sha256(path.read_bytes()) for path in paths])
        rows["plain TCP to a file"] = timed(lambda: over_tcp(paths, folder / "tcp", durable=False))
        rows["plain TCP, on disk"] = timed(lambda: over_tcp(paths, folder / "durable", durable=True))
        with Client.connect(running.address, token=running.token, cache=folder / "digests") as client:
            connection = client._connection
            rows["to the server"] = timed(lambda: list(transfer.upload(connection, digests, 60.0)))
            rows["to the server again"] = timed(lambda: list(transfer.upload(connection, digests, 60.0)))
            rows["from the server"] = timed(
                lambda: [client.download(sha256, folder / "back" / sha256) for sha256 in digests]
            )
        assert all((folder / "back" / sha256).read_bytes() == path.read_bytes() for sha256, path in digests.items())
        running.stop()
    plain = rows["plain TCP to a file"]
    print(f"{values.files} files of {values.megabytes} MiB; client and server in one process")
    print(f"{'':<22}{'MB/s':>9}{'of TCP':>9}{'CPU s/GB':>10}")
    for name, (wall, cpu) in rows.items():
        print(f"{name:<22}{size / wall / 1e6:>9.0f}{plain[0] / wall:>9.2f}{cpu / size * 1e9:>10.2f}")


if __name__ == "__main__":
    main()
