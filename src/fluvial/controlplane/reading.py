"""Get and list."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import Compacted, StatusError
from fluvial.controlplane.forms import entry_json, list_json
from fluvial.controlplane.request import Answer, Call
from fluvial.controlplane.selecting import Selection, select
from fluvial.controlplane.store import Entry
from fluvial.controlplane.tables import Tables
from fluvial.wire import ListOptions, status
from fluvial.wire.options import OptionsError

_CONTINUE_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without"
    " the continue parameter, or use the continue token in this response to retrieve the remainder of the results."
    " Continuing with the provided token results in an inconsistent list - objects that were created, modified, or"
    " deleted between the time the first chunk was returned and now may show up in the list."
)


def list_options(call: Call) -> ListOptions:
    """Read the options of a collection request.

    Raises:
        StatusError: one is wrong.
    """
    try:
        return ListOptions.parse(dict(call.query))
    except OptionsError as error:
        raise StatusError(error.status) from error


def handle_get(core: Core, tables: Tables, call: Call) -> Answer:
    """GET of one object."""
    version = call.query.get("resourceVersion", "")
    if version:
        check_not_ahead(core, parse_revision(version))
    entry = core.existing(call.resource, call.namespace, call.name)
    return Answer(200, entry_json(core, tables, call, entry))


def handle_list(core: Core, tables: Tables, call: Call) -> Answer:
    """GET of a collection, in pages where asked."""
    options = list_options(call)
    selection = select(call.resource, options.label_selector, options.field_selector)
    revision, exact, after = _where(core, options)
    entries = _entries(core, call, selection, revision if exact else 0, after, bool(options.continue_token))
    metadata: dict[str, Any] = {"resourceVersion": str(revision if exact else core.store.revision)}
    if call.resource.custom is not None and call.form.shape == "object":
        metadata["continue"] = ""
    page, rest = _page(entries, selection, options.limit)
    if rest:
        token = _Token("meta.k8s.io/v1", int(metadata["resourceVersion"]), page[-1].key)
        metadata["continue"] = base64.urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")
        if selection.is_everything:
            metadata["remainingItemCount"] = len(rest)
    return Answer(200, list_json(core, tables, call, page, metadata))


class _Token(msgspec.Struct):
    v: str
    rv: int
    start: str


def _where(core: Core, options: ListOptions) -> tuple[int, bool, str]:
    """Return the revision, whether exactly that one is meant, and the key to go on after."""
    if options.continue_token:
        token = _read_token(options.continue_token)
        if token.rv > 0:
            return token.rv, True, token.start
        return core.store.revision, False, token.start
    if not options.resource_version:
        return core.store.revision, False, ""
    revision = parse_revision(options.resource_version)
    check_not_ahead(core, revision)
    exact = options.resource_version_match == "Exact" and revision > 0
    # Before resourceVersionMatch existed, a limit made the revision exact; clients rely on it.
    exact = exact or (bool(options.limit) and revision > 0 and not options.resource_version_match)
    return revision, exact, ""


def _read_token(text: str) -> _Token:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        why = "illegal base64 data at input byte 0"
        raise StatusError(status.bad_request(f"invalid continue token: continue key is not valid: {why}")) from error
    try:
        return msgspec.json.decode(raw, type=_Token)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StatusError(status.bad_request(f"invalid continue token: continue key is not valid: {error}")) from error


def _entries(core: Core, call: Call, selection: Selection, revision: int, after: str, continued: bool) -> list[Entry]:
    store, storage = core.store, call.resource.storage
    if revision and revision != store.revision:
        try:
            return store.scan_at(revision, storage, call.namespace, after)
        except Compacted as error:
            if continued:
                raise StatusError(status.expired(_CONTINUE_EXPIRED)) from error
            text = "The resourceVersion for the provided list is too old."
            raise StatusError(status.expired(text)) from error
    if selection.name and (call.namespace or not call.resource.namespaced):
        entry = core.entry(call.resource, call.namespace, selection.name)
        return [entry] if entry is not None and entry.key > after else []
    return list(store.scan(storage, call.namespace, after))


def _page(entries: list[Entry], selection: Selection, limit: int) -> tuple[list[Entry], list[Entry]]:
    """Return the first `limit` matching entries, and what follows the last of them."""
    if limit <= 0:
        return (entries if selection.is_everything else [e for e in entries if selection.matches(e)]), []
    if selection.is_everything:
        return entries[:limit], entries[limit:]
    page: list[Entry] = []
    for index, entry in enumerate(entries):
        if not selection.matches(entry):
            continue
        if len(page) == limit:
            return page, entries[index:]
        page.append(entry)
    return page, []


def parse_revision(text: str) -> int:
    """Read a resourceVersion of a get or list.

    Raises:
        StatusError: 400.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    raise StatusError(status.bad_request(f"invalid resource version: {why}"))


def check_not_ahead(core: Core, revision: int) -> None:
    """Refuse a revision that is not there yet.

    Raises:
        StatusError: 504, as upstream.
    """
    if revision > core.store.revision:
        raise StatusError(status.too_large_resource_version(revision, core.store.revision), {"retry-after": "1"})
