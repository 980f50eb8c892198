"""From a path to the handler that answers it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fluvial.controlplane.core import Core
from fluvial.controlplane.deleting import handle_delete, handle_delete_collection
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.forms import entry_json, object_json
from fluvial.controlplane.reading import handle_get, handle_list
from fluvial.controlplane.request import Answer, Call
from fluvial.controlplane.reviews import handle_review, is_review
from fluvial.controlplane.subresources import handle_subresource
from fluvial.controlplane.tables import Tables
from fluvial.controlplane.watching import Watchers, open_watch
from fluvial.controlplane.writing import handle_create, handle_patch, handle_update
from fluvial.wire import status


@dataclass(slots=True)
class Router:
    """Answers resource requests."""

    core: Core
    tables: Tables = field(default_factory=Tables)
    watchers: Watchers = field(default_factory=Watchers)

    def answer(self, call: Call) -> Answer | AsyncIterator[bytes]:
        """Carry out a request; a watch comes back as its stream.

        Raises:
            StatusError: the request is refused.
        """
        self._check_verb(call)
        core = self.core
        core.authorise(call)
        if is_review(call.resource.storage):
            return handle_review(core, call)
        if call.subresource and call.subresource != "status":
            return handle_subresource(core, self.tables, call)
        match call.verb:
            case "get":
                return handle_get(core, self.tables, call)
            case "list":
                return handle_list(core, self.tables, call)
            case "watch":
                return open_watch(core, self.tables, self.watchers, call)
            case "create":
                return self._shown(call, handle_create(core, call))
            case "update":
                return self._shown(call, handle_update(core, call))
            case "patch":
                return self._shown(call, handle_patch(core, call))
            case "delete":
                return self._shown(call, handle_delete(core, call))
            case "deletecollection":
                return handle_delete_collection(core, self.tables, call)

    def _check_verb(self, call: Call) -> None:
        resource = call.resource
        verbs = resource.verbs
        if call.subresource:
            sub = resource.subresources.get(call.subresource)
            if sub is None:
                raise StatusError(status.no_such_resource())
            verbs = sub.verbs
        misplaced = bool(call.name) if call.verb == "create" and not call.subresource else False
        if call.verb in ("update", "patch", "delete"):
            misplaced = not call.name
        if call.verb not in verbs or misplaced:
            raise StatusError(status.method_not_allowed())

    def _shown(self, call: Call, answer: Answer) -> Answer:
        """Give the answer to a write the form that was asked for; Status objects stay as they are."""
        body: Any = answer.body
        if call.form.shape == "object":
            return answer
        if isinstance(body, bytes):
            entry = self.core.entry(call.resource, call.namespace, call.name)
            if entry is not None:
                return Answer(answer.code, entry_json(self.core, self.tables, call, entry), answer.headers)
            body = msgspec.json.decode(body)
        if body.get("kind") == "Status":
            return answer
        return Answer(answer.code, object_json(self.core, self.tables, call, body), answer.headers)
