"""Metrics in the form of Prometheus, over HTTP on a port of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from impasto.server.config import ServerConfig
from impasto.server.errors import NotReady
from impasto.server.jobs.queueing.figures import Figures
from impasto.server.jobs.queueing.queue import Queue
from impasto.server.jobs.records.cache import Cache
from impasto.server.jobs.records.store import JobStore
from impasto.v1.job_pb2 import JobState

_SUMS = {
    "frames": ("impasto_frames", "Frames written or failed.", "result"),
    "stage_seconds": ("impasto_stage_seconds", "Seconds of the run by what it was doing.", "stage"),
    "jobs_ended": ("impasto_jobs_ended", "Jobs ended.", "state"),
    "replanned": ("impasto_replanned", "Shots planned anew because memory ran out.", "device"),
    "bytes": ("impasto_bytes", "Bytes of files received and sent.", "direction"),
    "live_frames": ("impasto_live_frames", "Live frames painted or dropped.", "result"),
}


class ServerCollector:
    """Reads the figures of a server when it is asked.

    Args:
        store, queue, cache, figures: of the server.
    """

    def __init__(self, store: JobStore, queue: Queue, cache: Cache, figures: Figures) -> None:
        self._store, self._queue, self._cache, self._figures = store, queue, cache, figures

    def collect(self) -> Iterable[Metric]:
        """All families, for the library."""
        jobs = GaugeMetricFamily("impasto_jobs", "Jobs kept, by state.", labels=["state"])
        for state, count in self._store.counts().items():
            jobs.add_metric([JobState.Name(state).removeprefix("JOB_STATE_").lower()], count)
        yield jobs
        running = GaugeMetricFamily("impasto_jobs_running", "Jobs that run now, by device.", labels=["device"])
        for device, count in self._queue.running_by_device().items():
            running.add_metric([device], count)
        yield running
        for name, (metric, help_text, label) in _SUMS.items():
            family = CounterMetricFamily(metric, help_text, labels=[label])
            for value, amount in self._figures.sums(name).items():
                family.add_metric([value], amount)
            yield family
        looks = CounterMetricFamily("impasto_cache_looks", "Looks into the cache.", labels=["kind", "result"])
        for (kind, hit), count in self._cache.looks().items():
            looks.add_metric([kind, "hit" if hit else "miss"], count)
        yield looks
        yield from _devices()


def _devices() -> Iterable[Metric]:
    """Memory of the devices, where they have any of their own and something has used them."""
    torch = sys.modules.get("torch")
    family = GaugeMetricFamily("impasto_device_memory_bytes", "Memory of a device.", labels=["device", "kind"])
    if torch is not None and torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(number)
            family.add_metric([f"cuda:{number}", "free"], free)
            family.add_metric([f"cuda:{number}", "total"], total)
    yield family


def serve_metrics(config: ServerConfig, collector: ServerCollector) -> tuple[Any, str]:
    """Answer on the configured address until the server returned is shut down.

    Returns:
        The HTTP server, and its `HOST:PORT`.

    Raises:
        NotReady: the address is in use (`ADDRESS_IN_USE`).
    """
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    host, _, port = config.metrics.rpartition(":")
    tls = {"certfile": str(config.tls_cert), "keyfile": str(config.tls_key)} if config.tls_cert else {}
    try:
        server, _ = start_http_server(int(port), host.strip("[]"), registry, **tls)  # type: ignore[arg-type]
    except OSError as error:
        raise NotReady(
            f"Metrics cannot be given on {config.metrics} ({error.strerror}); choose another address with --metrics.",
            reason="ADDRESS_IN_USE",
        ) from error
    return server, f"{host}:{server.server_port}"
