"""A network that is not to be relied on: a TCP proxy that cuts, delays and truncates what goes through it."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time


class Proxy:
    """Passes connections on to a server on this machine until it is told to harm them.

    Args:
        target: `HOST:PORT` of the server.
        seed: of where connections are cut.
        cut_after: bytes a connection lives, at random up to this; 0 for ever.
        delay: seconds each piece is held back, at random up to this.
    """

    def __init__(self, target: str, seed: int = 1, cut_after: int = 0, delay: float = 0.0) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._random, self._cut_after, self._delay = random.Random(seed), cut_after, delay
        self.cuts = 0
        self._frozen = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def heal(self) -> None:
        """From now on all goes through."""
        self._cut_after, self._delay = 0, 0.0

    def freeze(self) -> None:
        """From now on nothing goes through and nothing is said of it, as when a cable is pulled."""
        self._frozen.set()

    def cut(self) -> None:
        """Cut every connection there is."""
        for end in list(self._open):
            self._end(end)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # closing alone would not end the waiting for another
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            self._open |= {near, far}
            left = [self._random.randint(1, self._cut_after)] if self._cut_after else []
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other, left), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, left: list[int]) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if self._frozen.is_set():
                    continue
                if self._delay:
                    time.sleep(self._random.random() * self._delay)
                if left and self._cut_after:
                    left[0] -= len(data)
                    if left[0] <= 0:
                        other.sendall(data[: self._random.randint(0, len(data))])  # truncated
                        self.cuts += 1
                        break
                other.sendall(data)
        self._end(one)
        self._end(other)

    def _end(self, end: socket.socket) -> None:
        self._open.discard(end)
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
