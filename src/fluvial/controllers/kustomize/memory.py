"""What a controller remembers of each Kustomization between two looks; lost at the end of the process, and no harm.

Everything here can be found out again from the cluster, at the price of reads. What must survive is in status.
"""

import asyncio
from dataclasses import dataclass, field

from fluvial.api import Artifact
from fluvial.apply import Record
from fluvial.build import Inputs as BuildInputs
from fluvial.controllers.kustomize.healthwait import HealthResult, HealthWait
from fluvial.objects import Object, Ref
from fluvial.stdx import Redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a build was made from, as far as it can be told without fetching: equal inputs mean an equal build."""

    artifact: str  # digest
    spec: str  # digest of the fields that take part in the build
    variables: tuple[tuple[str, str, str], ...]  # (kind/name, uid, resourceVersion) of each object of substituteFrom
    identity: str


@dataclass(frozen=True, slots=True)
class Overwrite:
    """Somebody's write over a field of ours: who and where."""

    ref: Ref
    manager: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A wait for health that is under way, and the run that it belongs to; another run makes it void.

    Args:
        started: loop time at which the run began.
        request: the request annotation at that time; another one asks for another run.
        inputs: what the run's build was made from; other variables ask for another run.
    """

    wait: HealthWait
    task: "asyncio.Task[HealthResult]"
    artifact: Artifact
    generation: int
    started: float
    request: str
    inputs: Inputs | None


@dataclass(slots=True, kw_only=True)
class Memory:
    """One Kustomization, of one uid."""

    uid: str
    latest: Object | None = None  # as our last write returned it, while the watch may still be behind

    # the last build
    inputs: Inputs | None = None
    build_key: str = ""  # content of what it read
    build_used: BuildInputs = field(default_factory=lambda: BuildInputs(frozenset()))
    digest: str = ""  # of its manifests' text, as in status.history
    order: tuple[Ref, ...] = ()
    payloads: dict[Ref, str] = field(default_factory=dict)  # digest of each manifest
    manifests: dict[Ref, bytes] = field(default_factory=dict)  # packed, in their final form
    redactor: Redactor = field(default_factory=Redactor)  # of the Secrets whose values are in the manifests

    # what became of it
    records: dict[Ref, Record] = field(default_factory=dict)  # applied, or found in order
    skipped: dict[Ref, str] = field(default_factory=dict)  # opted out, with the digest of the manifest
    healthy: dict[Ref, tuple[str, str]] = field(default_factory=dict)  # (uid, resourceVersion) at which it was Current
    origin: tuple[str, str] | None = None  # (sourceRef, path) of the last run that went well
    changed: bool = False  # something was changed since the last run that got to its end
    waiting: Waiting | None = None
    troubles: int = 0  # runs in a row that failed since the API server was away or busy
    trouble: str = ""  # what was told of the last of them
    blocked: str = ""  # the dependency's problem that was told

    # time; all are loop times
    due: float = 0.0  # the next interval
    prune_from: float | None = None  # until then a prune waits for other Kustomizations
    compared: float | None = None  # the last full comparison
    compare_after: float = 0.0  # no full comparison is due before

    # what the watches told
    doubt: str = ""  # why they prove nothing at present; ends with a full comparison
    corrected: dict[Overwrite, tuple[float, ...]] = field(default_factory=dict)  # when each was corrected
    warned: set[Overwrite] = field(default_factory=set)  # a Warning was sent since the last interval
    dirty: bool = False  # an object has to be corrected
    running: bool = False
    unjudged: set[Ref] = field(default_factory=set)  # changes seen while a run was under way
