"""Request bodies: from bytes to an object of the kind that the path names."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from fluvial.controlplane.conversion import absorb
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.protobuf import ProtobufError
from fluvial.controlplane.protobuf import read_object as read_object_of_protobuf
from fluvial.controlplane.request import Call
from fluvial.controlplane.schemas import DecodeError
from fluvial.objects import Object
from fluvial.wire import media, status
from fluvial.yamldoc import YamlError, load

_SHOWN = 30  # characters of a body that a message quotes
_READABLE = (media.JSON, media.YAML, media.PROTOBUF)


def read_object(call: Call) -> Object:
    """Return the object in the body of a create or update, decoded as its kind.

    Raises:
        StatusError: 400 or 415, with the server's text.
    """
    return decode(call, with_kind(call, read_body(call, call.resource.kind)))


def with_kind(call: Call, value: Object) -> Object:
    """Return `value`, which may be changed, as an object of the path's kind; built-in kinds need not say theirs.

    Raises:
        StatusError: 400: it is of another kind, or a custom resource that does not say.
    """
    kind, api_version = call.resource.kind, call.resource.api_version
    if call.resource.custom is None:
        value["apiVersion"] = value.get("apiVersion") or api_version
        value["kind"] = value.get("kind") or kind
    elif not value.get("kind"):
        raise _unrecognized(kind, f"Object 'Kind' is missing in '{call.body.decode('utf-8', 'replace')}'", call.body)
    _check_kind(value, call)
    return value


def read_body(call: Call, kind: str) -> Object:
    """Parse the body of a request in whatever format it came.

    Args:
        kind: what a refusal calls the expected object.
    Raises:
        StatusError: 400, or 415 for a format that is not read here.
    """
    is_custom = call.resource.custom is not None
    if media.parse_media_type(call.content_type).name == media.PROTOBUF and not is_custom:
        try:
            return read_object_of_protobuf(call.body)
        except ProtobufError as error:
            text = f"the object provided is unrecognized (must be of type {kind}): {error}"
            raise StatusError(status.bad_request(text)) from error
    form = media.body_format(call.content_type)
    if form is None:
        raise StatusError(status.unsupported_media_type(_READABLE[:2] if is_custom else _READABLE))
    return _parse(call.body, form, kind)


def _parse(body: bytes, form: media.Format, kind: str) -> Object:
    """Parse a body that must be a map.

    Raises:
        StatusError: 400.
    """
    try:
        value = msgspec.json.decode(body) if form == "json" else load(body)
    except (msgspec.DecodeError, YamlError, UnicodeDecodeError, RecursionError) as error:
        text = f"couldn't get version/kind; json parse error: {_as_go_says(error, body)}"
        raise _unrecognized(kind, text, body) from error
    if not isinstance(value, dict):
        raise _unrecognized(kind, "couldn't get version/kind; json parse error: no object", body)
    return value


def _unrecognized(kind: str, why: str, body: bytes) -> StatusError:
    shown = body.decode("utf-8", "replace")
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]} ..."
    return StatusError(
        status.bad_request(f"the object provided is unrecognized (must be of type {kind}): {why} ({shown})")
    )


def _as_go_says(error: Exception, body: bytes) -> str:
    """Return what Go's JSON decoder would say; YAML errors keep their own words."""
    text = str(error)
    if text == "Input data was truncated":
        return "unexpected end of JSON input"
    found = re.search(r"byte ([0-9]+)\)", text)
    at = int(found[1]) if found is not None else len(body)
    if at < len(body):
        return f"invalid character {chr(body[at])!r} looking for beginning of value"
    return text


def _check_kind(value: Object, call: Call) -> None:
    """Refuse a body of another kind than the path's.

    Raises:
        StatusError: 400.
    """
    resource = call.resource
    kind, api_version = value.get("kind"), value.get("apiVersion")
    if kind == resource.kind and api_version == resource.api_version:
        return
    if resource.custom is not None and api_version != resource.api_version:
        raise StatusError(
            status.bad_request(
                f"the API version in the data ({api_version}) does not match the expected API version"
                f" ({resource.api_version})"
            )
        )
    raise StatusError(
        status.bad_request(
            f'{kind} in version "{str(api_version).rpartition("/")[2]}" cannot be handled as a {resource.kind}:'
            f' no kind "{kind}" is registered for version "{api_version}" in scheme "pkg/runtime/scheme.go:111"'
        )
    )


def decode(call: Call, value: Object) -> Object:
    """Return `value` as its kind, with defaults; unknown fields dropped, refused or warned of as the request says.

    Raises:
        StatusError: 400: a wrong type, or an unknown field under Strict.
    """
    metadata = value.get("metadata")
    if metadata is None:
        value["metadata"] = metadata = {}
    if not isinstance(metadata, dict):
        raise StatusError(
            status.bad_request(
                f'{call.resource.kind} in version "{call.resource.version}" cannot be handled as a'
                f" {call.resource.kind}: json: cannot unmarshal into Go struct field ObjectMeta"
            )
        )
    try:
        decoded = call.resource.schema.decode(value)
    except DecodeError as error:
        raise StatusError(status.bad_request(error.message)) from error
    report_problems(call, decoded.problems)
    return absorb(call.resource, call.resource.schema.default(decoded.object))


def report_problems(call: Call, problems: Any) -> None:
    """Refuse or warn of unknown and duplicate fields, as `fieldValidation` says (Warn is the default).

    Raises:
        StatusError: 400 under Strict.
    """
    if not problems:
        return
    validation = call.query.get("fieldValidation") or "Warn"
    if validation == "Strict":
        resource = call.resource
        text = ", ".join(problems)
        raise StatusError(
            status.bad_request(
                f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}:'
                f" strict decoding error: {text}"
            )
        )
    if validation == "Warn":
        call.warnings.extend(problems)
