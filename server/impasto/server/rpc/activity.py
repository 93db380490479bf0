"""Whether anybody still needs the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from impasto.server.rpc.errors import wrapped


class ActivityInterceptor(grpc.ServerInterceptor):
    """Counts the calls in flight and remembers when the last one ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0
        self._last = time.monotonic()

    @property
    def idle(self) -> float:
        """Seconds since the last call ended; 0 during one."""
        with self._lock:
            return 0.0 if self._calls else time.monotonic() - self._last

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None], details: Any
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Count a call from its first to its last byte."""
        handler = continuation(details)
        return None if handler is None else wrapped(handler, self._single, self._stream)

    def _single(self, behaviour: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self._count(1)
            try:
                return behaviour(request, context)
            finally:
                self._count(-1)

        return answer

    def _stream(self, behaviour: Callable[[Any, Any], Iterator[Any]]) -> Callable[[Any, Any], Iterator[Any]]:
        def answer(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            self._count(1)
            try:
                yield from behaviour(request, context)
            finally:
                self._count(-1)

        return answer

    def _count(self, calls: int) -> None:
        with self._lock:
            self._calls += calls
            self._last = time.monotonic()
