"""What a patch makes of an object, before it goes the way of every update."""

from __future__ import annotations

from typing import Any

import msgspec

from fluvial.controlplane.commit import types_of
from fluvial.controlplane.conversion import absorb
from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.request import Call
from fluvial.managedfields import ApplyConflict, ApplyError, apply
from fluvial.objects import Object, PatchError, apply_json_patch, apply_merge_patch, deep_copy, strategic_merge
from fluvial.wire import media, status
from fluvial.wire.status import Cause
from fluvial.yamldoc import YamlError, load

_JSON_PATCH_LIMIT = 10_000  # operations, as upstream


def patched(call: Call, kind: media.PatchKind, old: Object) -> Object:
    """Return what a JSON, merge or strategic patch makes of `old`, which stays as it is.

    Raises:
        StatusError: 400 for a malformed patch, 413 for too many operations, 422 for one that does not apply.
    """
    patch = _json(call.body)
    if kind == "json":
        return _json_patched(call, patch, old)
    if not isinstance(patch, dict):
        raise StatusError(
            status.bad_request("json: cannot unmarshal array into Go value of type map[string]interface {}")
        )
    if kind == "merge":
        result = apply_merge_patch(deep_copy(old), patch)
    else:
        result = _strategic(call, patch, old)
    return _still_an_object(result)


def _json_patched(call: Call, patch: Any, old: Object) -> Object:
    if not isinstance(patch, list):
        raise StatusError(
            status.bad_request(
                "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
            )
        )
    if len(patch) > _JSON_PATCH_LIMIT:
        text = f"The allowed maximum operations in a JSON patch is {_JSON_PATCH_LIMIT}, got {len(patch)}"
        raise StatusError(
            status.make_status(413, "RequestEntityTooLarge", f"Request entity too large: {text}", details=False)
        )
    try:
        result = apply_json_patch(old, patch)
    except PatchError as error:
        raise StatusError(
            status.make_status(422, "Invalid", "the server rejected our request due to an error in our request")
        ) from error
    return _still_an_object(result)


def _strategic(call: Call, patch: dict[str, Any], old: Object) -> Any:
    schema = call.resource.schema.patch
    assert schema is not None  # the caller answers 415 for kinds without one
    try:
        return strategic_merge(deep_copy(old), patch, schema)
    except PatchError as error:
        raise StatusError(status.bad_request(str(error))) from error


def _still_an_object(value: Any) -> Object:
    if isinstance(value, dict) and isinstance(value.get("metadata"), dict):
        return value
    raise StatusError(status.bad_request("the patch leaves no object"))


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StatusError(status.bad_request(f"error decoding patch: {error}")) from error


def apply_configuration(core: Core, call: Call, old: Object | None, *, force: bool) -> Object:
    """Return what server-side apply makes of `old` (None: the object does not exist).

    Raises:
        StatusError: 400, 409 with the conflicts as causes, or 422.
    """
    applied = _configuration(call)
    resource = call.resource
    schema = resource.schema
    try:
        merged = apply(
            old,
            applied,
            manager=call.manager,
            force=force,
            schema=schema.types,
            now=core.now(),
            api_version=resource.api_version,
            subresource=call.subresource,
            reset=schema.reset_fields(call.subresource),
            versions=lambda version: types_of(resource, version),
            empty=schema.empty,
        )
    except ApplyConflict as error:
        causes = [Cause(cause["reason"], cause["message"], cause["field"]) for cause in error.causes]
        raise StatusError(status.apply_conflict(error.message, causes)) from error
    except ApplyError as error:
        raise StatusError(status.make_status(error.code, error.reason, error.message, details=False)) from error
    return {**absorb(resource, schema.default(merged)), "metadata": {**merged["metadata"]}}


def _configuration(call: Call) -> Object:
    """Parse an apply body: YAML or JSON; unknown fields are told as for every other write."""
    body = call.body
    try:
        applied = msgspec.json.decode(body) if body[:1] == b"{" else load(body)
    except msgspec.DecodeError:
        applied = _as_yaml(body)
    except (YamlError, UnicodeDecodeError, RecursionError) as error:
        raise StatusError(status.bad_request(f"error decoding YAML: error converting YAML to JSON: {error}")) from error
    if not isinstance(applied, dict):
        raise StatusError(status.bad_request("error decoding YAML: the body is no object"))
    if not isinstance(applied.get("metadata"), dict):
        applied["metadata"] = {}
    return applied


def _as_yaml(body: bytes) -> Any:
    try:
        return load(body)
    except (YamlError, UnicodeDecodeError, RecursionError) as error:
        raise StatusError(status.bad_request(f"error decoding YAML: error converting YAML to JSON: {error}")) from error
