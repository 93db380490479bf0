"""The server as a whole: started, reached, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from impasto.server import plates
from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest, NotReady
from impasto.server.jobs.inputs.path_maps import PathMaps
from impasto.server.jobs.inputs.places import Places
from impasto.server.jobs.queueing.execution import Runner
from impasto.server.jobs.queueing.figures import Figures
from impasto.server.jobs.queueing.queue import Queue
from impasto.server.jobs.records.cache import Cache
from impasto.server.jobs.records.lock import Lock
from impasto.server.jobs.records.store import JobStore
from impasto.server.rpc.activity import ActivityInterceptor
from impasto.server.rpc.auth import TokenInterceptor, Tokens, Users
from impasto.server.rpc.catalogue import CatalogService
from impasto.server.rpc.errors import ErrorInterceptor
from impasto.server.rpc.handshake import HandshakeInterceptor
from impasto.server.rpc.jobs import JobService
from impasto.server.rpc.live import LiveService
from impasto.server.rpc.logs import begin_logs
from impasto.server.rpc.metrics import ServerCollector, serve_metrics
from impasto.server.rpc.plates import PlateService
from impasto.v1 import catalog_pb2, job_pb2, live_pb2, plate_pb2
from impasto.v1.catalog_pb2_grpc import add_CatalogServiceServicer_to_server
from impasto.v1.job_pb2_grpc import add_JobServiceServicer_to_server
from impasto.v1.live_pb2_grpc import add_LiveServiceServicer_to_server
from impasto.v1.plate_pb2_grpc import add_PlateServiceServicer_to_server

CALLS = 256
"""Calls answered at once; each job watched is one."""
LARGEST_MESSAGE = 64 << 20
"""A job of 100,000 frames named by digest and path is about 20 MiB; pixels go in chunks of 1 MiB."""
PING = 1000
"""Milliseconds between signs of life a silent client may send; gRPC's own 5 minutes would end a long watch."""
GRACE = 20.0
"""Seconds the running job has to come to its next step when the server ends."""

YOUNG = 60.0
"""Seconds in which a folder may be somebody's who is only starting."""

log = structlog.get_logger(__name__)


@dataclass
class _Rooms:
    """What a server is made of, in the order in which it is taken down, and where its metrics are."""

    grpc: grpc.Server
    exits: contextlib.ExitStack
    health: health.HealthServicer
    queue: Queue
    places: Places
    store: JobStore
    metrics: str


