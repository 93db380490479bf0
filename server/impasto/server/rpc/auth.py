"""Who may call: a bearer token, compared in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from impasto.server.errors import Unauthenticated
from impasto.server.rpc.errors import refuse, wrapped

OPEN = ("/grpc.health.v1.Health/",)
"""Calls that need no token, so that a machine's watchdog needs none."""
USER = "impasto-user"
"""Metadata in which a caller names its user, for people to read in the list of jobs; nothing is decided by it."""


class TokenInterceptor(grpc.ServerInterceptor):
    """Lets calls through that carry `authorization: Bearer TOKEN`.

    Args:
        token: asked of every call; empty lets all through.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None], details: Any
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Pass a call on, or answer it with `UNAUTHENTICATED`."""
        handler = continuation(details)
        if handler is None or not self._token or details.method.startswith(OPEN) or self._knows(details):
            return handler
        return wrapped(handler, lambda _: _refused, lambda _: _refused_stream)

    def _knows(self, details: Any) -> bool:
        given = dict(details.invocation_metadata).get("authorization", "")
        scheme, _, token = given.partition(" ")
        return hmac.compare_digest(token.strip().encode(), self._token) and scheme.lower() == "bearer"


def user_of(context: grpc.ServicerContext) -> str:
    """The user a caller names, at most 64 printable characters; empty where it names none."""
    named = dict(context.invocation_metadata()).get(USER, "")
    text = named.decode("utf-8", "replace") if isinstance(named, bytes) else str(named)
    return "".join(letter for letter in text if letter.isprintable())[:64]


def _refused(_: Any, context: grpc.ServicerContext) -> Any:
    refuse(
        context,
        Unauthenticated(
            "The server asks for a token and got none or another; set the server's token.", reason="TOKEN_WRONG"
        ),
    )


def _refused_stream(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
    yield _refused(request, context)
