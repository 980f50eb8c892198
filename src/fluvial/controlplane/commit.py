"""The end of every write: managed fields, admission, defaults, the kind's own rules, validation, the store.

The order is kube-apiserver's: decode → patch → default → managed fields → admission → keep the times of managed fields
→ strategy → validate → the form in which it comes back from the store → store. An update that changes nothing is not
written and keeps its resourceVersion.
"""

from __future__ import annotations

from typing import Any

from fluvial.controlplane import strategies
from fluvial.controlplane.allocation import allocate
from fluvial.controlplane.conversion import to_storage
from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import ObjectTooLarge, StatusError
from fluvial.controlplane.request import Call
from fluvial.controlplane.resources import Resource, key_of
from fluvial.controlplane.schemas import FieldError
from fluvial.controlplane.store import Entry
from fluvial.managedfields import keep_times, update
from fluvial.objects import Object
from fluvial.wire import status
from fluvial.wire.status import Cause

_NAME_TRIES = 8  # as upstream
_UNCHANGEABLE = frozenset({"metadata.name", "metadata.namespace", "metadata.uid", "metadata.finalizers"})
_SYSTEM_FIELDS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")


def managed_create(core: Core, call: Call, obj: Object) -> Object:
    """Return a new object with the managedFields of whoever creates it."""
    return _managed(core, call, None, obj)


def managed_update(core: Core, call: Call, old: Object, new: Object) -> Object:
    """Return a changed object with the managedFields that follow from the change."""
    return _managed(core, call, old, new)


def _managed(core: Core, call: Call, old: Object | None, new: Object) -> Object:
    resource = call.resource
    schema = resource.schema
    if not call.subresource:
        new = strategies.template_generation(resource.storage, old, new)
    return update(
        old,
        new,
        manager=call.manager,
        schema=schema.types,
        now=core.now(),
        api_version=resource.api_version,
        subresource=call.subresource,
        reset=schema.reset_fields(call.subresource),
        versions=lambda version: types_of(resource, version),
        empty=schema.empty,
    )


def types_of(resource: Resource, api_version: str) -> Any:
    """Return the type schema of the kind in another version, None when it is not served."""
    kind = resource.siblings(api_version)
    return kind.types if kind is not None else None


def create(core: Core, call: Call, obj: Object) -> tuple[Object, Entry | None]:
    """Store a decoded new object with its managedFields; the entry is None when this is a dry run.

    Raises:
        StatusError: 403, 404 (namespace), 409 (exists) or 422.
    """
    resource = call.resource
    metadata = obj["metadata"]
    if metadata.get("resourceVersion"):
        # Upstream has no better answer than an error without a reason.
        text = "resourceVersion should not be set on objects to be created"
        raise StatusError(status.make_status(500, "", text, details=False))
    obj = _admitted(core, call, None, obj)
    metadata = obj["metadata"] = dict(obj["metadata"])
    for field in _SYSTEM_FIELDS:
        metadata.pop(field, None)
    if not resource.namespaced:
        metadata.pop("namespace", None)
    name = _pick_name(core, call, metadata)
    metadata["uid"] = core.new_uid()
    metadata["creationTimestamp"] = core.timestamp()
    obj = allocate(core, resource.storage, None, strategies.prepare_create(resource, obj))
    schema = resource.schema
    refuse_invalid(resource, name, schema.validate_create(obj))
    call.warnings.extend(schema.warnings(obj))
    obj = schema.stored(obj)
    call.warnings += resource.schema.warnings(obj)
    existing = core.entry(resource, call.namespace, name)
    if existing is not None:
        generated = bool(metadata.get("generateName")) and not call.name
        builder = status.generate_name_conflict if generated else status.already_exists
        raise StatusError(builder(resource.plural, name, resource.group))
    return _store(core, call, obj, name)


def _pick_name(core: Core, call: Call, metadata: dict[str, Any]) -> str:
    name: str = metadata.get("name") or ""
    base = metadata.get("generateName")
    if name or not base:
        return name
    for _ in range(_NAME_TRIES):
        name = f"{base[:58]}{core.suffix()}"
        if core.entry(call.resource, call.namespace, name) is None:
            break
    metadata["name"] = name
    return name


