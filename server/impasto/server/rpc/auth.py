"""Who may call: bearer tokens, compared in constant time, each of a user where it is named."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import grpc

from impasto.server.errors import Unauthenticated
from impasto.server.rpc.errors import refuse, wrapped

OPEN = ("/grpc.health.v1.Health/",)
"""Calls that need no token, so that a machine's watchdog needs none."""
USER = "impasto-user"
"""Metadata in which a caller names its user, for people to read in the list of jobs; a token's name goes above it."""


class Tokens:
    """The tokens that are let in.

    Args:
        tokens: each with the name of its user, empty where its callers name themselves; none lets everybody in.
    """

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._users = {_digest(token): user for token, user in tokens.items()}

    def __bool__(self) -> bool:
        return bool(self._users)

    def user(self, metadata: Any) -> str | None:
        """The user of a call's token, empty where it has no name of its own; None where the call is not let in.

        Every token is compared, each by digests of one length, so that time tells nothing.
        """
        given = dict(metadata).get("authorization", "")
        if not isinstance(given, str):
            return None
        scheme, _, token = given.partition(" ")
        offered, found = _digest(token.strip()), None
        for digest, user in self._users.items():
            if hmac.compare_digest(digest, offered):
                found = user
        return found if scheme.lower() == "bearer" else None


class TokenInterceptor(grpc.ServerInterceptor):
    """Lets calls through that carry `authorization: Bearer TOKEN`.

    Args:
        tokens: let in.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None], details: Any
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Pass a call on, or answer it with `UNAUTHENTICATED`."""
        handler = continuation(details)
        if handler is None or not self._tokens or details.method.startswith(OPEN):
            return handler
        if self._tokens.user(details.invocation_metadata) is not None:
            return handler
        return wrapped(handler, lambda _: _refused, lambda _: _refused_stream)


class Users:
    """Says whose a call is.

    Args:
        tokens: of the server.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def of(self, context: grpc.ServicerContext) -> str:
        """The name of the call's token, else of its client's certificate, else what it says; 64 letters."""
        metadata = context.invocation_metadata()
        if named := self._tokens.user(metadata):
            return named
        if common := context.auth_context().get("x509_common_name"):
            return _printable(cast("bytes", common[0]))
        return _printable(dict(metadata).get(USER, ""))


def _printable(text: str | bytes) -> str:
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return "".join(letter for letter in text if letter.isprintable())[:64]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _refused(_: Any, context: grpc.ServicerContext) -> Any:
    refuse(
        context,
        Unauthenticated(
            "The server asks for a token and got none or another; set the server's token.", reason="TOKEN_WRONG"
        ),
    )


def _refused_stream(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
    yield _refused(request, context)
