"""Prometheus metrics. Labels are bounded: route templates and our names, never what was sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from shared.eventlog.model import Row

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The metrics of one service. Each service of a process has its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.http = HttpMetrics(self.registry)
        self._appended = Counter(
            "caselog_appended_events",
            "Events committed to the log by this process, by author.",
            ["source"],
            registry=self.registry,
        )

    def committed(self, rows: Sequence[Row]) -> None:
        """To be registered with the log's ``on_commit``."""
        by_source: dict[str, int] = {}
        for row in rows:
            by_source[row.source] = by_source.get(row.source, 0) + 1
        for source, count in by_source.items():
            self._appended.labels(source).inc(count)

    def gauge(self, name: str, description: str, value: Callable[[], float]) -> None:
        """A gauge whose value is asked for at each scrape: ``caselog_<name>``."""
        Gauge(f"caselog_{name}", description, registry=self.registry).set_function(value)

    def counter(self, name: str, description: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(f"caselog_{name}", description, labels, registry=self.registry)

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)


class HttpMetrics:
    """How many requests, how long they took, and how many answers last."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Histogram(
            "caselog_http_request_seconds",
            "Time to answer a request, by route template and class of status.",
            ["method", "route", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._observe: dict[tuple[str, str, int], Callable[[float], None]] = {}

    def served(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request answered, whole."""
        key = (method if method in _METHODS else "other", route, status // 100)
        observe = self._observe.get(key)
        if observe is None:
            labelled = self._requests.labels(key[0], route, f"{key[2]}xx")
            observe = self._observe[key] = labelled.observe
        observe(seconds)
