"""Delete and deletecollection: finalizers, grace, propagation, preconditions.

Source: `rest.BeforeDelete` and the generic registry store of k8s.io/apiserver.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fluvial.controlplane.bodies import read_body
from fluvial.controlplane.commit import is_finished
from fluvial.controlplane.conversion import to_storage
from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.forms import list_json
from fluvial.controlplane.reading import list_options
from fluvial.controlplane.request import Answer, Call
from fluvial.controlplane.selecting import select
from fluvial.controlplane.store import Entry
from fluvial.controlplane.strategies import default_grace
from fluvial.controlplane.tables import Tables
from fluvial.gotext import rfc3339
from fluvial.objects import Object
from fluvial.wire import DeleteOptions, status
from fluvial.wire.options import OptionsError

CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
# Kinds whose deletion is answered with their last state (ReturnDeletedObject in pkg/registry); others get a Status.
_SHOWN_WHEN_GONE = frozenset(
    {
        "namespaces",
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "podtemplates",
        "resourcequotas",
        "serviceaccounts",
        "services",
        "csidrivers.storage.k8s.io",
        "csinodes.storage.k8s.io",
        "deviceclasses.resource.k8s.io",
        "resourceclaims.resource.k8s.io",
        "resourceclaimtemplates.resource.k8s.io",
        "resourceslices.resource.k8s.io",
        "storageclasses.storage.k8s.io",
        "volumeattachments.storage.k8s.io",
        "volumeattributesclasses.storage.k8s.io",
    }
)
_FINALIZER_OF = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}


def handle_delete(core: Core, call: Call) -> Answer:
    """DELETE of one object: a Status when it is gone, the object when it waits for something."""
    options = _options(call)
    entry = core.existing(call.resource, call.namespace, call.name)
    left = delete(core, call, entry, options)
    if isinstance(left, Entry):
        resource = call.resource
        if resource.storage in _SHOWN_WHEN_GONE:
            return Answer(200, left.object())
        return Answer(200, status.success(name=call.name, group=resource.group, kind=resource.plural, uid=entry.uid))
    return Answer(200, left)


def handle_delete_collection(core: Core, tables: Tables, call: Call) -> Answer:
    """DELETE of a collection; answers with what was there."""
    options = _options(call)
    listed = list_options(call)
    selection = select(call.resource, listed.label_selector, listed.field_selector)
    entries = [e for e in core.store.scan(call.resource.storage, call.namespace) if selection.matches(e)]
    if listed.limit:
        entries = entries[: listed.limit]
    for entry in entries:
        one = _call_for(call, entry)
        current = core.entry(call.resource, one.namespace, one.name)
        if current is not None:  # an owner's end may have taken it along
            delete(core, one, current, options)
    metadata = {"resourceVersion": str(core.store.revision)}
    return Answer(200, list_json(core, tables, call, entries, metadata))


def _call_for(call: Call, entry: Entry) -> Call:
    return Call(
        verb="delete",
        resource=call.resource,
        namespace=entry.namespace,
        name=entry.name,
        subresource="",
        user=call.user,
        user_agent=call.user_agent,
        query=call.query,
        dry_run=call.dry_run,
    )


def _options(call: Call) -> DeleteOptions:
    body: dict[str, Any] | None = None
    if call.body.strip():
        body = read_body(call, "DeleteOptions")
    try:
        options = DeleteOptions.parse(dict(call.query), body)
    except OptionsError as error:
        raise StatusError(error.status) from error
    call.dry_run = options.dry_run
    return options


def delete(core: Core, call: Call, entry: Entry, options: DeleteOptions) -> Object | Entry:
    """Delete one object, or mark it for deletion; returns what is left of it, or its last entry when it is gone.

    Raises:
        StatusError: 409 when a precondition does not hold, 403 from admission.
    """
    resource = call.resource
    _check_preconditions(call, entry, options)
    obj = core.object_in(resource, entry)
    for step in core.admission:
        step(call, obj, None)
    metadata = obj["metadata"]
    before = (metadata.get("deletionTimestamp"), list(metadata.get("finalizers") or ()))
    _set_finalizers(metadata, options.propagation)
    special = _ON_DELETE.get(resource.storage)
    if special is not None:
        special(core, obj)
    else:
        _mark(core, metadata, _grace(core, call, obj, options))
    generation = metadata.get("generation")
    if generation is not None and before[0] is None and special is None:
        metadata["generation"] = generation + 1  # the wish to be gone is a change of the desired state
    if is_finished(obj):
        if call.dry_run:
            return entry
        # Only a kind with grace was marked before it went; of others watches see the state as it was.
        last = _stored(call, obj) if resource.storage == "pods" else None
        return core.store.delete(resource.storage, entry.key, last)
    if call.dry_run or before == (metadata["deletionTimestamp"], list(metadata.get("finalizers") or ())):
        return obj
    core.store.put(resource.storage, entry.key, _stored(call, obj))
    return core.object_in(resource, core.existing(resource, call.namespace, call.name))


def _stored(call: Call, obj: Object) -> Object:
    return to_storage(call.resource, obj)


def _check_preconditions(call: Call, entry: Entry, options: DeleteOptions) -> None:
    resource = call.resource
    if options.uid and options.uid != entry.uid:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({entry.uid}). The object"
            " might have been deleted and then recreated"
        )
        raise StatusError(status.conflict(resource.kind, call.name, resource.group, why))
    if options.resource_version and options.resource_version != str(entry.revision):
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion"
            f" in record ({entry.revision}). The object might have been modified"
        )
        raise StatusError(status.conflict(resource.kind, call.name, resource.group, why))


def _set_finalizers(metadata: dict[str, Any], propagation: str) -> None:
    """Let the collector work before the object goes, as the propagation policy says."""
    finalizers = [name for name in metadata.get("finalizers") or () if propagation == "" or name not in _GC_FINALIZERS]
    if propagation in _FINALIZER_OF:
        finalizers.append(_FINALIZER_OF[propagation])
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)


_GC_FINALIZERS = frozenset(_FINALIZER_OF.values())


def _grace(core: Core, call: Call, obj: Object, options: DeleteOptions) -> int:
    default = default_grace(call.resource, obj)
    if default is None:
        return 0
    grace = default if options.grace_seconds is None else max(0, options.grace_seconds)
    if default == 0:
        grace = 0
    held = obj["metadata"].get("deletionGracePeriodSeconds")
    return grace if held is None else min(grace, int(held))


def _mark(core: Core, metadata: dict[str, Any], grace: int) -> None:
    held = metadata.get("deletionGracePeriodSeconds")
    if metadata.get("deletionTimestamp") and (held is None or grace >= held):
        return
    metadata["deletionTimestamp"] = rfc3339(core.now() + timedelta(seconds=grace))
    metadata["deletionGracePeriodSeconds"] = grace


def _end_namespace(core: Core, obj: Object) -> None:
    """A Namespace has no grace; its content goes first."""
    obj["metadata"].setdefault("deletionTimestamp", core.timestamp())
    obj["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}


def _end_definition(core: Core, obj: Object) -> None:
    """A CustomResourceDefinition waits until its objects are gone."""
    metadata = obj["metadata"]
    if metadata.get("deletionTimestamp"):
        return
    metadata["deletionTimestamp"] = core.timestamp()
    if CLEANUP_FINALIZER not in (metadata.get("finalizers") or ()):
        metadata["finalizers"] = [*(metadata.get("finalizers") or ()), CLEANUP_FINALIZER]
    pending = {
        "type": "Terminating",
        "status": "True",
        "lastTransitionTime": core.timestamp(),
        "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    }
    status_of = dict(obj.get("status") or {})
    held = [c for c in status_of.get("conditions") or () if c["type"] != "Terminating"]
    obj["status"] = {**status_of, "conditions": [*held, pending]}


_ON_DELETE = {
    "namespaces": _end_namespace,
    "customresourcedefinitions.apiextensions.k8s.io": _end_definition,
}
