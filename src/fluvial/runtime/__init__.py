"""Cache, queue, controller, manager, leases, event recorder, worker pool: makes reconcile functions run.

Time is the event loop's, wall time and chance are given, so that everything here also runs on virtual time
(`fluvial.testing`). Absent on purpose: anything about a particular kind.
"""

from fluvial.runtime.cache import Cache
from fluvial.runtime.changes import Change, drop_managed_fields, keep_metadata, key_of
from fluvial.runtime.controller import Controller, Result, itself, own_changes
from fluvial.runtime.events import EventRecorder
from fluvial.runtime.inflight import DiskInFlight, InFlight
from fluvial.runtime.informer import Informer
from fluvial.runtime.leases import AlwaysLeader, LeaderElector, Leadership, LeadershipLost, Timings, lease_name
from fluvial.runtime.manager import Address, Manager
from fluvial.runtime.patience import patiently
from fluvial.runtime.queue import FRESH, RESYNC, Key, Queue
from fluvial.runtime.status import Replaced, StatusWriter, rebased
from fluvial.runtime.timing import SystemClock, jitter
from fluvial.runtime.workers import JobFailed, ProcessWorkers, WorkerDied

__all__ = [
    "FRESH",
    "RESYNC",
    "Address",
    "AlwaysLeader",
    "Cache",
    "Change",
    "Controller",
    "DiskInFlight",
    "EventRecorder",
    "InFlight",
    "Informer",
    "JobFailed",
    "Key",
    "LeaderElector",
    "Leadership",
    "LeadershipLost",
    "Manager",
    "ProcessWorkers",
    "Queue",
    "Replaced",
    "Result",
    "StatusWriter",
    "SystemClock",
    "Timings",
    "WorkerDied",
    "drop_managed_fields",
    "itself",
    "jitter",
    "keep_metadata",
    "key_of",
    "lease_name",
    "own_changes",
    "patiently",
    "rebased",
]
