"""Errors on the wire: a canonical code, a sentence to act on, and `google.rpc.ErrorInfo` with the reason."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import grpc
import structlog
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from impasto.server.errors import (
    BadRequest,
    Cancelled,
    Denied,
    FrameError,
    ImpastoError,
    NoRoom,
    NotFound,
    NotReady,
    Unauthenticated,
)

DOMAIN = "impasto"

_CODES: tuple[tuple[type[ImpastoError], int], ...] = (
    (BadRequest, code_pb2.INVALID_ARGUMENT),
    (NotFound, code_pb2.NOT_FOUND),
    (NotReady, code_pb2.FAILED_PRECONDITION),
    (NoRoom, code_pb2.RESOURCE_EXHAUSTED),
    (Denied, code_pb2.PERMISSION_DENIED),
    (Unauthenticated, code_pb2.UNAUTHENTICATED),
    (FrameError, code_pb2.INVALID_ARGUMENT),
    (Cancelled, code_pb2.CANCELLED),
)

log = structlog.get_logger(__name__)


def status_of(error: Exception) -> status_pb2.Status:
    """An error as it is sent. One that was not raised on purpose is logged whole and sent as a number to look for."""
    if isinstance(error, ImpastoError):
        code = next((code for kind, code in _CODES if isinstance(error, kind)), code_pb2.INTERNAL)
        if error.reason == "SERVER_STOPPING":
            code = code_pb2.UNAVAILABLE
        message, reason, metadata = error.message, error.reason, error.metadata
    else:
        number = secrets.token_hex(4)
        log.error("call failed", number=number, exc_info=error)
        code, reason, metadata = code_pb2.INTERNAL, "INTERNAL", {"log": number}
        message = f"The server made a mistake; report it with the log around '{number}' on the server."
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata))
    return status_pb2.Status(code=code, message=message, details=[detail])


def refuse(context: grpc.ServicerContext, error: Exception) -> NoReturn:
    """End a call with an error."""
    context.abort_with_status(rpc_status.to_status(status_of(error)))
    raise AssertionError("a call goes on after its end")


class ErrorInterceptor(grpc.ServerInterceptor):
    """Turns whatever a call raises into a status, and takes requests apart itself.

    gRPC 1.85 answers a request that is no message with INTERNAL and keeps 16 KiB of it for ever; here it is refused as
    any other that cannot be understood.
    """

    def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None], details: Any
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the handler of a call."""
        handler = continuation(details)
        if handler is None:
            return None
        parse, many = handler.request_deserializer, handler.request_streaming
        return wrapped(
            handler,
            lambda ask: _guarded(_parsing(ask, parse, many)),
            lambda ask: _guarded_stream(_parsing(ask, parse, many)),
            parse=None,
        )


def _parsing(behaviour: Callable[[Any, Any], Any], parse: Callable[[bytes], Any] | None, many: bool) -> Any:
    """A behaviour that is given bytes, from one that is given messages."""

    def message(data: bytes) -> Any:
        if parse is None:
            return data
        try:
            return parse(data)
        except DecodeError as error:
            raise BadRequest(
                "The request is no message of this call; update the client, or look at what lies between.",
                reason="REQUEST_MALFORMED",
            ) from error

    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        return behaviour(map(message, request) if many else message(request), context)

    return answer


_SAME: Any = object()


def wrapped(
    handler: grpc.RpcMethodHandler[Any, Any],
    single: Callable[[Any], Any],
    stream: Callable[[Any], Any],
    parse: Any = _SAME,
) -> grpc.RpcMethodHandler[Any, Any]:
    """A handler with its behaviour wrapped, by whether it answers once or with a stream.

    Args:
        handler: the handler.
        single: wraps a behaviour that answers once.
        stream: wraps one that answers with a stream.
        parse: makes messages of bytes; None leaves them to the behaviour, without it they are made as before.
    """
    if handler.response_streaming:
        if handler.request_streaming:
            make, behaviour = grpc.stream_stream_rpc_method_handler, handler.stream_stream
        else:
            make, behaviour = grpc.unary_stream_rpc_method_handler, handler.unary_stream
        behaviour = stream(behaviour)
    else:
        if handler.request_streaming:
            make, behaviour = grpc.stream_unary_rpc_method_handler, handler.stream_unary
        else:
            make, behaviour = grpc.unary_unary_rpc_method_handler, handler.unary_unary
        behaviour = single(behaviour)
    return make(
        behaviour,
        request_deserializer=handler.request_deserializer if parse is _SAME else parse,
        response_serializer=handler.response_serializer,
    )


def _guarded(behaviour: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return behaviour(request, context)
        except Exception as error:
            _refuse_unless_aborted(context, error)

    return answer


def _guarded_stream(behaviour: Callable[[Any, Any], Iterator[Any]]) -> Callable[[Any, Any], Iterator[Any]]:
    def answer(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        try:
            yield from behaviour(request, context)
        except Exception as error:
            _refuse_unless_aborted(context, error)

    return answer


def _refuse_unless_aborted(context: grpc.ServicerContext, error: Exception) -> NoReturn:
    # grpc ends a call with a bare Exception; a second abort would hide the first, and a client gone needs no answer.
    if type(error) is Exception or (isinstance(error, grpc.RpcError) and not context.is_active()):
        raise error
    refuse(context, error)
