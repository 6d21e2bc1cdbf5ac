"""Counters of a server in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from .kept_portraits import KeptPortraits
from .request_pool import RequestPool

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class ServerMetrics:
    """The counters of one server.

    `process_resident_memory_bytes` and `process_cpu_seconds_total` are there on Linux.

    Parameters
    ----------
    pool : RequestPool
        Its slots are read whenever the counters are.
    kept : KeptPortraits
        Its portraits are counted.
    """

    def __init__(self, pool: RequestPool, kept: KeptPortraits) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "depthmatte_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "depthmatte_request_seconds",
            "Time from the headers of a request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._stages = Histogram(
            "depthmatte_stage_seconds",
            "Time of each stage of a cut.",
            ("stage",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._refused = Counter(
            "depthmatte_refused",
            "Requests refused before any work.",
            ("reason",),
            registry=self._registry,
        )
        for name, text, read in (
            ("depthmatte_queue_waiting", "Requests that wait.", lambda: pool.waiting),
            ("depthmatte_queue_running", "Jobs that run.", lambda: pool.running),
            ("depthmatte_bodies_bytes", "Bodies here.", lambda: pool.body_bytes),
            ("depthmatte_portraits_kept", "Portraits kept.", lambda: len(kept)),
            ("depthmatte_portraits_kept_bytes", "Their bytes.", lambda: kept.bytes),
        ):
            Gauge(name, text, registry=self._registry).set_function(read)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_stages(self, timings: Mapping[str, float]) -> None:
        """Count the milliseconds of the stages of a cut."""
        for stage, ms in timings.items():
            self._stages.labels(stage).observe(ms / 1000)

    def count_refused(self, reason: str) -> None:
        """Count a request refused for "key", "origin", "size" or "queue"."""
        self._refused.labels(reason).inc()

    def text(self) -> bytes:
        """Return all counters as text."""
        return generate_latest(self._registry)
