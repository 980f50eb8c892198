"""The kustomize controller on the embedded API server, on virtual time; artifacts are made by the test itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from fluvial import testing
from fluvial.api import crds
from fluvial.artifacts import Fetcher, pack
from fluvial.controllers.kustomize import Deps, KustomizeController, Settings, build
from fluvial.controlplane import AuditRecord, ControlPlane
from fluvial.kube import Client
from fluvial.net import MemoryTransport, ServerRequest, ServerResponse
from fluvial.objects import Object, Ref, dig, get_condition
from fluvial.runtime import AlwaysLeader, Cache, EventRecorder, InFlight
from fluvial.stdx import NO_METRICS, InlineWorkers, Tree, Workers, sha256
from fluvial.telemetry import Logger

SERVER = "https://api.fluvial.local"
SOURCE = "http://source.local"
NAMESPACE = "flux-system"
SOURCE_API = "source.toolkit.fluxcd.io/v1"
KUSTOMIZE_API = "kustomize.toolkit.fluxcd.io/v1"


@dataclass
class World:
    plane: ControlPlane
    client: Client
    transport: MemoryTransport
    settings: Settings
    files: dict[str, bytes]
    audit: list[AuditRecord]
    lines: list[str]
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    cache: Cache | None = None
    controller: KustomizeController | None = None

    # -- the controller

    def start(self, in_flight: InFlight | None = None, *, workers: Workers | None = None) -> None:
        """Start a controller with nothing in its memory."""
        clock, chance = testing.VirtualClock(), testing.chance()
        log = Logger(self.lines.append, clock=clock)
        client = Client(SERVER, self.transport, chance=chance, user_agent="fluvial")
        self.cache = Cache(chance=chance, log=log)
        recorder = EventRecorder(client, "kustomize-controller", instance="test", clock=clock, log=log)
        deps = Deps(
            client=client,
            cache=self.cache,
            recorder=recorder,
            fetcher=Fetcher(self.transport, retries=1),
            workers=workers or InlineWorkers(),
            leadership=AlwaysLeader(),
            clock=clock,
            chance=chance,
            log=log,
            metrics=NO_METRICS,
            in_flight=in_flight,
        )
        self.controller = build(self.settings, deps)
        self.tasks = [
            asyncio.create_task(recorder.run(), name="recorder"),
            asyncio.create_task(self.controller.run(), name="controller"),
        ]

    async def stop(self) -> None:
        """End the controller at once, as a crash does: nothing is written on the way out."""
        for task in self.tasks:
            task.cancel()
        for task in self.tasks:
            with suppress(asyncio.CancelledError):
                await task
        self.tasks = []
        if self.cache is not None:
            await self.cache.close()

    # -- the world outside

    async def commit(self, files: Mapping[str, str], revision: str, *, name: str = "fleet") -> None:
        """Publish an artifact as source-controller would."""
        archive = pack(Tree({path: text.encode() for path, text in files.items()}))
        path = f"/gitrepository/{NAMESPACE}/{name}/{sha256(archive)[7:19]}.tar.gz"
        self.files[path] = archive
        artifact = {
            "digest": sha256(archive),
            "lastUpdateTime": "2026-01-01T00:00:00Z",
            "path": path[1:],
            "revision": revision,
            "url": SOURCE + path,
        }
        ref = Ref("source.toolkit.fluxcd.io", "v1", "GitRepository", NAMESPACE, name)
        await self.client.patch(ref, {"status": {"artifact": artifact}}, kind="merge", subresource="status")

    async def source(self, name: str = "fleet") -> None:
        spec = {"interval": "1m", "url": "https://git.local/fleet"}
        await self.put({"apiVersion": SOURCE_API, "kind": "GitRepository", "metadata": {"name": name}, "spec": spec})

    async def kustomization(
        self, name: str = "apps", *, annotations: Mapping[str, str] | None = None, **spec: Any
    ) -> None:
        given = {
            "interval": "10m",
            "prune": True,
            "path": "./",
            "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        }
        metadata: Object = {"name": name}
        if annotations:
            metadata["annotations"] = dict(annotations)
        await self.put(
            {"apiVersion": KUSTOMIZE_API, "kind": "Kustomization", "metadata": metadata, "spec": given | spec}
        )

    async def put(self, obj: Object, *, by: str = "person") -> Object:
        obj["metadata"].setdefault("namespace", NAMESPACE)
        return (await self.client.apply(obj, field_manager=by, force=True)).object

    async def get(self, kind: str, name: str, *, api_version: str = "v1", namespace: str = "default") -> Object | None:
        return await self.client.get(api_version, kind, namespace, name)

    async def ks(self, name: str = "apps") -> Object:
        found = await self.client.get(KUSTOMIZE_API, "Kustomization", NAMESPACE, name)
        assert found is not None, f"{name} is gone"
        return found

    async def edit(self, obj_ref: Ref, patch: Any, *, by: str = "kubectl-edit") -> None:
        await self.client.patch(obj_ref, patch, kind="merge", field_manager=by)

    async def request(self, name: str = "apps", value: str = "now", **more: str) -> None:
        """Ask for a reconcile, as `flux reconcile` does."""
        ref = Ref("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", NAMESPACE, name)
        annotations = {"reconcile.fluxcd.io/requestedAt": value, **more}
        await self.edit(ref, {"metadata": {"annotations": annotations}}, by="flux")

    # -- waiting

    async def until(self, look: Callable[[], Awaitable[Any]], *, timeout: float = 120) -> Any:
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while True:
            found = await look()
            if found:
                return found
            assert loop.time() < end, "it did not happen in time\n" + "".join(self.lines[-20:])
            await asyncio.sleep(0.05)

    async def ready(self, name: str = "apps", *, revision: str = "", timeout: float = 120) -> Object:
        """Wait until Ready is True (of this revision)."""

        async def look() -> Object | None:
            obj = await self.ks(name)
            done = condition(obj, "Ready")[0] == "True"
            observed = dig(obj, "status", "observedGeneration") == dig(obj, "metadata", "generation")
            right = not revision or dig(obj, "status", "lastAppliedRevision") == revision
            return obj if done and observed and right else None

        found: Object = await self.until(look, timeout=timeout)
        return found

    async def failed(self, reason: str, name: str = "apps", *, timeout: float = 120) -> Object:
        """Wait until Ready is False for `reason`."""

        async def look() -> Object | None:
            obj = await self.ks(name)
            return obj if condition(obj, "Ready")[:2] == ("False", reason) else None

        found: Object = await self.until(look, timeout=timeout)
        return found

    # -- looking back

    def requests(self) -> list[str]:
        """What the controller asked since the last call; watches, lists and discovery left out."""
        found = [
            "event"
            if record.resource == "events"
            else f"{'dry-run ' if record.dry_run else ''}{record.verb} {record.resource}"
            + (f"/{record.subresource}" if record.subresource else "")
            for record in self.audit
            if record.resource and record.verb not in ("watch", "list") and record.user_agent == "fluvial"
        ]
        self.audit.clear()
        return found

    async def events(self, name: str = "apps") -> list[tuple[str, str]]:
        """(reason, message) of the events about a Kustomization, in order."""
        found = (await self.client.list("v1", "Event", NAMESPACE)).items
        mine = [each for each in found if dig(each, "involvedObject", "name") == name]
        mine.sort(key=lambda each: int(each["metadata"]["resourceVersion"]))
        return [(each["reason"], each["message"]) for each in mine]


def condition(obj: Object, type_: str) -> tuple[str, str, str]:
    """(status, reason, message)."""
    found = get_condition(obj, type_) or {}
    return str(found.get("status", "")), str(found.get("reason", "")), str(found.get("message", ""))


def config_map(name: str, namespace: str = "default", **data: str) -> str:
    lines = "".join(f'  {key}: "{value}"\n' for key, value in (data or {"key": "value"}).items())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: {namespace}\ndata:\n{lines}"


def run(test: Callable[[World], Awaitable[None]], settings: Settings | None = None, *, seed: int = 0) -> None:
    """Run `test` in a world of its own, on virtual time."""

    async def main() -> None:
        async with world(settings or Settings()) as made:
            await test(made)

    testing.run(main(), seed)


@asynccontextmanager
async def world(settings: Settings) -> AsyncIterator[World]:
    audit: list[AuditRecord] = []
    files: dict[str, bytes] = {}
    lines: list[str] = []
    clock, chance = testing.VirtualClock(), testing.chance()
    plane = ControlPlane(clock=clock, chance=chance, audit=audit.append)
    await plane.start()

    async def artifacts(request: ServerRequest) -> ServerResponse:
        found = files.get(request.path)
        return ServerResponse(404) if found is None else ServerResponse(200, {}, found)

    transport = MemoryTransport({SERVER: plane.handle, SOURCE: artifacts})
    client = Client(SERVER, transport, chance=chance, user_agent="test")
    for crd in crds():
        if crd["spec"]["group"].startswith(("source.toolkit", "kustomize.toolkit")):
            await client.apply(crd, field_manager="installer")
    await asyncio.sleep(1)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    await client.apply(namespace, field_manager="installer")
    made = World(plane, client, transport, settings, files, audit, lines)
    made.start()
    try:
        yield made
    finally:
        await made.stop()
        await plane.stop()
        await transport.close()