def change(core: Core, call: Call, before: Entry, old: Object, new: Object) -> tuple[Object, Entry | None]:
    """Store a changed object with its managedFields; returns it, and its entry (None: dry run, or deleted by this).

    Args:
        before: what is stored.
        old: the same in the version of the call's resource; not changed.
        new: belongs to this function.
    Raises:
        StatusError: 403, 409 or 422.
    """
    resource = call.resource
    _check_identity(call, old, new)
    new = keep_times(old, _admitted(core, call, old, new))
    new = {**new, "metadata": _kept_metadata(old["metadata"], new["metadata"])}
    new = _prepare_change(core, call, old, new)
    if new == old:
        return old, before
    errors = resource.schema.validate_update(old, new, call.subresource)
    # Upstream checks what may not change in metadata twice, and lists it twice.
    again = [error for error in errors if error.field in _UNCHANGEABLE]
    refuse_invalid(resource, call.name, [*again, *errors])
    call.warnings.extend(resource.schema.warnings(new, old))
    new = resource.schema.stored(new)
    if new == old:
        return old, before
    call.warnings += resource.schema.warnings(new, old)
    if is_finished(new):
        return _remove(core, call, new), None
    return _store(core, call, new, call.name)


def _prepare_change(core: Core, call: Call, old: Object, new: Object) -> Object:
    if call.subresource == "status":
        return strategies.prepare_status(call.resource, old, new)
    if call.subresource == "finalize":
        return {**old, "metadata": new["metadata"], "spec": new.get("spec") or {}}
    return allocate(core, call.resource.storage, old, strategies.prepare_update(call.resource, old, new))


def is_finished(obj: Object) -> bool:
    """Tell whether an object that is being deleted waits for nothing any more."""
    metadata = obj["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    if metadata.get("deletionGracePeriodSeconds"):
        return False
    return not (obj["kind"] == "Namespace" and (obj.get("spec") or {}).get("finalizers"))


def _check_identity(call: Call, old: Object, new: Object) -> None:
    resource, metadata, held = call.resource, new["metadata"], old["metadata"]
    uid = metadata.get("uid")
    if uid and uid != held["uid"] and call.verb == "update":
        why = (
            f"StorageError: invalid object, Code: 4, Key: {_registry_key(call)}, ResourceVersion: 0,"
            f" AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {held['uid']}"
        )
        raise StatusError(status.conflict(resource.plural, call.name, resource.group, why))
    version = metadata.get("resourceVersion")
    if not version or version == "0":
        if call.verb == "update" and strategies.needs_resource_version(resource):
            text = "Invalid value: 0: must be specified for an update"
            cause = Cause("FieldValueInvalid", text, "metadata.resourceVersion")
            raise StatusError(status.invalid(resource.plural, call.name, [cause], resource.group))
    elif version != held["resourceVersion"]:
        raise StatusError(status.conflict(resource.plural, call.name, resource.group))


def _registry_key(call: Call) -> str:
    """Return the key that etcd has for an object, for the one message that shows it."""
    resource = call.resource
    parts = [resource.group] if resource.custom is not None else []
    return "/".join(["/registry", *parts, resource.plural, *filter(None, (call.namespace, call.name))])


def _kept_metadata(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return `new` with what the system alone may write taken from `old`."""
    merged = dict(new)
    for field in ("creationTimestamp", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if field in old:
            merged[field] = old[field]
        else:
            merged.pop(field, None)
    merged.pop("selfLink", None)
    for field in ("uid", "name", "namespace", "generateName"):
        if field in old and not merged.get(field):
            merged[field] = old[field]
    return merged


def _admitted(core: Core, call: Call, old: Object | None, obj: Object) -> Object:
    for step in core.admission:
        admitted = step(call, old, obj)
        assert admitted is not None  # only a deletion has no object
        obj = admitted
    return obj


def refuse_invalid(resource: Resource, name: str, errors: list[FieldError]) -> None:
    """Refuse an object that breaks rules.

    Raises:
        StatusError: 422 with every cause.
    """
    if errors:
        causes = [Cause(error.reason, error.body, error.field) for error in errors]
        raise StatusError(status.invalid(resource.kind, name, causes, resource.group))


def _store(core: Core, call: Call, obj: Object, name: str) -> tuple[Object, Entry | None]:
    resource = call.resource
    obj = resource.schema.stored(obj)
    if call.dry_run:
        return obj, None
    stored = to_storage(resource, dict(obj))
    stored = {"kind": stored.pop("kind"), "apiVersion": stored.pop("apiVersion"), **stored}
    try:
        key, limit = key_of(call.namespace, name), core.settings.object_limit
        entry = core.store.put(resource.storage, key, stored, limit=limit)
    except ObjectTooLarge as error:
        raise StatusError(status.make_status(500, "", "etcdserver: request is too large", details=False)) from error
    return obj, entry


def _remove(core: Core, call: Call, obj: Object) -> Object:
    if not call.dry_run:
        resource = call.resource
        stored = to_storage(resource, dict(obj))
        core.store.delete(resource.storage, key_of(call.namespace, call.name), stored)
    return obj
