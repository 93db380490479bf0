"""Versions told both ways: the server says its own with every answer, and refuses clients it cannot work with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import grpc

from impasto.server.errors import BadRequest
from impasto.server.rpc.errors import refuse, wrapped
from impasto.v1 import revision


class HandshakeInterceptor(grpc.ServerInterceptor):
    """Sends version and clock along, and lets in callers of a revision from the oldest on, and those that tell none."""

    def __init__(self) -> None:
        self._told = revision.told(version("impasto"))

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None], details: Any
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Tell, and look at what the caller tells."""
        handler = continuation(details)
        if handler is None:
            return None
        said = dict(details.invocation_metadata).get(revision.CLIENT)
        client, known = revision.heard(said)
        too_old = said is not None and known < revision.OLDEST
        return wrapped(
            handler, lambda ask: self._single(ask, client, too_old), lambda ask: self._stream(ask, client, too_old)
        )

    def _single(self, behaviour: Callable[[Any, Any], Any], client: str, too_old: bool) -> Callable[[Any, Any], Any]:
        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self._greet(context, client, too_old)
            return behaviour(request, context)

        return answer

    def _stream(
        self, behaviour: Callable[[Any, Any], Iterator[Any]], client: str, too_old: bool
    ) -> Callable[[Any, Any], Iterator[Any]]:
        def answer(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            self._greet(context, client, too_old)
            yield from behaviour(request, context)

        return answer

    def _greet(self, context: grpc.ServicerContext, client: str, too_old: bool) -> None:
        context.send_initial_metadata(((revision.SERVER, self._told), (revision.CLOCK, f"{time.time():.3f}")))
        if too_old:
            sentence = (
                f"This client is Impasto {client}, and the server, {self._told.partition('/')[0]}, works with newer "
                "ones only; update the client."
            )
            refuse(context, BadRequest(sentence, reason="CLIENT_TOO_OLD"))
