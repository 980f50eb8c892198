"""What managedFields say about our own last apply, and about managers that we take over.

Pure: decisions about drift and about reads that can be left out rest on these values.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fluvial.api import names
from fluvial.managedfields import ManagerMatch
from fluvial.objects import Object, Ref, annotations, dig, labels
from fluvial.stdx import sha256

MANAGER: Final = names.KUSTOMIZE_CONTROLLER

# Left behind by kubectl and by Flux before server-side apply; removed from live objects when we apply them.
CLEANED_ANNOTATIONS: Final = (
    names.LAST_APPLIED_ANNOTATION,
    "kustomize.toolkit.fluxcd.io/checksum",
    "fluxcd.io/sync-checksum",
)
CLEANED_LABELS: Final = ("fluxcd.io/sync-gc-mark",)


def taken_over(override: Iterable[str] = (), manager: str = MANAGER) -> tuple[ManagerMatch, ...]:
    """The managers whose fields become ours: kubectl, before-first-apply, our own updates, `--override-manager`."""
    matches = [
        ManagerMatch("kubectl", "Apply"),
        ManagerMatch("kubectl", "Update"),
        ManagerMatch("before-first-apply", "Update"),
        ManagerMatch(manager, "Update"),
    ]
    for name in override:
        matches += [ManagerMatch(name, "Apply"), ManagerMatch(name, "Update")]
    return tuple(matches)


@dataclass(frozen=True, slots=True)
class Mark:
    """One manager's entry, small enough to remember: who, when, and a digest of the fields."""

    manager: str
    operation: str
    api_version: str
    subresource: str
    time: str
    fields: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What one look at an object's metadata told. Two looks at an untouched object are equal but for the version."""

    ref: Ref
    uid: str
    resource_version: str
    ours: Mark | None  # our Apply entry
    our_fields: bytes  # its fieldsV1, packed; see `unpacked`
    foreign: tuple[Mark, ...]  # entries of managers that we take over
    others: tuple[Mark, ...]  # everybody else's, subresources too
    labels: Mapping[str, str]
    annotations: Mapping[str, str]  # the value of kubectl's last-applied annotation left out
    deleting: bool

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All entries, ours first."""
        return (*((self.ours,) if self.ours is not None else ()), *self.foreign, *self.others)

    @classmethod
    def of(cls, obj: Object, matches: Iterable[ManagerMatch], manager: str = MANAGER) -> "Live":
        """Read the metadata of `obj`, which may be metadata only."""
        ours: Mark | None = None
        our_fields = b""
        foreign: list[Mark] = []
        others: list[Mark] = []
        matches = tuple(matches)
        for entry in _entries(obj):
            mark = _mark(entry)
            if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
                ours, our_fields = mark, packed(entry.get("fieldsV1") or {})
            elif any(match.matches(entry) for match in matches):
                foreign.append(mark)
            else:
                others.append(mark)
        found = {key: "" if key == names.LAST_APPLIED_ANNOTATION else value for key, value in annotations(obj).items()}
        return cls(
            ref=Ref.of(obj),
            uid=str(dig(obj, "metadata", "uid", default="")),
            resource_version=str(dig(obj, "metadata", "resourceVersion", default="")),
            ours=ours,
            our_fields=our_fields,
            foreign=tuple(foreign),
            others=tuple(others),
            labels=dict(labels(obj)),
            annotations=found,
            deleting=dig(obj, "metadata", "deletionTimestamp") is not None,
        )


def _entries(obj: Object) -> Iterator[dict[str, Any]]:
    for entry in dig(obj, "metadata", "managedFields", default=[]) or []:
        if isinstance(entry, dict):
            yield entry


def _mark(entry: Mapping[str, Any]) -> Mark:
    return Mark(
        manager=str(entry.get("manager", "")),
        operation=str(entry.get("operation", "")),
        api_version=str(entry.get("apiVersion", "")),
        subresource=str(entry.get("subresource") or ""),
        time=str(entry.get("time") or ""),
        fields=digest_of(entry.get("fieldsV1")),
    )


def digest_of(value: Any) -> str:
    """A digest of any JSON value, the same whatever the order of its keys."""
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def packed(value: Any) -> bytes:
    """Any JSON value in few bytes, for memories of thousands of objects."""
    return zlib.compress(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), 1)


def unpacked(data: bytes) -> Any:
    """What `packed` was given; None for no bytes."""
    return json.loads(zlib.decompress(data)) if data else None


def owns_all(fields: Mapping[str, Any] | None, desired: Object) -> bool:
    """Whether `fields` (a fieldsV1) cover every value of `desired`, so that nobody has overwritten one of them since.

    Needs no schema: where the fields name list items by key or value, each item of `desired` is looked for among them;
    where they don't, the list is one value. An unsure answer is False, which costs a dry-run and nothing else.
    """
    if fields is None:
        return False
    own = {key: value for key, value in desired.items() if key not in ("apiVersion", "kind", "metadata")}
    metadata = desired.get("metadata") or {}
    kept = {
        key: metadata[key] for key in ("labels", "annotations", "finalizers", "ownerReferences") if metadata.get(key)
    }
    return _covers_map(fields, own) and _covers_map(fields.get("f:metadata") or {}, kept)


def _covers_map(fields: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return all(_covers(fields.get(f"f:{key}"), value) for key, value in values.items())


def _covers(fields: Mapping[str, Any] | None, value: Any) -> bool:
    if fields is None:
        return value is None  # a null is not a value that anybody owns
    below = [key for key in fields if key != "."]
    if not below:
        return True
    if isinstance(value, Mapping):
        return _covers_map(fields, value)
    if isinstance(value, list):
        return all(_covers_item(fields, below, index, item) for index, item in enumerate(value))
    return False


def _covers_item(fields: Mapping[str, Any], below: list[str], index: int, item: Any) -> bool:
    for key in below:
        kind, _, text = key.partition(":")
        if kind == "i":
            matches = text == str(index)
        elif kind == "v":
            matches = _loads(text) == item
        elif kind == "k" and isinstance(item, Mapping):
            wanted = _loads(text)
            # A key that the server filled in by default (a port's protocol) is not in our item.
            matches = isinstance(wanted, dict) and all(item.get(name, part) == part for name, part in wanted.items())
        else:
            matches = False
        if matches and _covers(fields[key], item):
            return True
    return False


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
