"""The world of a flow: a cluster, a Git repository, both controllers, and the hands to play with them.

The same flow runs on the embedded API server, on virtual time and without sockets, and on a real kube-apiserver. Each
flow has a namespace and controllers of its own, restricted to that namespace.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fluvial.git.server import MemoryRepository
from fluvial.kube import Client
from fluvial.objects import Object, Ref, dig, get_condition

SOURCE_API = "source.toolkit.fluxcd.io/v1"
KUSTOMIZE_API = "kustomize.toolkit.fluxcd.io/v1"
APIS = {"GitRepository": SOURCE_API, "Kustomization": KUSTOMIZE_API}
REQUESTED = "reconcile.fluxcd.io/requestedAt"
STEP = 0.05  # seconds between two looks


@dataclass
class World:
    """What a flow may touch.

    Args:
        namespace: the flow's own; the Flux objects and the applied objects live there unless the flow says otherwise.
        git_url: where `git` is served.
        engine: starts and stops the controllers; a flow may restart them.
    """

    client: Client
    namespace: str
    git: MemoryRepository
    git_url: str
    engine: "Engine"
    extra: dict[str, Any] = field(default_factory=dict)

    # -- Git

    def commit(self, files: Mapping[str, str | bytes | None], message: str = "a change", branch: str = "") -> str:
        """Commit to the repository, "@ns" replaced by our namespace; return the revision as Flux writes it."""
        here = {
            path: data.replace("@ns", self.namespace) if isinstance(data, str) else data for path, data in files.items()
        }
        return f"{branch or 'main'}@sha1:{self.git.commit(here, message=message, branch=branch)}"

    # -- objects

    async def source(self, name: str = "fleet", **spec: Any) -> Object:
        """Create or change a GitRepository on this world's repository."""
        given = {"interval": "60m", "url": self.git_url, "ref": {"branch": "main"}} | spec
        return await self.apply(SOURCE_API, "GitRepository", name, given)

    async def kustomization(self, name: str = "apps", **spec: Any) -> Object:
        """Create or change a Kustomization of ./apps that prunes."""
        source = {"kind": "GitRepository", "name": "fleet"}
        given = {"interval": "60m", "path": "./apps", "prune": True, "sourceRef": source, "timeout": "30s"} | spec
        return await self.apply(KUSTOMIZE_API, "Kustomization", name, given)

    async def apply(self, api_version: str, kind: str, name: str, spec: Object, **metadata: Any) -> Object:
        """Server-side apply one object with a spec, as a person would."""
        given = {"name": name, "namespace": self.namespace} | metadata
        obj = {"apiVersion": api_version, "kind": kind, "metadata": given, "spec": spec}
        return (await self.client.apply(obj, field_manager="person", force=True)).object

    async def put(self, obj: Object) -> Object:
        """Server-side apply any object in this world's namespace."""
        metadata = obj["metadata"] | {"namespace": self.namespace}
        return (await self.client.apply({**obj, "metadata": metadata}, field_manager="person", force=True)).object

    async def get(
        self, kind: str, name: str, *, api_version: str = "v1", namespace: str | None = None
    ) -> Object | None:
        """Read one object; None if it is not there."""
        where = self.namespace if namespace is None else namespace
        return await self.client.get(APIS.get(kind, api_version), kind, where, name)

    async def edit(
        self, kind: str, name: str, patch: Any, *, api_version: str = "v1", by: str = "kubectl-edit"
    ) -> None:
        """Merge-patch one object by hand."""
        group, _, version = APIS.get(kind, api_version).rpartition("/")
        ref = Ref(group, version, kind, self.namespace, name)
        await self.client.patch(ref, patch, kind="merge", field_manager=by)

    async def delete(self, kind: str, name: str, *, api_version: str = "v1") -> None:
        """Delete one object by hand."""
        group, _, version = APIS.get(kind, api_version).rpartition("/")
        await self.client.delete(Ref(group, version, kind, self.namespace, name))

    async def scale(self, path: str, replicas: int) -> None:
        """Write the scale subresource, as an autoscaler does."""
        await self.client.raw(
            "PATCH",
            path,
            query={"fieldManager": "autoscaler"},
            body=json.dumps({"spec": {"replicas": replicas}}).encode(),
            content_type="application/merge-patch+json",
        )

    async def wipe_status(self, path: str) -> None:
        """Remove the whole status of an object, as a restored backup does."""
        await self.client.raw(
            "PATCH",
            path,
            query={"fieldManager": "backup"},
            body=b'[{"op": "remove", "path": "/status"}]',
            content_type="application/json-patch+json",
        )

    async def request(self, kind: str, name: str, value: str = "now", **more: str) -> None:
        """Ask for a reconcile as `flux reconcile` does."""
        await self.edit(kind, name, {"metadata": {"annotations": {REQUESTED: value, **more}}}, by="flux")

    # -- waiting

    async def until(self, what: str, look: Callable[[], Awaitable[Any]], *, timeout: float = 40) -> Any:
        """Look again and again until `look` gives something true, and return it.

        Raises:
            AssertionError: it did not within `timeout` seconds; says what was waited for, and what was seen last.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + timeout
        while True:
            seen = await look()
            if seen:
                return seen
            if loop.time() > give_up:
                raise AssertionError(f"{what}: not within {timeout:.0f} s\n{await self.picture()}")
            await asyncio.sleep(STEP)

    async def condition(
        self,
        kind: str,
        name: str,
        status: str,
        reason: str = "",
        message: str = "",
        *,
        type: str = "Ready",
        **more: Any,
    ) -> Object:
        """Wait until a condition of an object is as told, at its generation; return the object."""

        async def look() -> Object | None:
            obj = await self.get(kind, name)
            found = get_condition(obj, type) if obj else None
            matches = (
                found is not None
                and found["status"] == status
                and reason in ("", found["reason"])
                and message in found["message"]
                and found.get("observedGeneration") == dig(obj or {}, "metadata", "generation")
            )
            return obj if matches else None

        return await self.until(f"{kind}/{name} {type}={status} {reason} {message!r}", look, **more)  # type: ignore[no-any-return]

    async def ready(self, kind: str, name: str, revision: str = "", **more: Any) -> Object:
        """Wait until an object is Ready and, where asked, at a revision."""

        async def look() -> Object | None:
            obj = await self.get(kind, name)
            found = get_condition(obj, "Ready") if obj else None
            at = dig(obj or {}, "status", "lastAppliedRevision") or dig(obj or {}, "status", "artifact", "revision")
            current = dig(obj or {}, "status", "observedGeneration") == dig(obj or {}, "metadata", "generation")
            return obj if found and found["status"] == "True" and current and revision in ("", at) else None

        return await self.until(f"{kind}/{name} Ready at {revision or 'any revision'}", look, **more)  # type: ignore[no-any-return]

    async def reconciled(self, files: Mapping[str, str | bytes | None], name: str = "apps", **spec: Any) -> str:
        """Commit `files`, have source and Kustomization Ready at that revision, and return it."""
        revision = self.commit(files)
        await self.source()
        await self.request("GitRepository", "fleet", revision)
        await self.kustomization(name, **spec)
        await self.ready("Kustomization", name, revision)
        return revision

    async def pushed(self, files: Mapping[str, str | bytes | None], source: str = "fleet") -> str:
        """Commit `files` and tell the source, as a webhook would; return the revision."""
        revision = self.commit(files)
        await self.request("GitRepository", source, revision)
        return revision

    async def gone(self, kind: str, name: str, *, api_version: str = "v1", **more: Any) -> None:
        """Wait until an object is not there."""

        async def look() -> bool:
            return await self.get(kind, name, api_version=api_version) is None

        await self.until(f"{kind}/{name} gone", look, **more)

    async def settled(self, seconds: float = 2.0) -> None:
        """Let `seconds` pass on this world's clock: for what must not happen."""
        await asyncio.sleep(seconds)

    # -- looking

    async def events(self, kind: str, name: str) -> list[tuple[str, str, str]]:
        """Return (type, reason, message) of the Kubernetes Events about an object, oldest first."""
        found = await self.client.list("v1", "Event", self.namespace)
        about = [
            e for e in found.items if e["involvedObject"].get("kind") == kind and e["involvedObject"]["name"] == name
        ]
        about.sort(key=lambda e: int(e["metadata"]["resourceVersion"]))
        return [(e["type"], e["reason"], e["message"]) for e in about]

    async def event(
        self, kind: str, name: str, reason: str, message: str = "", *, type: str = ""
    ) -> tuple[str, str, str]:
        """Wait for an event about an object."""

        async def look() -> tuple[str, str, str] | None:
            for event in await self.events(kind, name):
                if event[1] == reason and message in event[2] and type in ("", event[0]):
                    return event
            return None

        return await self.until(f"event {reason} {message!r} of {kind}/{name}", look)  # type: ignore[no-any-return]

    async def picture(self) -> str:
        """Describe the Flux objects of this world, for a failed assertion."""
        lines = []
        for kind, api_version in APIS.items():
            for obj in (await self.client.list(api_version, kind, self.namespace)).items:
                lines.append(f"{kind}/{obj['metadata']['name']} gen={obj['metadata']['generation']}")
                lines += [
                    f"  {c['type']}={c['status']} {c['reason']}: {c['message']}"
                    for c in dig(obj, "status", "conditions", default=[])
                ]
                lines += [f"  event {event}" for event in await self.events(kind, obj["metadata"]["name"])]
        return "\n".join(lines)


class Engine(Protocol):
    """Both controllers; `start` after `stop` is a restart with the same storage."""

    async def start(self) -> None:
        """Begin to reconcile."""

    async def stop(self) -> None:
        """End at once or in order, as the flow's server does it."""

    def damage(self, path: str, content: bytes | None = None) -> None:
        """Overwrite a stored artifact, or remove it."""
