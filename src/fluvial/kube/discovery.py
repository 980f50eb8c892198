"""What the server serves: aggregated discovery, with the old one-by-one form for servers that lack it.

The index is fetched once and again when a kind is not in it. Callers that miss at the same moment share one fetch; a
fetch that began before somebody asked does not answer him, since the kind may have been made in between.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fluvial.kube.channel import Call, Channel, Identity
from fluvial.kube.errors import ApiError, DiscoveryIncomplete, NotServed, Unreachable
from fluvial.kube.resources import Resource
from fluvial.objects import split_api_version
from fluvial.wire import media

_MISS_AGE = 1.0  # seconds that an answer "no such kind" stands, so that a plan with a thousand of them asks once


@dataclass(frozen=True, slots=True)
class Index:
    """One complete look at what a server serves.

    Attributes:
        resources: in the server's order: groups by priority, in each group the preferred version first.
        failed: group/version (or group) → why it could not be told.
    """

    resources: tuple[Resource, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    def find(self, api_version: str, kind: str) -> Resource | None:
        for resource in self.resources:
            if resource.kind == kind and resource.api_version == api_version:
                return resource
        return None

    def lacks_answer_for(self, api_version: str) -> bool:
        """Whether the group or version that `api_version` names is among the failed."""
        group, _ = split_api_version(api_version)
        return any(failed == api_version or split_api_version(failed)[0] == group for failed in self.failed)


class Discovery:
    """The cached index of one server."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._index: Index | None = None
        self._by_name: dict[tuple[str, str], Resource] = {}
        self._misses: dict[tuple[str, str], float] = {}
        self._fetch: asyncio.Task[Index] | None = None
        self._has_begun = False  # whether the fetch has asked the server yet
        self.changes = 0

    async def resource(self, api_version: str, kind: str, *, fresh: bool = False) -> Resource:
        """Return one kind; rediscover once if it is not known. `fresh` does not trust a miss of a moment ago."""
        found = self._by_name.get((api_version, kind))
        if found is not None:
            return found
        if self._index is None and not fresh:
            await self.index()
            found = self._by_name.get((api_version, kind))
            if found is not None:
                return found
        index = self._index
        if fresh or index is None or not self._missed_lately(api_version, kind):
            index = await self.refresh()
            found = self._by_name.get((api_version, kind))
            if found is not None:
                return found
            self._misses[api_version, kind] = asyncio.get_running_loop().time()
        if index.lacks_answer_for(api_version):
            raise DiscoveryIncomplete(index.failed, index.resources)
        raise NotServed(api_version, kind)

    async def index(self) -> Index:
        """Return the cached index, fetched if there is none; a fetch under way will do."""
        if self._index is not None:
            return self._index
        return await (asyncio.shield(self._fetch) if self._fetch is not None else self.refresh())

    async def refresh(self) -> Index:
        """Fetch the index anew, in a fetch that began after this call; those who call meanwhile share it."""
        if self._fetch is not None and self._has_begun:
            await asyncio.wait([self._fetch])
        if self._fetch is None:
            self._has_begun = False
            self._fetch = asyncio.get_running_loop().create_task(self._load(), name="discovery")
            self._fetch.add_done_callback(self._fetched)
        return await asyncio.shield(self._fetch)

    def forget(self, api_version: str = "", kind: str = "") -> None:
        """Distrust the cache: one kind (a 404 for a path that should exist), or only the misses (a CRD was written)."""
        self._misses.clear()
        if kind:
            self._by_name.pop((api_version, kind), None)

    def close(self) -> None:
        if self._fetch is not None:
            self._fetch.cancel()

    def _missed_lately(self, api_version: str, kind: str) -> bool:
        missed = self._misses.get((api_version, kind))
        return missed is not None and asyncio.get_running_loop().time() < missed + _MISS_AGE

    def _fetched(self, task: "asyncio.Task[Index]") -> None:
        self._fetch = None
        if task.cancelled() or task.exception() is not None:
            return
        index = task.result()
        if self._index is None or index.resources != self._index.resources:
            self.changes += 1
        self._index = index
        self._by_name = {(item.api_version, item.kind): item for item in reversed(index.resources)}
        self._misses.clear()

    async def _load(self) -> Index:
        self._has_begun = True
        core, groups = await asyncio.gather(self._document("/api"), self._document("/apis"))
        if _is_aggregated(core) and _is_aggregated(groups):
            return _merge([_read_aggregated(core), _read_aggregated(groups)])
        return await self._one_by_one(core, groups)

    async def _document(self, path: str) -> Mapping[str, Any]:
        call = Call(method="GET", path=path, accept=media.ACCEPT_DISCOVERY, idempotent=True, resource="discovery")
        _, body = await self._channel.call(call, Identity())
        value = msgspec.json.decode(body)
        return value if isinstance(value, dict) else {}

    async def _one_by_one(self, core: Mapping[str, Any], groups: Mapping[str, Any]) -> Index:
        wanted = [f"/api/{version}" for version in core.get("versions") or ()]
        for group in groups.get("groups") or ():
            preferred = (group.get("preferredVersion") or {}).get("groupVersion", "")
            versions = [version["groupVersion"] for version in group.get("versions") or ()]
            wanted += [f"/apis/{version}" for version in sorted(versions, key=lambda version: version != preferred)]
        return _merge(await asyncio.gather(*map(self._group_version, wanted)))

    async def _group_version(self, path: str) -> Index:
        api_version = path.split("/", 2)[2]
        try:
            document = await self._document(path)
        except (ApiError, Unreachable) as error:
            return Index((), {api_version: str(error)})
        return Index(tuple(_read_list(api_version, document.get("resources") or ())))