class RunningServer:
    """A server at work.

    Attributes:
        address: what a gRPC channel takes: `HOST:PORT` or `unix:/path`.
        token: to be sent as `authorization: Bearer TOKEN`; empty where none is asked.
        metrics: `HOST:PORT` of the metrics; empty where none are given.
    """

    def __init__(self, config: ServerConfig, address: str, token: str, rooms: _Rooms, calls: ActivityInterceptor):
        self.address, self.token, self.metrics = address, token, rooms.metrics
        self._config, self._rooms, self._calls = config, rooms, calls
        self._stopped = threading.Event()
        self._stopping = threading.Lock()

    @property
    def idle(self) -> float:
        """Seconds since anything was asked of it or worked on; 0 while it works."""
        return 0.0 if self._rooms.queue.busy else self._calls.idle

    def stop(self, grace: float = GRACE) -> None:
        """Take no more calls, let the running job come to its next step, and let go of everything.

        What has not ended goes on when a server is started on the same state directory. May be called again.

        Args:
            grace: seconds for the running job.
        """
        with self._stopping:
            if self._stopped.is_set():
                return
            rooms = self._rooms
            rooms.health.enter_graceful_shutdown()
            ended = rooms.grpc.stop(1.0)
            if not rooms.queue.stop(grace):
                log.warning("the running job did not stop in time; it goes on from its last whole frame")
            rooms.store.close()
            ended.wait()
            rooms.exits.close()
            rooms.places.close()
            _remove_address_file(self._config)
            if self.address.startswith("unix:"):
                Path(self.address.removeprefix("unix:")).unlink(missing_ok=True)
            if self._config.temporary:
                shutil.rmtree(self._config.state_dir, ignore_errors=True)
            self._stopped.set()
            log.info("server ended", address=self.address)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the server was stopped.

        Returns:
            Whether it was.
        """
        return self._stopped.wait(seconds)


def start(config: ServerConfig, runner: Runner | None = None) -> RunningServer:
    """Start a server in this process and return at once.

    Args:
        config: where and how.
        runner: makes the frames of a task; None takes the real one.

    Raises:
        NotReady: the address or the state directory is in use (`ADDRESS_IN_USE`, `STATE_IN_USE`).
        BadRequest: the configuration is wrong (`CONFIG_INVALID`).
    """
    begin_logs(config)
    tokens = _tokens(config)
    if not config.local and config.insecure:
        log.error(
            "INSECURE: other machines can reach this server without encryption or without a token",
            listen=config.listen,
            tls=bool(config.tls_cert),
            token=bool(tokens),
        )
    if config.temporary:
        _sweep(config.state_dir)
    _make_state(config.state_dir)
    store = JobStore(config.state_dir)
    exits = contextlib.ExitStack()
    try:
        if config.isolate:
            exits.enter_context(plates.decoding_apart(plates.Apart()))
        cache = Cache(config.cache_dir, config.cache_bytes, config.state_dir / "uploads")
        places = Places(config.roots, cache, config.state_dir / "frames", PathMaps(config.path_maps))
        figures = Figures()
        queue = Queue(config, store, cache, places, runner, figures)
        calls, known = ActivityInterceptor(), Tokens(tokens)
        server = _make_grpc(calls, known)
        add_JobServiceServicer_to_server(JobService(queue, store, Users(known), config.keep_days), server)
        add_PlateServiceServicer_to_server(PlateService(cache, store, queue, Users(known), config, figures), server)
        add_CatalogServiceServicer_to_server(CatalogService(), server)
        add_LiveServiceServicer_to_server(LiveService(places, config, figures), server)
        watchdog = _add_health_and_reflection(server)
        metrics = _serve_metrics(config, ServerCollector(store, queue, cache, figures), exits)
        address = _bind(config, server)
        queue.start()
        server.start()
        rooms = _Rooms(server, exits, watchdog, queue, places, store, metrics)
        running = RunningServer(config, address, next(iter(tokens), ""), rooms, calls)
        _write_address_file(config, running)
    except BaseException:
        exits.close()
        store.close()
        raise
    if runner is None:
        warming = threading.Thread(target=_warm_up, name="impasto-warm-up", daemon=True)
        warming.start()
        exits.callback(warming.join)  # a process that ends while torch is being imported aborts
    log.info(
        "server listens",
        address=address,
        metrics=metrics or None,
        state=str(config.state_dir),
        cache=str(config.cache_dir),
    )
    return running


def _make_grpc(calls: ActivityInterceptor, known: Tokens) -> grpc.Server:
    return grpc.server(
        ThreadPoolExecutor(CALLS, thread_name_prefix="impasto-call"),
        interceptors=[calls, HandshakeInterceptor(), TokenInterceptor(known), ErrorInterceptor()],
        options=[
            ("grpc.max_receive_message_length", LARGEST_MESSAGE),
            ("grpc.max_send_message_length", LARGEST_MESSAGE),
            ("grpc.so_reuseport", 0),
            ("grpc.http2.min_ping_interval_without_data_ms", PING),
            ("grpc.keepalive_permit_without_calls", 1),
        ],
    )


def _serve_metrics(config: ServerConfig, collector: ServerCollector, exits: contextlib.ExitStack) -> str:
    """Where figures are given while the server lives; empty where none are asked for."""
    if not config.metrics:
        return ""
    http, address = serve_metrics(config, collector)
    exits.callback(http.server_close)
    exits.callback(http.shutdown)
    return address


def serve(config: ServerConfig, runner: Runner | None = None) -> None:
    """Run a server until SIGTERM or SIGINT, or until nobody has needed it for `idle_exit` seconds.

    Must be called in the main thread. On return the running job has stopped at a step and goes on in the next life.

    Raises:
        NotReady, BadRequest: as `start`.
    """
    running = start(config, runner)
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    try:
        while not asked.wait(min(1.0, config.idle_exit / 4 or 1.0)):
            if config.idle_exit and running.idle > config.idle_exit:
                log.info("nobody needs the server", seconds=config.idle_exit)
                break
    finally:
        running.stop()


def _warm_up() -> None:
    """Import what the first job needs, so that it need not wait."""
    from impasto.server.models.catalogue import catalogue

    catalogue()


def _tokens(config: ServerConfig) -> dict[str, str]:
    """The tokens let in. On a loopback port of its own a server makes one up, as other users reach that too."""
    own = config.temporary or config.address_file is not None
    made_up = own and not config.listen.startswith("unix:")
    return config.tokens or ({secrets.token_urlsafe(32): ""} if made_up else {})


def _sweep(own: Path) -> None:
    """Remove what servers inside commands left behind that were killed: folders like ours that nobody holds."""
    for folder in own.parent.glob("impasto-*"):
        with contextlib.suppress(OSError, NotReady):
            if folder != own and (folder / "lock").is_file() and time.time() - folder.stat().st_mtime > YOUNG:
                lock = Lock(folder)
                shutil.rmtree(folder, ignore_errors=True)
                lock.release()


def _make_state(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise NotReady(
            f"The state directory {folder} cannot be made ({error.strerror}); name another with --state.",
            reason="STATE_UNUSABLE",
        ) from error


def _add_health_and_reflection(server: grpc.Server) -> health.HealthServicer:
    names = [
        job_pb2.DESCRIPTOR.services_by_name["JobService"].full_name,
        plate_pb2.DESCRIPTOR.services_by_name["PlateService"].full_name,
        catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name,
        live_pb2.DESCRIPTOR.services_by_name["LiveService"].full_name,
    ]
    watchdog = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(watchdog, server)
    for name in ("", *names):
        watchdog.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    return watchdog


def _bind(config: ServerConfig, server: grpc.Server) -> str:
    unix = config.listen.startswith("unix:")
    # gRPC would take a socket away from a living server; one left by a killed server may go.
    taken = unix and _answers(config.listen.removeprefix("unix:"))
    before = os.umask(0o177) if unix and sys.platform != "win32" else None
    bound = 0
    try:
        credentials = _credentials(config)
        if not taken and credentials:
            bound = server.add_secure_port(config.listen, credentials)
        elif not taken:
            bound = server.add_insecure_port(config.listen)
    except RuntimeError as error:
        log.debug("cannot listen", error=str(error))
    finally:
        if before is not None:
            os.umask(before)
    if not bound:
        raise NotReady(
            f"The address {config.listen} is in use or is not this machine's; choose another with --listen.",
            reason="ADDRESS_IN_USE",
        )
    return config.listen if unix else f"{config.listen.rpartition(':')[0]}:{bound}"


def _answers(path: str) -> bool:
    """Whether somebody listens on this Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        try:
            caller.connect(path)
        except OSError:
            return False
    return True


def _credentials(config: ServerConfig) -> grpc.ServerCredentials | None:
    if config.tls_cert is None or config.tls_key is None:
        return None
    try:
        chain, key = config.tls_cert.read_bytes(), config.tls_key.read_bytes()
        authority = config.tls_client_ca.read_bytes() if config.tls_client_ca else None
    except OSError as error:
        raise BadRequest(
            f"The TLS file {error.filename} cannot be read: {error.strerror}.", reason="CONFIG_INVALID"
        ) from error
    return grpc.ssl_server_credentials([(key, chain)], authority, require_client_auth=authority is not None)


def _write_address_file(config: ServerConfig, running: RunningServer) -> None:
    """How the server is reached, readable by its user alone, there only while it is."""
    path = config.address_file
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"address": running.address, "token": running.token, "pid": os.getpid()}, file)
    beside.replace(path)


def _remove_address_file(config: ServerConfig) -> None:
    """Remove the address file unless it has become that of another server."""
    path = config.address_file
    if path is None:
        return
    with contextlib.suppress(OSError, ValueError, KeyError):
        if json.loads(path.read_text())["pid"] == os.getpid():
            path.unlink(missing_ok=True)
