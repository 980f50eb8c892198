"""The control plane: requests in, answers out, with its controllers behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import msgspec

from fluvial.controlplane.access import Access
from fluvial.controlplane.admission import install_admission
from fluvial.controlplane.audit import AuditRecord
from fluvial.controlplane.background import assemble
from fluvial.controlplane.bootstrap import bootstrap
from fluvial.controlplane.core import Core
from fluvial.controlplane.discovery import Discovery
from fluvial.controlplane.documents import Documents
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.faults import Faults, ServerFault
from fluvial.controlplane.forms import in_format
from fluvial.controlplane.request import ADMIN, Answer, Call, User
from fluvial.controlplane.resources import Registry
from fluvial.controlplane.routes import Router
from fluvial.controlplane.schemas import builtin_kinds
from fluvial.controlplane.settings import Settings
from fluvial.controlplane.store import MemoryStore
from fluvial.net import Handler, ReplyLost, Server, ServerRequest, ServerResponse, make_server_tls, serve
from fluvial.stdx import Chance, Clock
from fluvial.wire import ResourcePath, is_true, media, parse_path, parse_query, status, verb_of

_NOT_FOUND = ServerResponse(
    404, {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}, b"404 page not found\n"
)
_ACCEPTABLE = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_WATCHABLE = (*_ACCEPTABLE, "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")


class ControlPlane:
    """An API server in this process. Everything that it does happens on the loop that `start` ran on.

    `handle` answers requests of trusted callers (as system:admin); `secured` is the same for callers that must show a
    token; `serve_tls` puts the latter on a socket.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        chance: Chance,
        store: MemoryStore | None = None,
        settings: Settings | None = None,
        audit: Callable[[AuditRecord], None] | None = None,
        faults: Faults | None = None,
    ) -> None:
        """
        Args:
            store: a `MemoryStore` (the default) or a `SqliteStore`; `stop` closes it.
            audit: told of each request when it was answered (a list's `append` will do).
            faults: asked about each request before it is handled.
        """
        self.settings = settings or Settings()
        self.core = Core(store or MemoryStore(), Registry(builtin_kinds()), clock, chance, self.settings)
        self.audit = audit
        self.faults = faults
        self._router = Router(self.core)
        self._documents = Documents(self.core.registry)
        self._discovery = Discovery(self.core.registry, self.settings.server_address)
        self._engine = assemble(self.core, self._router.watchers)
        install_admission(self.core)

    async def start(self) -> None:
        """Make what every cluster has (namespaces, the kubernetes Service) and start the controllers."""
        bootstrap(self.core)
        self._engine.start()

    async def stop(self) -> None:
        """End watches and controllers, and close the store. Repeatable."""
        self._router.watchers.closing = True
        self._router.watchers.cut()
        self._engine.stop()
        self.core.store.close()

    def cut_watches(self) -> int:
        """End every running watch and tell how many."""
        return self._router.watchers.cut()

    def compact(self) -> None:
        """Forget all that happened so far: older watches and lists get 410."""
        self.core.store.compact()

    async def handle(self, request: ServerRequest) -> ServerResponse:
        """Answer a request of a trusted caller."""
        return await self._answer(request, ADMIN)

    def secured(self, access: Access) -> Handler:
        """Return a handler that asks for the token of `access`; others get 401."""
        self.core.authenticate = lambda token: ADMIN if access.accepts(f"Bearer {token}") else None

        async def handler(request: ServerRequest) -> ServerResponse:
            if not access.accepts(request.headers.get("authorization", "")):
                return _status_response(status.unauthorized())
            return await self._answer(request, ADMIN)

        return handler

    async def serve_tls(
        self, access: Access, *, host: str = "127.0.0.1", port: int = 0, hosts: tuple[str, ...] | None = None
    ) -> Server:
        """Listen with TLS for callers that have the token. See `net.serve` for the arguments and errors."""
        tls = make_server_tls(certificate=access.certificate, key=access.key)
        limit = self.settings.body_limit + (64 << 10)  # the handler answers 413 with a Status for what is just above
        return await serve(self.secured(access), host, port, tls=tls, hosts=hosts, body_limit=limit)

    async def _answer(self, request: ServerRequest, user: User) -> ServerResponse:
        path = parse_path(request.path)
        user, impersonator = _impersonated(request, user)
        query = parse_query(request.query)
        record = _record(request, path, query, user, impersonator)
        fault = self.faults(record) if self.faults is not None else None
        if fault is not None and (refused := await self._strike(fault)) is not None:
            self._tell(replace(record, status=refused.status))
            return refused
        revision = self.core.store.revision
        try:
            if path is None:
                response = self._non_resource(request)
            else:
                response = self._resource(request, path, query, user)
        except StatusError as error:
            response = _status_response(error.status, error.headers)
        except Exception as error:
            # A mistake of ours, or a disk that fails: the client gets an answer, the loop's handler the cause.
            response = _status_response(status.internal_error(str(error)))
            context = {"message": f"{request.method} {request.path} failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
        written = self.core.store.revision != revision
        self._tell(replace(record, status=response.status, writes=written))
        if fault is not None:
            if fault.reply_delay:
                await asyncio.sleep(fault.reply_delay)
            if fault.lose_reply:
                raise ReplyLost("the connection was closed before the reply")
        return response

    async def _strike(self, fault: ServerFault) -> ServerResponse | None:
        """Carry out what a fault does before the request is handled; returns the answer if it replaces it."""
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.compact:
            self.compact()
        if fault.cut_watches:
            self.cut_watches()
        if fault.answer is None:
            return None
        headers = {"retry-after": str(fault.retry_after)} if fault.retry_after else {}
        return _status_response(fault.answer, headers)

    def _tell(self, record: AuditRecord) -> None:
        if self.audit is not None:
            self.audit(record)

    def _resource(
        self, request: ServerRequest, path: ResourcePath, query: dict[str, str], user: User
    ) -> ServerResponse:
        resource = self.core.registry.find(path.group, path.version, path.resource)
        if resource is None:
            return self._unknown(path)
        call = _call(request, path, query, user, resource)
        if len(request.body) > self.settings.body_limit:
            raise StatusError(status.too_large(self.settings.body_limit))
        answer = self._router.answer(call)
        headers = {"content-type": call.form.content_type, "cache-control": "no-cache, private"}
        if resource.custom is not None and resource.custom.deprecation:
            call.warnings.append(resource.custom.deprecation)
        if call.warnings:
            headers["warning"] = ", ".join(f'299 - "{_quoted(text)}"' for text in dict.fromkeys(call.warnings))
        if not isinstance(answer, Answer):
            return ServerResponse(200, headers, answer)
        body = answer.body if isinstance(answer.body, bytes) else msgspec.json.encode(answer.body)
        return ServerResponse(answer.code, {**headers, **answer.headers}, in_format(call.form, body))

    def _unknown(self, path: ResourcePath) -> ServerResponse:
        if path.group and path.group not in self.core.registry.group_versions():
            return _NOT_FOUND
        return _status_response(status.no_such_resource())

    def _non_resource(self, request: ServerRequest) -> ServerResponse:
        accept = request.headers.get("accept", "")
        document = self._documents.answer(request.path, request.query, accept)
        if document is not None:
            return document
        form = media.negotiate_discovery(accept)
        if form is None:
            raise StatusError(status.not_acceptable(_ACCEPTABLE))
        answer = self._discovery.answer(request.path, form)
        if answer is None:
            return _NOT_FOUND
        headers = {"content-type": "application/json", **answer.headers}
        return ServerResponse(answer.code, headers, answer.body)


def _call(request: ServerRequest, path: ResourcePath, query: dict[str, str], user: User, resource: Any) -> Call:
    verb = verb_of(request.method, path, watch=is_true(query.get("watch", "")))
    if verb is None:
        raise StatusError(status.method_not_allowed())
    accept = request.headers.get("accept", "")
    form = media.negotiate(accept)
    if form is None:
        raise StatusError(_not_acceptable(accept, collection=not path.name))
    namespace = path.namespace if resource.namespaced else ""
    return Call(
        verb=verb,
        resource=resource,
        namespace=namespace,
        name=path.name,
        subresource=path.subresource,
        user=user,
        user_agent=request.headers.get("user-agent", ""),
        query=query,
        content_type=request.headers.get("content-type", ""),
        body=request.body,
        form=form,
    )


def _not_acceptable(accept: str, *, collection: bool) -> status.Status:
    """Return the refusal: a form that is not known of a type that is, or a type that is not known."""
    if any(part.name in media.SERVED for part in media.parse_accept(accept)):
        return status.unsupported_form(_ACCEPTABLE)
    return status.not_acceptable(_WATCHABLE if collection else _ACCEPTABLE)


def _record(
    request: ServerRequest, path: ResourcePath | None, query: dict[str, str], user: User, impersonator: str
) -> AuditRecord:
    agent = request.headers.get("user-agent", "")
    if path is None:
        return AuditRecord(
            verb=request.method.lower(),
            path=request.path,
            user=user.name,
            impersonator=impersonator,
            user_agent=agent,
        )
    verb = verb_of(request.method, path, watch=is_true(query.get("watch", "")))
    return AuditRecord(
        verb=verb or request.method.lower(),
        path=request.path,
        group=path.group,
        resource=path.resource,
        subresource=path.subresource,
        namespace=path.namespace,
        name=path.name,
        user=user.name,
        impersonator=impersonator,
        user_agent=agent,
        dry_run=query.get("dryRun") == "All",
    )


def _impersonated(request: ServerRequest, user: User) -> tuple[User, str]:
    """Return who the request acts as, and who sent it when that is another."""
    name = request.headers.get("impersonate-user")
    if not name:
        return user, ""
    groups = [part.strip() for part in request.headers.get("impersonate-group", "").split(",") if part.strip()]
    extra = {
        unquote(key.removeprefix("impersonate-extra-")): (value,)
        for key, value in request.headers.items()
        if key.startswith("impersonate-extra-")
    }
    if "system:authenticated" not in groups and name != "system:anonymous":
        groups.append("system:authenticated")
    return User(name, tuple(groups), request.headers.get("impersonate-uid", ""), extra), user.name


def _status_response(body: status.Status, headers: dict[str, str] | None = None) -> ServerResponse:
    shown = {"content-type": "application/json", "cache-control": "no-cache, private", **(headers or {})}
    retry = (body.get("details") or {}).get("retryAfterSeconds")
    if retry:
        shown.setdefault("retry-after", str(retry))
    return ServerResponse(body["code"], shown, msgspec.json.encode(body) + b"\n")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
