"""Admission: nothing is created in a namespace that is absent or on its way out.

Source: the NamespaceLifecycle plugin and `rest.BeforeCreate` of k8s.io/apiserver.
"""

from __future__ import annotations

from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.request import Call
from fluvial.objects import Object
from fluvial.wire import status
from fluvial.wire.status import Cause

_PERMANENT = frozenset({"default", "kube-system", "kube-public"})


def namespace_lifecycle(core: Core, call: Call, old: Object | None, new: Object | None) -> Object | None:
    """Refuse creations in absent and terminating namespaces, and the deletion of the permanent ones.

    Raises:
        StatusError: 403 or 404.
    """
    resource = call.resource
    if new is None:
        if resource.storage == "namespaces" and call.name in _PERMANENT:
            raise StatusError(status.forbidden("namespaces", call.name, "this namespace may not be deleted"))
        return None
    if old is not None or not resource.namespaced:
        return new
    namespace = core.store.get("namespaces", call.namespace)
    if namespace is None:
        raise StatusError(status.not_found("namespaces", call.namespace))
    if b'"deletionTimestamp"' in namespace.data and namespace.object()["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {call.namespace} because it is being terminated"
        cause = Cause("NamespaceTerminating", f"namespace {call.namespace} is being terminated", "metadata.namespace")
        name = new["metadata"].get("name", "")
        raise StatusError(status.forbidden(resource.plural, name, why, resource.group, [cause]))
    return new
