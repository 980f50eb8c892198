"""Making Pods that may be refused: the controller says so in an event and tries again, ever more slowly."""

from __future__ import annotations

from fluvial.controlplane.background.engine import Engine, Reconciler
from fluvial.controlplane.background.reporting import Reporter
from fluvial.controlplane.background.workloads.parts import resource_named
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import StatusError
from fluvial.objects import Object

_FIRST_DELAY = 5.0  # seconds until a refused Pod is tried again; doubles each time
_LAST_DELAY = 300.0


class PodMaker:
    """Creates the Pods of one controller."""

    def __init__(self, core: Core, engine: Engine, component: str) -> None:
        self._core = core
        self._engine = engine
        self._writer = Writer(core)
        self._reporter = Reporter(core, component)
        self._failures: dict[str, int] = {}

    def create(self, reconciler: Reconciler, key: str, owner: Object, pod: Object) -> str:
        """Create `pod`; returns why it was refused, "" when it was not."""
        uid = owner["metadata"]["uid"]
        try:
            self._writer.create(resource_named(self._core, "pods"), pod)
        except StatusError as error:
            failures = self._failures.get(uid, 0)
            self._failures[uid] = failures + 1
            self._engine.later(min(_FIRST_DELAY * 2**failures, _LAST_DELAY), reconciler, key)
            self._reporter.warn(owner, "FailedCreate", f"Error creating: {error}")
            return str(error)
        self._failures.pop(uid, None)
        return ""
