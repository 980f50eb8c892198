"""Query options of reads and writes, parsed as the API server does and built as a client does.

Source: k8s.io/apimachinery `apis/meta/v1` and its validation. Everything that is refused comes back as the Status to
answer with, in `OptionsError.status`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from fluvial.wire.status import Cause, Status, bad_request, invalid
from fluvial.wire.verbs import is_true

Query = dict[str, str]


class OptionsError(ValueError):
    """A query option is malformed or forbidden; `status` is the answer, asking again cannot help."""

    def __init__(self, status: Status) -> None:
        super().__init__(status["message"])
        self.status = status


def parse_query(query: str) -> Query:
    """Return the first value of each key; keys without a value count as empty text."""
    found: Query = {}
    if query:
        for key, value in parse_qsl(query, keep_blank_values=True):
            found.setdefault(key, value)
    return found


def build_query(pairs: dict[str, str | int | bool]) -> str:
    """Encode what is set (not empty, 0 or False); "" when nothing is."""
    shown = {key: "true" if value is True else str(value) for key, value in pairs.items() if value}
    return urlencode(shown, quote_via=quote)


def _integer(query: Query, key: str) -> int:
    text = query.get(key, "")
    if not text:
        return 0
    try:
        if not text.lstrip("+-").isascii() or "_" in text or text != text.strip():
            raise ValueError(text)
        return int(text)
    except ValueError:
        raise OptionsError(bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')) from None


def _flag(query: Query, key: str) -> bool:
    return key in query and is_true(query[key])


def _refuse(options: str, *causes: Cause) -> OptionsError:
    return OptionsError(invalid(options, "", causes, "meta.k8s.io"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """Options of list, watch and deletecollection; `timeout_seconds` and `limit` are 0 when not given.

    `send_initial_events` is None when the client does not say.
    """

    label_selector: str = ""
    field_selector: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    timeout_seconds: int = 0
    limit: int = 0
    continue_token: str = ""
    allow_watch_bookmarks: bool = False
    send_initial_events: bool | None = None
    watch: bool = False

    @classmethod
    def parse(cls, query: Query) -> ListOptions:
        """Read and check the options of a collection request.

        Raises:
            OptionsError: a value is malformed or two options exclude each other; answer with its status.
        """
        if not query:
            return _NO_LIST_OPTIONS
        initial = query.get("sendInitialEvents")
        options = cls(
            label_selector=query.get("labelSelector", ""),
            field_selector=query.get("fieldSelector", ""),
            resource_version=query.get("resourceVersion", ""),
            resource_version_match=query.get("resourceVersionMatch", ""),
            timeout_seconds=_integer(query, "timeoutSeconds"),
            limit=_integer(query, "limit"),
            continue_token=query.get("continue", ""),
            allow_watch_bookmarks=_flag(query, "allowWatchBookmarks"),
            send_initial_events=None if initial is None else is_true(initial),
            watch=_flag(query, "watch"),
        )
        _check_list_options(options)
        return options

    def query(self) -> str:
        """Return the options as a query string, without the leading question mark."""
        pairs: dict[str, str | int | bool] = {
            "labelSelector": self.label_selector,
            "fieldSelector": self.field_selector,
            "resourceVersion": self.resource_version,
            "resourceVersionMatch": self.resource_version_match,
            "timeoutSeconds": self.timeout_seconds,
            "limit": self.limit,
            "continue": self.continue_token,
            "allowWatchBookmarks": self.allow_watch_bookmarks,
            "watch": self.watch,
        }
        if self.send_initial_events is not None:
            pairs["sendInitialEvents"] = "true" if self.send_initial_events else "false"
        return build_query(pairs)


_NO_LIST_OPTIONS = ListOptions()
_MATCHES = ("", "NotOlderThan", "Exact")


def _check_list_options(options: ListOptions) -> None:
    match = options.resource_version_match
    forbidden: list[str] = []
    if options.watch:
        if match and options.send_initial_events is None:
            forbidden.append("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
        if options.send_initial_events is not None and match != "NotOlderThan":
            forbidden.append("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
    else:
        if options.send_initial_events is not None:
            cause = Cause(
                "FieldValueForbidden", "Forbidden: sendInitialEvents is forbidden for list", "sendInitialEvents"
            )
            raise _refuse("ListOptions", cause)
        if match and not options.resource_version:
            forbidden.append("resourceVersionMatch is forbidden unless resourceVersion is provided")
        if match and options.continue_token:
            forbidden.append("resourceVersionMatch is forbidden when continue is provided")
        if match == "Exact" and options.resource_version == "0":
            forbidden.append('resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    causes = [Cause("FieldValueForbidden", f"Forbidden: {text}", "resourceVersionMatch") for text in forbidden]
    if match not in _MATCHES:
        text = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        causes.append(Cause("FieldValueNotSupported", text, "resourceVersionMatch"))
    if causes:
        raise _refuse("ListOptions", *causes)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """Options of create, update and patch.

    `force` is None when the client does not say; `field_validation` is "" (the server's default, Strict for apply and
    Warn else, is the reader's business), "Ignore", "Warn" or "Strict".
    """

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = ""
    force: bool | None = None

    @classmethod
    def parse(cls, query: Query, *, name: str, apply: bool = False) -> WriteOptions:
        """Read and check the options of a write.

        Args:
            name: what a refusal calls the options: CreateOptions, UpdateOptions, PatchOptions.
            apply: whether this is a server-side apply, which must name its field manager.
        Raises:
            OptionsError: answer with its status.
        """
        if not query and not apply:
            return _NO_WRITE_OPTIONS
        options = cls(
            dry_run=_dry_run(query.get("dryRun", ""), name),
            field_manager=query.get("fieldManager", ""),
            field_validation=query.get("fieldValidation", ""),
            force=_flag(query, "force") if "force" in query else None,
        )
        _check_write_options(options, name, apply)
        return options

    def query(self) -> str:
        """Return the options as a query string, without the leading question mark."""
        pairs: dict[str, str | int | bool] = {
            "dryRun": "All" if self.dry_run else "",
            "fieldManager": self.field_manager,
            "fieldValidation": self.field_validation,
            "force": bool(self.force),
        }
        return build_query(pairs)


_NO_WRITE_OPTIONS = WriteOptions()


def _dry_run(value: str, name: str) -> bool:
    if value in ("", "All"):
        return value == "All"
    text = f'Unsupported value: ["{value}"]: supported values: "All"'
    raise _refuse(name, Cause("FieldValueNotSupported", text, "dryRun"))


def _check_write_options(options: WriteOptions, name: str, apply: bool) -> None:
    causes: list[Cause] = []
    if apply and not options.field_manager:
        causes.append(Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager"))
    if not apply and options.force is not None and name == "PatchOptions":
        causes.append(Cause("FieldValueForbidden", "Forbidden: may not be specified for non-apply patch", "force"))
    if len(options.field_manager) > 128:
        text = "Too long: may not be more than 128 bytes"
        causes.append(Cause("FieldValueTooLong", text, "fieldManager"))
    elif not options.field_manager.isprintable():
        text = f'Invalid value: "{options.field_manager}": should only contain printable characters'
        causes.append(Cause("FieldValueInvalid", text, "fieldManager"))
    if options.field_validation not in ("", "Ignore", "Warn", "Strict"):
        text = f'Unsupported value: "{options.field_validation}": supported values: "", "Ignore", "Strict", "Warn"'
        causes.append(Cause("FieldValueNotSupported", text, "fieldValidation"))
    if causes:
        raise _refuse(name, *causes)


class _Preconditions(msgspec.Struct):
    uid: str | None = None
    resourceVersion: str | None = None


class _DeleteBody(msgspec.Struct):
    dryRun: list[str] | None = None
    gracePeriodSeconds: int | None = None
    propagationPolicy: str | None = None
    orphanDependents: bool | None = None
    preconditions: _Preconditions | None = None


def _delete_body(body: Any) -> _DeleteBody:
    if body is None:
        return _DeleteBody()
    try:
        return msgspec.convert(body, _DeleteBody)
    except msgspec.ValidationError as error:
        text = f'DeleteOptions in version "v1" cannot be handled as a DeleteOptions: {error}'
        raise OptionsError(bad_request(text)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """Options of a deletion, from its query and its body (the body wins).

    `grace_seconds` is None when not given; `propagation` is "", "Background", "Foreground" or "Orphan".
    """

    dry_run: bool = False
    grace_seconds: int | None = None
    uid: str = ""
    resource_version: str = ""
    propagation: str = ""

    @classmethod
    def parse(cls, query: Query, body: dict[str, Any] | None = None) -> DeleteOptions:
        """Read and check the options of a deletion.

        Raises:
            OptionsError: answer with its status.
        """
        given = _delete_body(body)
        dry_run = given.dryRun or ([query["dryRun"]] if query.get("dryRun") else [])
        grace = given.gracePeriodSeconds
        if grace is None and "gracePeriodSeconds" in query:
            grace = _integer(query, "gracePeriodSeconds")
        propagation = given.propagationPolicy or query.get("propagationPolicy", "")
        orphan = given.orphanDependents
        if orphan is None and "orphanDependents" in query:
            orphan = _flag(query, "orphanDependents")
        preconditions = given.preconditions or _Preconditions()
        options = cls(
            dry_run=any(_dry_run(value, "DeleteOptions") for value in dry_run),
            grace_seconds=grace,
            uid=preconditions.uid or "",
            resource_version=preconditions.resourceVersion or "",
            propagation=propagation or _from_orphan(orphan),
        )
        _check_delete_options(options, both=bool(propagation) and orphan is not None)
        return options

    def body(self) -> dict[str, Any]:
        """Return the DeleteOptions object that a client sends."""
        found: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1"}
        preconditions = {"uid": self.uid, "resourceVersion": self.resource_version}
        preconditions = {key: value for key, value in preconditions.items() if value}
        if self.grace_seconds is not None:
            found["gracePeriodSeconds"] = self.grace_seconds
        if preconditions:
            found["preconditions"] = preconditions
        if self.propagation:
            found["propagationPolicy"] = self.propagation
        if self.dry_run:
            found["dryRun"] = ["All"]
        return found


def _from_orphan(orphan: bool | None) -> str:
    if orphan is None:
        return ""
    return "Orphan" if orphan else "Background"


def _check_delete_options(options: DeleteOptions, *, both: bool) -> None:
    causes: list[Cause] = []
    if both:
        text = (
            'Invalid value: "' + options.propagation + '": orphanDependents and deletionPropagation cannot be both set'
        )
        causes.append(Cause("FieldValueInvalid", text, "propagationPolicy"))
    if options.propagation not in ("", "Background", "Foreground", "Orphan"):
        supported = '"Foreground", "Background", "Orphan", "nil"'
        text = f'Unsupported value: "{options.propagation}": supported values: {supported}'
        causes.append(Cause("FieldValueNotSupported", text, "propagationPolicy"))
    if causes:
        raise _refuse("DeleteOptions", *causes)