def _is_aggregated(document: Mapping[str, Any]) -> bool:
    return document.get("kind") == "APIGroupDiscoveryList"


def _merge(indexes: Sequence[Index]) -> Index:
    failed: dict[str, str] = {}
    for index in indexes:
        failed.update(index.failed)
    return Index(tuple(resource for index in indexes for resource in index.resources), failed)


def _read_aggregated(document: Mapping[str, Any]) -> Index:
    resources: list[Resource] = []
    failed: dict[str, str] = {}
    for group in document.get("items") or ():
        name = (group.get("metadata") or {}).get("name", "")
        for version in group.get("versions") or ():
            api_version = f"{name}/{version['version']}" if name else version["version"]
            if version.get("freshness") == "Stale":
                failed[api_version] = "stale GroupVersion discovery: " + api_version
                continue
            resources += [_aggregated(name, version["version"], item) for item in version.get("resources") or ()]
    return Index(tuple(resource for resource in resources if resource.kind), failed)


def _aggregated(group: str, version: str, item: Mapping[str, Any]) -> Resource:
    kind = item.get("responseKind") or {}
    return Resource(
        group=group,
        version=version,
        kind=kind.get("kind", ""),
        plural=item["resource"],
        namespaced=item.get("scope") == "Namespaced",
        verbs=frozenset(item.get("verbs") or ()),
        singular=item.get("singularResource", ""),
        short_names=tuple(item.get("shortNames") or ()),
        categories=tuple(item.get("categories") or ()),
        subresources=frozenset(sub["subresource"] for sub in item.get("subresources") or ()),
    )


def _read_list(api_version: str, items: Sequence[Mapping[str, Any]]) -> list[Resource]:
    group, version = split_api_version(api_version)
    subresources: dict[str, set[str]] = {}
    for item in items:
        plural, slash, sub = item["name"].partition("/")
        if slash:
            subresources.setdefault(plural, set()).add(sub)
    return [
        Resource(
            group=group,
            version=version,
            kind=item["kind"],
            plural=item["name"],
            namespaced=bool(item.get("namespaced")),
            verbs=frozenset(item.get("verbs") or ()),
            singular=item.get("singularName", ""),
            short_names=tuple(item.get("shortNames") or ()),
            categories=tuple(item.get("categories") or ()),
            subresources=frozenset(subresources.get(item["name"], ())),
        )
        for item in items
        if "/" not in item["name"]
    ]
