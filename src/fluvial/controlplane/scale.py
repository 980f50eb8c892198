"""The scale subresource: replicas of workloads and custom resources, seen as autoscaling/v1 Scale.

Source: `scalerest` of the workloads' registries, and the custom resource's of k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fluvial.controlplane.bodies import read_body
from fluvial.controlplane.commit import change, managed_update
from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.request import Answer, Call
from fluvial.controlplane.resources import Resource, ScalePaths
from fluvial.controlplane.schemas import FieldError
from fluvial.controlplane.store import Entry
from fluvial.controlplane.writing import read_options
from fluvial.managedfields import scale_fields_from_parent, scale_fields_to_parent
from fluvial.objects import (
    LabelSelector,
    Object,
    PatchError,
    apply_json_patch,
    apply_merge_patch,
    deep_copy,
    dig,
)
from fluvial.wire import media, status

_SCALE = "autoscaling/v1"
_WORKLOADS = ScalePaths(replicas=("spec", "replicas"), status_replicas=("status", "replicas"))


def handle_scale(core: Core, call: Call) -> Answer:
    """GET, PUT and PATCH of a scale subresource.

    Raises:
        StatusError: 404, 409, 415 or 422.
    """
    entry = core.existing(call.resource, call.namespace, call.name)
    parent = core.object_in(call.resource, entry)
    paths = _paths(call.resource)
    scale = scale_of(call.resource, parent, paths)
    if call.verb == "get":
        return Answer(200, scale)
    wanted = _updated(call, scale) if call.verb == "update" else _patched(call, scale)
    _check(call, wanted, scale)
    replicas = dig(wanted, "spec", "replicas", default=0)
    return Answer(200, _written(core, call, entry, parent, replicas, paths))


def scale_of(resource: Resource, parent: Object, paths: ScalePaths) -> Object:
    """Return the Scale of an object."""
    metadata = parent["metadata"]
    fields = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    shown: dict[str, Any] = {key: metadata[key] for key in fields if key in metadata}
    replicas = _dig(parent, paths.replicas)
    found: dict[str, Any] = {"replicas": _dig(parent, paths.status_replicas) or 0}
    selector = _selector(parent, paths)
    if selector:
        found["selector"] = selector
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": _SCALE, "metadata": shown, "spec": spec, "status": found}


def _paths(resource: Resource) -> ScalePaths:
    if resource.custom is None:
        return _WORKLOADS
    paths = resource.custom.scale
    if paths is None:
        raise StatusError(status.no_such_resource())
    return paths


def _managed_paths(resource: Resource, paths: ScalePaths) -> dict[str, tuple[str, ...] | None]:
    path = tuple(f"f:{key}" for key in paths.replicas)
    return {resource.api_version: path, resource.storage_version: path}


def _selector(parent: Object, paths: ScalePaths) -> str:
    if paths.selector:
        return str(_dig(parent, paths.selector) or "")
    selector = (parent.get("spec") or {}).get("selector")
    if paths is not _WORKLOADS or not selector:
        return ""
    if parent["kind"] == "ReplicationController":
        return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    return str(LabelSelector.from_object(selector))


def _dig(obj: Object, path: tuple[str, ...]) -> Any:
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _updated(call: Call, scale: Object) -> Object:
    read_options(call, "UpdateOptions")
    return read_body(call, "Scale")


def _patched(call: Call, scale: Object) -> Object:
    kind = media.patch_kind(call.content_type)
    if kind is None or kind == "apply":
        raise StatusError(status.unsupported_patch_type())
    read_options(call, "PatchOptions")
    try:
        patch = msgspec.json.decode(call.body)
        if kind == "json":
            result = apply_json_patch(scale, patch)
        else:  # a Scale has no lists, so a strategic patch is a merge patch
            result = apply_merge_patch(deep_copy(scale), patch)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StatusError(status.bad_request(f"error decoding patch: {error}")) from error
    except PatchError as error:
        text = f"the server rejected our request due to an error in our request: {error}"
        raise StatusError(status.make_status(422, "Invalid", text)) from error
    if not isinstance(result, dict):
        raise StatusError(status.bad_request("the patch leaves no object"))
    return result


def _check(call: Call, wanted: Object, scale: Object) -> None:
    resource = call.resource
    version = dig(wanted, "metadata", "resourceVersion")
    if version and version != scale["metadata"]["resourceVersion"]:
        raise StatusError(status.conflict(resource.plural, call.name, resource.group))
    replicas = dig(wanted, "spec", "replicas", default=0)
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise StatusError(
            status.bad_request(
                'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal value into Go struct field'
                " ScaleSpec.spec.replicas of type int32"
            )
        )
    if replicas < 0:
        text = f"Invalid value: {replicas}: must be greater than or equal to 0"
        error = FieldError("FieldValueInvalid", "spec.replicas", text)
        raise _invalid_scale(call, error)


def _invalid_scale(call: Call, error: FieldError) -> StatusError:
    causes = [status.Cause(error.reason, error.body, error.field)]
    return StatusError(status.invalid("Scale", call.name, causes, "autoscaling"))


def _written(core: Core, call: Call, entry: Entry, parent: Object, replicas: int, paths: ScalePaths) -> Object:
    """Write the replicas into the parent, with the parent's managedFields as the writer of a scale leaves them."""
    changed = deep_copy(parent)
    target = changed
    for key in paths.replicas[:-1]:
        target = target.setdefault(key, {})
    target[paths.replicas[-1]] = replicas
    managed_paths = _managed_paths(call.resource, paths)
    before = scale_fields_from_parent(parent["metadata"].get("managedFields"), managed_paths)
    own = managed_update(core, call, parent, changed)
    after = scale_fields_from_parent(own["metadata"].get("managedFields"), managed_paths)
    fields = scale_fields_to_parent(
        parent["metadata"].get("managedFields"),
        after if replicas != _dig(parent, paths.replicas) else before,
        api_version=call.resource.api_version,
        paths=managed_paths,
    )
    changed["metadata"]["managedFields"] = fields
    written, _ = change(core, _as_main(call), entry, parent, changed)
    if not call.dry_run:
        written = core.object_in(call.resource, core.existing(call.resource, call.namespace, call.name))
    return scale_of(call.resource, written, paths)


def _as_main(call: Call) -> Call:
    """Return the call as a write of the parent itself: the spec changes, so its generation counts."""
    return Call(
        verb="patch",
        resource=call.resource,
        namespace=call.namespace,
        name=call.name,
        subresource="",
        user=call.user,
        user_agent=call.user_agent,
        query=call.query,
        dry_run=call.dry_run,
        field_manager=call.field_manager,
    )
