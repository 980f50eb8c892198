"""The main job as it happens, told in words that a newcomer understands: nothing in it is staged.

A sample fleet is served over real Git-HTTP; every line that is printed was read from the API server.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Protocol, TypeVar

from fluvial.api import names
from fluvial.git import MemoryRepository, git_handler
from fluvial.kube import Client
from fluvial.local import sample
from fluvial.local.cluster import Cluster, cluster
from fluvial.net import serve
from fluvial.objects import Object, Ref, dig, get_condition
from fluvial.runtime import SystemClock

_T = TypeVar("_T")

_NAMESPACE = "flux-system"
_PATIENCE = 30.0  # seconds for any one step
_STEP = 0.02  # seconds between two looks


class StepMissed(RuntimeError):
    """The story did not go as told, which is a bug of ours or a very slow machine."""


class Out(Protocol):
    """Where the story goes."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


async def demo(*, keep: bool, out: Out) -> None:
    """Tell the story; with `keep` leave everything running until cancelled.

    Raises:
        StepMissed: a step did not happen; its text says which.
    """
    async with AsyncExitStack() as stack:
        story = _Story(out)
        story.chapter("A Kubernetes API server and the controllers start in this process")
        made = await stack.enter_async_context(cluster())
        story.tell(f"API server at {made.server}, no container and no Go binary anywhere")
        repository = MemoryRepository(SystemClock())
        server = await serve(git_handler({"fleet": repository}))
        stack.push_async_callback(server.close)
        fleet = _Fleet(made, repository, f"{server.url}/fleet", story)
        await _play(fleet)
        if keep:
            story.chapter("Everything stays up until you press Ctrl-C")
            story.tell(f"export KUBECONFIG={made.kubeconfig}")
            story.tell("kubectl get gitrepositories,kustomizations -A")
            story.tell("fluvial tree kustomization apps")
            await made.running
        story.chapter("Done")
        story.tell(
            "The same controllers run against any cluster: fluvial controller source, fluvial controller kustomize"
        )


async def _play(fleet: "_Fleet") -> None:
    story = fleet.story
    story.chapter("First commit: five manifests are pushed to a Git repository")
    await fleet.follow()
    await fleet.push(sample.FIRST, "Deploy the web application")

    story.chapter("Second commit: three replicas instead of two, and one ConfigMap is removed")
    await fleet.push(sample.SECOND, "Scale web, drop the old settings")
    await fleet.until("the removed ConfigMap is pruned", fleet.is_gone("ConfigMap", "old-settings"))
    story.tell("pruned    ConfigMap demo/old-settings is gone from the cluster, as it is from Git")

    story.chapter("Somebody edits the Service by hand")
    await fleet.edit_by_hand()

    story.chapter("A broken commit: an indentation is lost in service.yaml")
    await fleet.push_broken(sample.BROKEN, "Tidy up")


