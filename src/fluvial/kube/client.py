"""The client: one method per thing one can ask of an API server."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import msgspec

from fluvial.kube.channel import Call, Channel, Identity
from fluvial.kube.credentials import Credentials
from fluvial.kube.discovery import Discovery
from fluvial.kube.errors import ApiError, DiscoveryIncomplete, Expired, Unreachable
from fluvial.kube.gates import RateLimit
from fluvial.kube.paths import collection_path, needs_namespace, object_path
from fluvial.kube.resources import Applied, ObjectList, Resource
from fluvial.kube.watching import WatchStream
from fluvial.net import Transport
from fluvial.objects import Object, Ref
from fluvial.stdx import NO_METRICS, Chance, Metrics
from fluvial.wire import DeleteOptions, ListOptions, WatchEvent, WriteOptions, build_query, media

_WATCH_SECONDS = (300.0, 600.0)  # a watch asks for a time in between, as client-go's reflector does
_WATCH_GRACE = 30.0  # seconds beyond that after which a silent connection counts as dead
_RESUME_DELAYS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds between attempts to resume a broken watch


class Client:
    """Talks to one API server under one identity. Clients of other identities share its connections and gates.

    Every method raises `ApiError` when the server says no and `Unreachable` when it doesn't answer; those that take a
    kind raise `NotServed` or `DiscoveryIncomplete` when it is not known. Objects given are not changed; objects
    returned are the caller's own.
    """

    def __init__(
        self,
        server: str,
        transport: Transport,
        *,
        credentials: Credentials | None = None,
        user_agent: str = "fluvial",
        chance: Chance,
        metrics: Metrics = NO_METRICS,
        max_writes: int = 16,
        qps: float = 0.0,
        burst: int = 0,
    ) -> None:
        """
        Args:
            server: URL of the API server, a path prefix included.
            chance: spreads the ends of watches.
            max_writes: writes in flight at once, over all identities.
            qps: requests per second over all identities, 0 for no limit; `burst` may go at once.
        """
        self._channel = Channel(
            server,
            transport,
            credentials=credentials,
            user_agent=user_agent,
            metrics=metrics,
            max_writes=max_writes,
            rate_limit=RateLimit(qps, burst),
        )
        self._discovery = Discovery(self._channel)
        self._chance = chance
        self._who = Identity()

    @property
    def server(self) -> str:
        return self._channel.server

    @property
    def identity(self) -> str:
        """Names server and identity, for caches that must not mix them."""
        who = self._who
        return f"{self.server}|{who.user}|{','.join(who.groups)}" if who.user else self.server

    def impersonate(self, user: str, groups: Sequence[str] = ()) -> "Client":
        """Return a client that acts as `user` (and `groups`), over the same connections.

        Raises:
            ValueError: `user` is empty: such a request would run with our own rights.
        """
        if not user:
            raise ValueError("impersonation needs a user name")
        other = Client.__new__(Client)
        other._channel, other._discovery, other._chance = self._channel, self._discovery, self._chance
        other._who = Identity(user, tuple(groups))
        return other

    async def close(self) -> None:
        """Close all connections, also those of impersonating clients."""
        self._discovery.close()
        await self._channel.close()

    # -- what is served

    async def resource(self, api_version: str, kind: str, *, fresh: bool = False) -> Resource:
        """Return one kind. `fresh` does not trust a "no such kind" of a moment ago, as after a CRD became
        Established."""
        return await self._discovery.resource(api_version, kind, fresh=fresh)

    async def resources(self, *, refresh: bool = False) -> list[Resource]:
        """Return everything that is served, preferred versions first.

        Raises:
            DiscoveryIncomplete: some group did not answer; what did is in `error.found`.
        """
        index = await (self._discovery.refresh() if refresh else self._discovery.index())
        if index.failed:
            raise DiscoveryIncomplete(index.failed, index.resources)
        return list(index.resources)

    @property
    def discovery_changes(self) -> int:
        """How often what is served was seen to differ from before; a new number puts watches in doubt."""
        return self._discovery.changes

    async def version(self) -> dict[str, Any]:
        """Return the server's /version document (`gitVersion`, `major`, `minor`, …)."""
        _, body = await self._channel.call(Call(method="GET", path="/version", idempotent=True), self._who)
        value = msgspec.json.decode(body)
        return value if isinstance(value, dict) else {}

    # -- reading

    async def get(
        self, api_version: str, kind: str, namespace: str, name: str, *, metadata_only: bool = False
    ) -> Object | None:
        """Return the object by a quorum read, or None when the server says that this object does not exist.

        A 404 for the path itself is not None but `NotServed`: a kind that went away says nothing about its objects.
        """
        resource = await self.resource(api_version, kind)
        path = object_path(resource, namespace, name)
        accept = media.METADATA if metadata_only else media.JSON
        call = Call(method="GET", path=path, accept=accept, idempotent=True, resource=resource.plural)
        try:
            _, body = await self._channel.call(call, self._who)
        except ApiError as error:
            if error.is_not_found and await self._object_is_gone(error, resource, name):
                return None
            raise
        return _typed(_decode(body), resource)

    async def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
        limit: int = 500,
        resource_version: str = "",
    ) -> ObjectList:
        """Return all objects, read in pages of `limit` (0 = in one).

        Args:
            namespace: None for all namespaces.
            resource_version: "" for the newest state, "0" for whatever the server has in its cache.
        Raises:
            Expired: the pages went out of date twice.
        """
        resource = await self.resource(api_version, kind)
        options = ListOptions(
            label_selector=labels, field_selector=fields, resource_version=resource_version, limit=limit
        )
        try:
            return await self._pages(resource, namespace, options, metadata_only)
        except Expired:
            if not limit:
                raise
            return await self._pages(resource, namespace, replace(options, limit=0), metadata_only)

    async def open_watch(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        resource_version: str = "",
        metadata_only: bool = False,
        send_initial_events: bool = False,
    ) -> WatchStream:
        """Start one watch request; it ends by itself after 5 to 10 minutes. Bookmarks are asked for.

        Args:
            resource_version: changes after it; "" with `send_initial_events` begins with the whole state.
        Raises:
            ApiError: 410 (`Expired`) when the version is too old; 400 or 422 when the server can't send initial events.
        """
        resource = await self.resource(api_version, kind)
        seconds = self._chance.uniform(*_WATCH_SECONDS)
        options = ListOptions(
            label_selector=labels,
            field_selector=fields,
            resource_version=resource_version,
            resource_version_match="NotOlderThan" if send_initial_events else "",
            timeout_seconds=int(seconds),
            allow_watch_bookmarks=True,
            send_initial_events=True if send_initial_events else None,
            watch=True,
        )
        call = Call(
            method="GET",
            path=collection_path(resource, namespace),
            query=options.query(),
            accept=media.METADATA if metadata_only else media.JSON,
            resource=resource.plural,
            timeout=seconds + _WATCH_GRACE,
            long_lived=True,
        )
        response = await self._channel.open(call, self._who)
        return WatchStream(response, resource.api_version, resource.kind, resource_version)

    async def watch(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        resource_version: str = "",
        metadata_only: bool = False,
        send_initial_events: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """Yield changes for ever, going on from the last version when a connection ends or breaks.

        Raises:
            Expired: list again; nothing can be resumed.
            ApiError: the server refuses the watch.
        """
        failures = 0
        while True:
            try:
                stream = await self.open_watch(
                    api_version,
                    kind,
                    namespace,
                    labels=labels,
                    fields=fields,
                    resource_version=resource_version,
                    metadata_only=metadata_only,
                    send_initial_events=send_initial_events and not resource_version,
                )
                async with stream:
                    async for event in stream:
                        failures = 0
                        resource_version = stream.resource_version
                        yield event
            except Unreachable:
                failures += 1
            except ApiError as error:
                if not (error.is_server_error or error.is_too_many_requests):
                    raise
                failures += 1
            await asyncio.sleep(_RESUME_DELAYS[min(failures, len(_RESUME_DELAYS) - 1)])

    # -- writing

    async def create(self, obj: Object, *, dry_run: bool = False, field_manager: str = "") -> Object:
        """Create and return the object. 409 with `is_already_exists` when it is there."""
        resource = await self._resource_of(obj)
        namespace = _namespace_of(obj)
        needs_namespace(resource, namespace, "an empty namespace may not be set during creation")
        query = WriteOptions(dry_run=dry_run, field_manager=field_manager).query()
        path = collection_path(resource, namespace)
        return (await self._write("POST", path, resource, obj, query=query, idempotent=dry_run))[1]

    async def update(self, obj: Object, *, subresource: str = "", field_manager: str = "") -> Object:
        """Replace the object (or a subresource); with a resourceVersion inside, 409 when it moved."""
        resource = await self._resource_of(obj)
        path = self._path_of(resource, Ref.of(obj), subresource)
        query = WriteOptions(field_manager=field_manager).query()
        return (await self._write("PUT", path, resource, obj, query=query))[1]

    async def patch(
        self,
        ref: Ref,
        patch: Any,
        *,
        kind: Literal["merge", "json", "strategic"],
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str = "",
    ) -> Object:
        """Patch and return the object. 404 (`is_not_found`) is an error here."""
        resource = await self.resource(ref.api_version, ref.kind)
        path = self._path_of(resource, ref, subresource)
        query = WriteOptions(dry_run=dry_run, field_manager=field_manager).query()
        content_type = media.PATCH_TYPES[kind]
        return (await self._write("PATCH", path, resource, patch, content_type, query=query, idempotent=dry_run))[1]

    async def apply(
        self,
        obj: Object,
        *,
        field_manager: str,
        force: bool = False,
        dry_run: bool = False,
        subresource: str = "",
        field_validation: Literal["", "Ignore", "Warn", "Strict"] = "",
    ) -> Applied:
        """Server-side apply. Idempotent, so a lost reply is repeated once before `Unreachable` is raised."""
        resource = await self._resource_of(obj)
        path = self._path_of(resource, Ref.of(obj), subresource)
        query = WriteOptions(
            dry_run=dry_run, field_manager=field_manager, field_validation=field_validation, force=force
        ).query()
        status, result = await self._write(
            "PATCH", path, resource, obj, media.APPLY_PATCH, query=query, idempotent=True
        )
        return Applied(result, created=status == 201)

    async def delete(
        self,
        ref: Ref,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: Literal["Background", "Foreground", "Orphan"] = "Background",
        dry_run: bool = False,
    ) -> None:
        """Ask for deletion; finalizers may keep the object for longer. An object that isn't there is not an error.

        Args:
            uid, resource_version: preconditions; 409 (`is_conflict`) means read and decide again.
        """
        resource = await self.resource(ref.api_version, ref.kind)
        path = self._path_of(resource, ref, "")
        options = DeleteOptions(dry_run=dry_run, uid=uid, resource_version=resource_version, propagation=propagation)
        try:
            # With a uid a repeat can never hit a successor of the same name.
            await self._write("DELETE", path, resource, options.body(), idempotent=bool(uid) or dry_run)
        except ApiError as error:
            if not (error.is_not_found and await self._object_is_gone(error, resource, ref.name)):
                raise

    async def raw(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        content_type: str = "",
        accept: str = media.JSON,
    ) -> bytes:
        """Return the body of any path ("/openapi/v2", "/readyz"); `path` is percent-encoded already."""
        reads = method in ("GET", "HEAD")
        call = Call(
            method=method,
            path=path,
            query=build_query(dict(query or {})),
            body=body,
            content_type=content_type,
            accept=accept,
            idempotent=reads,
            writes=not reads,
            resource=path,
        )
        return (await self._channel.call(call, self._who))[1]

    async def lines(self, path: str, *, query: Mapping[str, str] | None = None) -> AsyncIterator[str]:
        """Yield the lines of a text reply as they come (a pod's log), without their ends; for as long as it takes."""
        call = Call(
            method="GET", path=path, query=build_query(dict(query or {})), accept="*/*", timeout=None, long_lived=True
        )
        response = await self._channel.open(call, self._who)
        rest = b""
        try:
            async for chunk in response.chunks():
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    yield line.decode("utf-8", "replace")
            if rest:
                yield rest.decode("utf-8", "replace")
        finally:
            response.close()

    # -- parts

    async def _write(
        self,
        method: str,
        path: str,
        resource: Resource,
        body: Any,
        content_type: str = media.JSON,
        *,
        query: str = "",
        idempotent: bool = False,
    ) -> tuple[int, Object]:
        call = Call(
            method=method,
            path=path,
            query=query,
            body=msgspec.json.encode(body),
            content_type=content_type,
            idempotent=idempotent,
            writes=True,
            resource=resource.plural,
        )
        try:
            status, reply = await self._channel.call(call, self._who)
        except ApiError as error:
            if error.is_not_found and not error.details.get("kind"):
                await self._look_again(resource)
            raise
        if resource.plural in ("customresourcedefinitions", "apiservices"):
            self._discovery.forget()
        return status, _typed(_decode(reply), resource)

    async def _pages(
        self, resource: Resource, namespace: str | None, options: ListOptions, metadata_only: bool
    ) -> ObjectList:
        path = collection_path(resource, namespace)
        accept = media.METADATA_LIST if metadata_only else media.JSON
        items: list[Object] = []
        while True:
            call = Call(
                method="GET",
                path=path,
                query=options.query(),
                accept=accept,
                idempotent=True,
                resource=resource.plural,
            )
            _, body = await self._channel.call(call, self._who)
            page = _decode(body)
            items += [_typed(item, resource) for item in page.get("items") or ()]
            metadata = page.get("metadata") or {}
            token = metadata.get("continue") or ""
            if not token:
                return ObjectList(items, metadata.get("resourceVersion") or "")
            options = replace(options, continue_token=token, resource_version="")

    async def _object_is_gone(self, error: ApiError, resource: Resource, name: str) -> bool:
        """Tell "no such object" from "no such path"; the latter raises what a fresh discovery says."""
        if error.details.get("name") == name and error.details.get("kind"):
            return True
        await self._look_again(resource)
        return False

    async def _look_again(self, resource: Resource) -> None:
        """Raise NotServed if a path was not found because its kind is gone."""
        self._discovery.forget(resource.api_version, resource.kind)
        await self.resource(resource.api_version, resource.kind, fresh=True)

    async def _resource_of(self, obj: Object) -> Resource:
        return await self.resource(str(obj.get("apiVersion") or ""), str(obj.get("kind") or ""))

    def _path_of(self, resource: Resource, ref: Ref, subresource: str) -> str:
        text = "an empty namespace may not be set when a resource name is provided"
        needs_namespace(resource, ref.namespace, text)
        path = object_path(resource, ref.namespace, ref.name)
        return f"{path}/{subresource}" if subresource else path


def _namespace_of(obj: Object) -> str:
    return Ref.of(obj).namespace


def _decode(body: bytes) -> Object:
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise Unreachable(f"the server's reply is not valid JSON: {error}", maybe_done=True) from error
    if not isinstance(value, dict):
        raise Unreachable("the server's reply is not a JSON object", maybe_done=True)
    return value


def _typed(obj: Object, resource: Resource) -> Object:
    """Name the kind where the server leaves it out (items of lists) or names the envelope (metadata only)."""
    if obj.get("kind") in (None, "PartialObjectMetadata"):
        obj["apiVersion"] = resource.api_version
        obj["kind"] = resource.kind
    return obj
