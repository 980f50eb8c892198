"""What the parts of the controller share: the outside world and what is remembered between looks."""

from dataclasses import dataclass, field

from fluvial.artifacts import Store
from fluvial.controllers.source.settings import Settings
from fluvial.git import SshAlgorithms
from fluvial.kube import Client
from fluvial.objects import Object, dig
from fluvial.runtime import Cache, EventRecorder, InFlight, Informer, Key, Leadership
from fluvial.sources import Snapshots, Web
from fluvial.stdx import Chance, Clock, Metrics, Redactor, Workers
from fluvial.telemetry import Logger


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """What a controller is given; its owner closes what needs closing.

    Attributes:
        client: under the controller's own identity.
        web: carries Git over HTTP.
        leadership: asked before each batch of writes.
        host_name: of this machine, advertised when `--storage-addr` names all addresses.
        redactor: cleans every text that leaves; it learns the credentials that are read.
        in_flight: remembers across crashes what was being reconciled; without it no object is ever set aside.
    """

    client: Client
    cache: Cache
    recorder: EventRecorder
    web: Web
    workers: Workers
    leadership: Leadership
    clock: Clock
    chance: Chance
    log: Logger
    metrics: Metrics
    redactor: Redactor = field(default_factory=Redactor)
    host_name: str = "localhost"
    in_flight: InFlight | None = None


@dataclass(slots=True, kw_only=True)
class World:
    """One running controller.

    Attributes:
        snapshots: what was fetched last for each object.
        latest: each object as our own last write returned it, until the watch shows it or something newer.
    """

    settings: Settings
    deps: Deps
    store: Store
    repositories: Informer
    ssh: SshAlgorithms
    snapshots: Snapshots = field(default_factory=Snapshots)
    latest: dict[Key, Object] = field(default_factory=dict)

    def read(self, key: Key) -> Object | None:
        """Return the newest state of a GitRepository that we know, or None if there is none."""
        seen = self.repositories.get(key.namespace, key.name)
        ours = self.latest.get(key)
        if ours is None:
            return seen
        if seen is not None and _is_older(seen, ours):
            return ours
        del self.latest[key]
        return seen

    def note(self, key: Key, obj: Object) -> None:
        """Remember what a write of ours returned: the watch will show it later."""
        self.latest[key] = obj


def _is_older(seen: Object, than: Object) -> bool:
    """Tell whether the watch lags behind our own write to the same object."""
    if dig(seen, "metadata", "uid") != dig(than, "metadata", "uid"):
        return False
    versions = [str(dig(obj, "metadata", "resourceVersion", default="")) for obj in (seen, than)]
    return all(map(str.isdecimal, versions)) and int(versions[0]) < int(versions[1])
