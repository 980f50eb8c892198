"""The figures of a controller under the names that Flux, controller-runtime and client-go give them.

Storage is prometheus-client's; rendering is ours, since it must give the event loop a turn after every few hundred
lines: a fleet of a thousand objects has fifteen thousand series.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.utils import floatToGoString as _go_float

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SLICE = 50  # series rendered between two turns of the loop: about 1 ms of histograms


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name, kind, help text, labels in the order shown, and the upper bounds of its buckets."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()


def _exponential(start: float, factor: float, count: int) -> tuple[float, ...]:
    """Return client_golang's ExponentialBuckets, rounding included: the bounds are label values."""
    bounds = []
    for _ in range(count):
        bounds.append(start)
        start *= factor
    return tuple(bounds)


_OBJECT = ("kind", "name", "namespace")
_QUEUE = ("controller", "name")
# client_golang's ExponentialBucketsRange(10e-3, 1800, 10) as Go computes it; Python's powers differ in the last digit.
_GOTK_BUCKETS = (
    *(0.01, 0.038363583488692544, 0.1471764538093883, 0.5646216173286169, 2.166090855590701, 8.309900738254731),
    *(31.879757075478317, 122.30217221643493, 469.19495946736544, 1799.9999999999986),
)
_QUEUE_BUCKETS = _exponential(10e-9, 10, 12)
_RECONCILE_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    *(1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60),
)

FAMILIES: Sequence[Family] = (
    # fluxcd/pkg runtime/metrics. The two gauges are registered by Flux too, and not recorded any more.
    Family(
        "gotk_reconcile_condition",
        "gauge",
        "The current condition status of a GitOps Toolkit resource reconciliation.",
        (*_OBJECT, "status", "type"),
    ),
    Family(
        "gotk_suspend_status",
        "gauge",
        "The current suspend status of a GitOps Toolkit resource.",
        _OBJECT,
    ),
    Family(
        "gotk_reconcile_duration_seconds",
        "histogram",
        "The duration in seconds of a GitOps Toolkit resource reconciliation.",
        _OBJECT,
        _GOTK_BUCKETS,
    ),
    # controller-runtime
    Family(
        "controller_runtime_active_workers",
        "gauge",
        "Number of currently used workers per controller",
        ("controller",),
    ),
    Family(
        "controller_runtime_max_concurrent_reconciles",
        "gauge",
        "Maximum number of concurrent reconciles per controller",
        ("controller",),
    ),
    Family(
        "controller_runtime_reconcile_errors_total",
        "counter",
        "Total number of reconciliation errors per controller",
        ("controller",),
    ),
    Family(
        "controller_runtime_reconcile_panics_total",
        "counter",
        "Total number of reconciliation panics per controller",
        ("controller",),
    ),
    Family(
        "controller_runtime_reconcile_time_seconds",
        "histogram",
        "Length of time per reconciliation per controller",
        ("controller",),
        _RECONCILE_BUCKETS,
    ),
    Family(
        "controller_runtime_reconcile_timeouts_total",
        "counter",
        "Total number of reconciliation timeouts per controller",
        ("controller",),
    ),
    Family(
        "controller_runtime_reconcile_total",
        "counter",
        "Total number of reconciliations per controller",
        ("controller", "result"),
    ),
    Family(
        "controller_runtime_terminal_reconcile_errors_total",
        "counter",
        "Total number of terminal reconciliation errors per controller",
        ("controller",),
    ),
    # client-go
    Family(
        "leader_election_master_status",
        "gauge",
        "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. "
        "'name' is the string used to identify the lease. Please make sure to group by name.",
        ("name",),
    ),
    Family(
        "leader_election_slowpath_total",
        "counter",
        "Total number of slow path exercised in renewing leader leases. "
        "'name' is the string used to identify the lease. Please make sure to group by name.",
        ("name",),
    ),
    Family(
        "rest_client_requests_total",
        "counter",
        "Number of HTTP requests, partitioned by status code, method, and host.",
        ("code", "host", "method"),
    ),
    Family("workqueue_adds_total", "counter", "Total number of adds handled by workqueue", _QUEUE),
    Family(
        "workqueue_depth",
        "gauge",
        "Current depth of workqueue by workqueue and priority",
        (*_QUEUE, "priority"),
    ),
    Family(
        "workqueue_longest_running_processor_seconds",
        "gauge",
        "How many seconds has the longest running processor for workqueue been running.",
        _QUEUE,
    ),
    Family(
        "workqueue_queue_duration_seconds",
        "histogram",
        "How long in seconds an item stays in workqueue before being requested",
        _QUEUE,
        _QUEUE_BUCKETS,
    ),
    Family(
        "workqueue_retries_total",
        "counter",
        "Total number of items added to the workqueue with a non-zero delay "
        "(rate-limited requeues, explicit RequeueAfter or AddAfter calls)",
        _QUEUE,
    ),
    Family(
        "workqueue_unfinished_work_seconds",
        "gauge",
        "How many seconds of work has been done that is in progress and hasn't been observed by work_duration. "
        "Large values indicate stuck threads. "
        "One can deduce the number of stuck threads by observing the rate at which this increases.",
        _QUEUE,
    ),
    Family(
        "workqueue_work_duration_seconds",
        "histogram",
        "How long in seconds processing an item from workqueue takes.",
        _QUEUE,
        _QUEUE_BUCKETS,
    ),
    # Ours: what waits to be told to people, and what had to be dropped.
    Family("fluvial_events_queued", "gauge", "Events that wait to be sent, by where they go.", ("sink",)),
    Family(
        "fluvial_events_dropped_total", "counter", "Events that could not be sent, by where they should go.", ("sink",)
    ),
    Family("fluvial_watch_restarts_total", "counter", "Watches begun anew, by kind and why.", ("kind", "reason")),
)