class _Story:
    """Prints chapters and lines with the seconds since the chapter began."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self._begin = 0.0

    def chapter(self, title: str) -> None:
        self._begin = asyncio.get_running_loop().time()
        self._out.write(f"\n► {title}\n")
        self._out.flush()

    def tell(self, text: str) -> None:
        seconds = asyncio.get_running_loop().time() - self._begin
        self._out.write(f"  {seconds:6.2f} s  {text}\n")
        self._out.flush()


class _Fleet:
    """The repository, the cluster, and the hands of the people in the story."""

    def __init__(self, made: Cluster, repository: MemoryRepository, url: str, story: _Story) -> None:
        self.story = story
        self._client: Client = made.client
        self._repository = repository
        self._url = url

    async def follow(self) -> None:
        """Create the two Flux objects that tie the repository to the cluster."""
        source = {"interval": "1m", "url": self._url, "ref": {"branch": "main"}}
        reference = {"kind": names.GIT_REPOSITORY, "name": "fleet"}
        apps = {
            "interval": "10m",
            "path": "./apps",
            "prune": True,
            "wait": True,
            "timeout": "1m",
            "sourceRef": reference,
        }
        await self._apply(names.SOURCE_V1, names.GIT_REPOSITORY, "fleet", source)
        await self._apply(names.KUSTOMIZE_V1, names.KUSTOMIZATION, "apps", apps | {"retryInterval": "10s"})
        self.story.tell("declared  GitRepository/fleet follows the repository, Kustomization/apps applies ./apps")

    async def push(self, files: Mapping[str, str | None], message: str) -> None:
        """Push a commit and tell each stage as the cluster shows it."""
        revision = await self._commit(files, message)
        artifact: Object = await self.until("the artifact is stored", lambda: self._artifact(revision))
        self.story.tell(f"stored    artifact of {artifact['size']} bytes, {artifact['digest'][:19]}…")
        await self.until("the manifests are built", lambda: self._attempted(revision))
        self.story.tell("built     kustomize turned the files into objects")
        await self.until("the objects are applied", self._applied)
        apps = await self._get(names.KUSTOMIZE_V1, names.KUSTOMIZATION, "apps") or {}
        entries = dig(apps, "status", "inventory", "entries", default=[])
        self.story.tell(f"applied   {len(entries)} objects by server-side apply, each remembered in the inventory")
        ready = await self.until("everything is healthy", lambda: self._ready(revision))
        self.story.tell(f"healthy   {ready}")

    async def edit_by_hand(self) -> None:
        """Change a managed field as kubectl edit does, and tell when it is corrected."""
        loop = asyncio.get_running_loop()
        ref = Ref("", "v1", "Service", sample.NAMESPACE, "web")
        ports = [{"name": "http", "port": 80, "targetPort": 1234, "protocol": "TCP"}]
        await self._client.patch(ref, {"spec": {"ports": ports}}, kind="merge", field_manager="kubectl-edit")
        begin = loop.time()
        self.story.tell("edited    Service demo/web: target port 9898 became 1234")

        async def corrected() -> bool:
            live = await self._client.get("v1", "Service", sample.NAMESPACE, "web")
            return [port["targetPort"] for port in dig(live or {}, "spec", "ports", default=[])] == [9898]

        await self.until("the edit is corrected", corrected)
        self.story.tell(
            f"corrected target port 9898 is back after {(loop.time() - begin) * 1000:.0f} ms, nobody polled for it"
        )

    async def push_broken(self, files: Mapping[str, str | None], message: str) -> None:
        """Push a commit that cannot be built, and tell how it is refused."""
        before = await self._client.get("v1", "Service", sample.NAMESPACE, "web")
        await self._commit(files, message)
        refusal = await self.until("the commit is refused", self._refusal)
        self.story.tell(f"refused   {refusal}")
        after = await self._client.get("v1", "Service", sample.NAMESPACE, "web")
        if before != after:
            raise StepMissed("a refused commit changed the cluster")
        self.story.tell("unchanged the last good state is still running, not one object was touched")

    def is_gone(self, kind: str, name: str) -> Callable[[], Awaitable[bool]]:
        """Return a look that is true when an object of the application is gone."""

        async def look() -> bool:
            return await self._client.get("v1", kind, sample.NAMESPACE, name) is None

        return look

    async def until(self, what: str, look: Callable[[], Awaitable[_T]]) -> _T:
        """Look until there is something to see."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _PATIENCE
        while not (seen := await look()):
            if loop.time() > give_up:
                raise StepMissed(f"not within {_PATIENCE:.0f} s: {what}")
            await asyncio.sleep(_STEP)
        return seen

    async def _commit(self, files: Mapping[str, str | None], message: str) -> str:
        commit = self._repository.commit(files, message=message)
        ref = Ref(names.SOURCE_GROUP, "v1", names.GIT_REPOSITORY, _NAMESPACE, "fleet")
        # What a webhook does after a push; without one the next interval finds the commit.
        request = {"metadata": {"annotations": {names.REQUESTED_AT: commit}}}
        await self._client.patch(ref, request, kind="merge", field_manager="demo")
        self.story.tell(f"commit    {commit[:8]} “{message}” found on branch main")
        return f"main@sha1:{commit}"

    async def _apply(self, api_version: str, kind: str, name: str, spec: Object) -> None:
        metadata = {"name": name, "namespace": _NAMESPACE}
        obj = {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
        await self._client.apply(obj, field_manager="demo", force=True)

    async def _get(self, api_version: str, kind: str, name: str) -> Object | None:
        return await self._client.get(api_version, kind, _NAMESPACE, name)

    async def _artifact(self, revision: str) -> Object:
        obj = await self._get(names.SOURCE_V1, names.GIT_REPOSITORY, "fleet")
        artifact: Object = dig(obj or {}, "status", "artifact", default={})
        return artifact if artifact.get("revision") == revision else {}

    async def _attempted(self, revision: str) -> bool:
        obj = await self._get(names.KUSTOMIZE_V1, names.KUSTOMIZATION, "apps")
        return bool(dig(obj or {}, "status", "lastAttemptedRevision") == revision)

    async def _applied(self) -> bool:
        return await self._client.get("apps/v1", "Deployment", sample.NAMESPACE, "web") is not None

    async def _ready(self, revision: str) -> str:
        obj = await self._get(names.KUSTOMIZE_V1, names.KUSTOMIZATION, "apps")
        ready = get_condition(obj or {}, "Ready")
        at = dig(obj or {}, "status", "lastAppliedRevision")
        return str(ready["message"]) if ready and ready["status"] == "True" and at == revision else ""

    async def _refusal(self) -> str:
        obj = await self._get(names.KUSTOMIZE_V1, names.KUSTOMIZATION, "apps")
        ready = get_condition(obj or {}, "Ready")
        return f"{ready['reason']}: {ready['message']}" if ready and ready["status"] == "False" else ""
