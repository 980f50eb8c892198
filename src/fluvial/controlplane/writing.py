"""Create, update and patch: from a request to the commit of an object."""

from __future__ import annotations

from typing import Any

from fluvial.controlplane import strategies
from fluvial.controlplane.bodies import decode, read_object, with_kind
from fluvial.controlplane.commit import change, create, managed_create, managed_update
from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.patching import apply_configuration, patched
from fluvial.controlplane.request import Answer, Call
from fluvial.controlplane.store import Entry
from fluvial.objects import Object
from fluvial.wire import WriteOptions, media, status
from fluvial.wire.options import OptionsError


def read_options(call: Call, name: str, *, apply: bool = False) -> WriteOptions:
    """Take the write options of a request into `call`.

    Raises:
        StatusError: an option is wrong.
    """
    try:
        options = WriteOptions.parse(dict(call.query), name=name, apply=apply)
    except OptionsError as error:
        raise StatusError(error.status) from error
    call.dry_run = options.dry_run
    call.field_manager = options.field_manager
    return options


def handle_create(core: Core, call: Call) -> Answer:
    """POST to a collection."""
    read_options(call, "CreateOptions")
    obj = read_object(call)
    metadata = obj["metadata"]
    _check_namespace(call, metadata)
    obj, entry = create(core, call, managed_create(core, call, obj))
    return answer(core, call, 201, obj, entry)


def handle_update(core: Core, call: Call) -> Answer:
    """PUT of an object or its status."""
    read_options(call, "UpdateOptions")
    obj = read_object(call)
    metadata = obj["metadata"]
    _check_name(call, metadata)
    _check_namespace(call, metadata)
    before = core.entry(call.resource, call.namespace, call.name)
    if before is None:
        if call.subresource or not strategies.is_created_by_update(call.resource):
            raise StatusError(status.not_found(call.resource.plural, call.name, call.resource.group))
        obj, entry = create(core, call, managed_create(core, call, obj))
        return answer(core, call, 201, obj, entry)
    old = core.object_in(call.resource, before)
    new = {**obj, "metadata": {**obj["metadata"]}}
    for field in ("uid", "creationTimestamp"):
        new["metadata"].setdefault(field, old["metadata"].get(field))
    obj, entry = change(core, call, before, old, managed_update(core, call, old, new))
    return answer(core, call, 200, obj, entry)


def handle_patch(core: Core, call: Call) -> Answer:
    """PATCH in its four kinds."""
    kind = media.patch_kind(call.content_type)
    if kind is None or (kind == "strategic" and call.resource.schema.patch is None):
        if call.resource.custom is not None:
            raise StatusError(status.unsupported_media_type((media.JSON_PATCH, media.MERGE_PATCH, media.APPLY_PATCH)))
        raise StatusError(status.unsupported_patch_type())
    options = read_options(call, "PatchOptions", apply=kind == "apply")
    before = core.entry(call.resource, call.namespace, call.name)
    if kind == "apply":
        return _apply(core, call, before, force=bool(options.force))
    if before is None:
        raise StatusError(status.not_found(call.resource.plural, call.name, call.resource.group))
    old = core.object_in(call.resource, before)
    new = decode(call, with_kind(call, patched(call, kind, old)))
    _check_name(call, new["metadata"])
    obj, entry = change(core, call, before, old, managed_update(core, call, old, new))
    return answer(core, call, 200, obj, entry)


def _apply(core: Core, call: Call, before: Entry | None, *, force: bool) -> Answer:
    old = core.object_in(call.resource, before) if before is not None else None
    new = apply_configuration(core, call, old, force=force)
    _check_name(call, new["metadata"])
    _check_namespace(call, new["metadata"])
    if before is None or old is None:
        new["metadata"].pop("resourceVersion", None)
        obj, entry = create(core, call, new)
        return answer(core, call, 201, obj, entry)
    obj, entry = change(core, call, before, old, new)
    return answer(core, call, 200, obj, entry)


def answer(core: Core, call: Call, code: int, obj: Object, entry: Entry | None) -> Answer:
    """Answer with an object: its stored bytes where there are some."""
    body: Any = core.bytes_in(call.resource, entry) if entry is not None else obj
    return Answer(code, body)


def _check_name(call: Call, metadata: dict[str, Any]) -> None:
    name = metadata.get("name")
    if not name:
        raise StatusError(
            status.bad_request(
                f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
            )
        )
    if name != call.name:
        raise StatusError(
            status.bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.name})")
        )


def _check_namespace(call: Call, metadata: dict[str, Any]) -> None:
    if not call.resource.namespaced:
        return
    if metadata.setdefault("namespace", call.namespace) != call.namespace:
        raise StatusError(
            status.bad_request("the namespace of the provided object does not match the namespace sent on the request")
        )