class Registry:
    """The `Metrics` of one process: knows the families above, and those added for a package's own figures."""

    def __init__(self, *, process: bool = True) -> None:
        """`process`: also show process_* and python_* (off where two runs must render the same text)."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._families: dict[str, Family] = {}
        self._collectors: dict[str, Counter | Gauge | Histogram] = {}
        self._children: dict[str, dict[tuple[str, ...], Any]] = {}
        self._process = CollectorRegistry() if process else None
        if self._process is not None:
            ProcessCollector(registry=self._process)
            PlatformCollector(registry=self._process)
        for family in FAMILIES:
            self.add(family)

    def add(self, family: Family) -> None:
        """Register one more metric. Raises ValueError if the name is taken."""
        if family.name in self._families:
            raise ValueError(f"metric {family.name} is registered already")
        self._families[family.name] = family
        self._collectors[family.name] = _collector(family, self._registry)
        self._children[family.name] = {}

    def inc(self, name: str, labels: Mapping[str, str], amount: float = 1) -> None:
        """Add to a counter (or to a gauge). Raises KeyError for an unknown name or a missing label."""
        self._child(name, labels).inc(amount)

    def observe(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Record one value in a histogram."""
        self._child(name, labels).observe(value)

    def set(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Set a gauge."""
        self._child(name, labels).set(value)

    def forget(self, labels: Mapping[str, str]) -> None:
        """Drop every series that carries all of `labels`, for an object that is gone."""
        for name, family in self._families.items():
            if not labels.keys() <= set(family.labels):
                continue
            positions = [(family.labels.index(label), value) for label, value in labels.items()]
            children = self._children[name]
            gone = [values for values in children if all(values[at] == value for at, value in positions)]
            for values in gone:
                del children[values]
                self._collectors[name].remove(*values)

    async def render(self) -> bytes:
        """Return everything in Prometheus' text format, giving the loop a turn between slices."""
        parts: list[str] = []
        for name in sorted(self._families):
            family = self._families[name]
            children = sorted(self._children[name].items())
            if not children:
                continue  # as client_golang: a family without series is not shown
            parts.append(_head(family))
            for start in range(0, len(children), _SLICE):
                for values, child in children[start : start + _SLICE]:
                    parts.extend(_lines(family, values, child))
                await asyncio.sleep(0)
        if self._process is not None:
            parts.extend(_foreign(self._process))
        return "".join(parts).encode()

    def _child(self, name: str, labels: Mapping[str, str]) -> Any:
        family = self._families[name]
        values = tuple([labels[label] for label in family.labels])
        children = self._children[name]
        child = children.get(values)
        if child is None:
            child = children[values] = self._collectors[name].labels(*values)
        return child


def _collector(family: Family, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if family.kind == "counter":
        return Counter(family.name, family.help, family.labels, registry=registry)
    if family.kind == "gauge":
        return Gauge(family.name, family.help, family.labels, registry=registry)
    return Histogram(family.name, family.help, family.labels, registry=registry, buckets=family.buckets)


def _head(family: Family) -> str:
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {family.name} {text}\n# TYPE {family.name} {family.kind}\n"


def _lines(family: Family, values: Iterable[str], child: Any) -> Iterator[str]:
    own = [f'{label}="{_escape(value)}"' for label, value in zip(family.labels, values, strict=True)]
    for metric in child.collect():
        for sample in metric.samples:
            if sample.name.endswith("_created"):
                continue  # client_golang has no such series
            extra = [f'le="{_number(float(bound))}"' for bound in sample.labels.values()]  # of a bucket; no other label
            yield f"{sample.name}{{{','.join(own + extra)}}} {_number(sample.value)}\n"


def _foreign(registry: CollectorRegistry) -> Iterator[str]:
    """Render metrics that others collect (process_*, python_info)."""
    for metric in registry.collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        yield f"# HELP {name} {metric.documentation}\n# TYPE {name} {metric.type}\n"
        for sample in metric.samples:
            if sample.name.endswith("_created"):
                continue
            labels = ",".join(f'{label}="{_escape(value)}"' for label, value in sample.labels.items())
            shown = f"{{{labels}}}" if labels else ""
            yield f"{sample.name}{shown} {_number(sample.value)}\n"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    """Write a number as Go does: 1, 0.5, 1e-05, +Inf."""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(_go_float(value))  # type: ignore[no-untyped-call]
