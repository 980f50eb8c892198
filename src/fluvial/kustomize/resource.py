"""One object during a build, and what the build notes on it.

The notes (earlier names, prefixes, whether a hash is due) are annotations of the object itself, as upstream has them,
because patches and replacements can see them. They go at the end. Source: api `resource.Resource`, `internal/utils`.
"""

from collections.abc import Iterable
from functools import lru_cache

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fields import (
    clear,
    get,
    is_empty,
    metadata_map,
    set_annotation,
    set_metadata_map,
    set_text,
    text_of,
)
from fluvial.kustomize.ids import Gvk, ResId, gvk_of, split_group_version
from fluvial.kustomize.values import NULL
from fluvial.yamldoc.nodes import MAPPING, SCALAR, Node

_DOMAIN = "internal.config.kubernetes.io/"
PREVIOUS_KINDS = _DOMAIN + "previousKinds"
PREVIOUS_NAMES = _DOMAIN + "previousNames"
PREVIOUS_NAMESPACES = _DOMAIN + "previousNamespaces"
PREFIXES = _DOMAIN + "prefixes"
SUFFIXES = _DOMAIN + "suffixes"
REFERRED_BY = _DOMAIN + "refBy"
BEHAVIOR = _DOMAIN + "generatorBehavior"
NEEDS_HASH = _DOMAIN + "needsHashSuffix"
ALLOW_NAME_CHANGE = _DOMAIN + "allowNameChange"
ALLOW_KIND_CHANGE = _DOMAIN + "allowKindChange"
HELM_GENERATED = _DOMAIN + "helm-generated"
ENABLED = "enabled"
ORIGIN = "config.kubernetes.io/origin"
TRANSFORMATIONS = "alpha.config.kubernetes.io/transformations"
LOCAL_CONFIG = "config.kubernetes.io/local-config"

_LEGACY = ("config.kubernetes.io/path", "config.kubernetes.io/index", "config.k8s.io/id")
BUILD_NOTES = (
    *(PREVIOUS_KINDS, PREVIOUS_NAMES, PREFIXES, SUFFIXES, PREVIOUS_NAMESPACES, ALLOW_NAME_CHANGE, ALLOW_KIND_CHANGE),
    *(REFERRED_BY, BEHAVIOR, NEEDS_HASH, HELM_GENERATED),
    *(_DOMAIN + name for name in ("path", "index", "seqindent", "id", "annotations-migration-resource-id")),
    *_LEGACY,
)
_NO_NODE = Node(SCALAR, NULL)


class Resource:
    """A node, and the names of the vars that point at it. A deleted object has an empty node."""

    __slots__ = ("node", "var_names")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.var_names: tuple[str, ...] = ()

    @property
    def is_gone(self) -> bool:
        """Whether a patch deleted the object, or left nothing of it."""
        return is_empty(self.node)

    def delete(self) -> None:
        """Leave nothing of the object; the map of resources drops it."""
        self.node = _NO_NODE

    def copy(self) -> "Resource":
        twin = Resource(self.node.copy())
        twin.var_names = self.var_names
        return twin

    # --- identity

    @property
    def kind(self) -> str:
        return self._text("kind")

    @property
    def api_version(self) -> str:
        return self._text("apiVersion")

    def _text(self, field: str) -> str:
        content = self.node.content
        node = content.get(field) if content is not None and self.node.kind == MAPPING else None
        return node.value if node is not None else ""

    @property
    def name(self) -> str:
        return self._metadata_text("name")

    @property
    def namespace(self) -> str:
        return self._metadata_text("namespace")

    def _metadata_text(self, field: str) -> str:
        content = self.node.content
        metadata = content.get("metadata") if content is not None and self.node.kind == MAPPING else None
        if metadata is None or metadata.kind != MAPPING:
            return ""
        node = metadata.content.get(field)
        return "" if node is None or is_empty(node) else node.value

    @property
    def gvk(self) -> Gvk:
        return gvk_of(self.api_version, self.kind)[0]

    @property
    def id(self) -> ResId:
        """The id that the object has now; unique among the resources of a build."""
        gvk, cluster = gvk_of(self.api_version, self.kind)
        return ResId(gvk, self.name, self.namespace, cluster)

    @property
    def previous_ids(self) -> tuple[ResId, ...]:
        """The ids that the object had before, the oldest first."""
        notes = self._annotations()
        names = notes.get(PREVIOUS_NAMES)
        if names is None:
            return ()
        return _previous_ids(
            self.api_version, names.value, _value(notes, PREVIOUS_NAMESPACES), _value(notes, PREVIOUS_KINDS)
        )

    @property
    def original_id(self) -> ResId:
        ids = self.previous_ids
        return ids[0] if ids else self.id

    @property
    def all_ids(self) -> tuple[ResId, ...]:
        return (*self.previous_ids, self.id)

    def remember_id(self) -> None:
        """Note the present id, before it changes."""
        now = self.id
        self._append_note(PREVIOUS_NAMES, now.name)
        self._append_note(PREVIOUS_NAMESPACES, now.effective_namespace)
        self._append_note(PREVIOUS_KINDS, now.gvk.kind)

    def set_name(self, name: str) -> None:
        set_text(self.node, name, "metadata", "name")

    def set_namespace(self, namespace: str) -> None:
        if namespace:
            set_text(self.node, namespace, "metadata", "namespace")
        else:
            clear(get(self.node, "metadata"), "namespace")

    def set_kind(self, kind: str) -> None:
        set_text(self.node, kind, "kind")

    def set_api_version(self, api_version: str) -> None:
        set_text(self.node, api_version, "apiVersion")

    # --- labels, annotations, notes

    @property
    def labels(self) -> dict[str, str]:
        return metadata_map(self.node, "labels")

    @property
    def annotations(self) -> dict[str, str]:
        return metadata_map(self.node, "annotations")

    def set_labels(self, labels: dict[str, str]) -> None:
        set_metadata_map(self.node, "labels", labels)

    def set_annotations(self, annotations: dict[str, str]) -> None:
        set_metadata_map(self.node, "annotations", annotations)

    def _annotations(self) -> dict[str, Node]:
        metadata = self.node.content.get("metadata") if self.node.kind == MAPPING else None
        if metadata is None or metadata.kind != MAPPING:
            return {}
        field = metadata.content.get("annotations")
        return field.content if field is not None and field.kind == MAPPING else {}

    def note(self, name: str) -> str | None:
        """Return one annotation's text, None where there is none."""
        found = self._annotations().get(name)
        return None if found is None else found.value

    def note_list(self, name: str) -> list[str]:
        text = self.note(name)
        return [] if text is None else text.split(",")

    def _append_note(self, name: str, value: str) -> None:
        if value:
            present = self.note(name)
            set_annotation(self.node, name, value if present is None else f"{present},{value}")

    def add_prefix(self, prefix: str) -> None:
        self._append_note(PREFIXES, prefix)

    def add_suffix(self, suffix: str) -> None:
        self._append_note(SUFFIXES, suffix)

    def add_referrer(self, referrer: ResId) -> None:
        self._append_note(REFERRED_BY, str(referrer))

    def enable(self, name: str) -> None:
        self.set_annotations({**self.annotations, name: ENABLED})

    def is_enabled(self, name: str) -> bool:
        return self.note(name) == ENABLED

    def internal_annotations(self) -> dict[str, str]:
        """Return the annotations that a JSON patch must not lose."""
        return {key: text for key, text in self.annotations.items() if key.startswith(_DOMAIN) or key in _LEGACY}

    def take_metadata_from(self, other: "Resource") -> None:
        """Take name, namespace and notes of `other`, and its labels and annotations where there are none of our own."""
        self.set_labels({**other.labels, **self.labels})
        ours, theirs = self.annotations, other.annotations
        merged = {**theirs, **ours}
        for note in BUILD_NOTES:
            if note in theirs:
                merged[note] = theirs[note]
            else:
                merged.pop(note, None)
        if NEEDS_HASH not in ours:
            merged.pop(NEEDS_HASH, None)
        self.set_annotations(merged)
        self.set_name(other.name)
        self.set_namespace(other.namespace)
        self.var_names = other.var_names

    def validate(self) -> None:
        """Refuse an object without kind or name, with upstream's words.

        Raises:
            KustomizeError: naming what is missing.
        """
        check_metadata(self.node)


def check_metadata(node: Node) -> None:
    """Refuse a node that is no object: kind and, but for lists, a name are needed."""
    metadata = get(node, "metadata") if node.kind == MAPPING else None
    api_version, kind = (_filled(node, field) for field in ("apiVersion", "kind"))
    name, namespace = (_filled(metadata, field) for field in ("name", "namespace"))
    known = any((api_version, kind, name, namespace))
    if not known and not any(_has(metadata, field) for field in ("labels", "annotations")):
        raise KustomizeError("missing Resource metadata")
    if kind.endswith("List") or (kind and name):
        return
    notes = f"{_shown(node, 'labels')} {_shown(node, 'annotations')}"
    shown = f"{{{{{api_version} {kind}}} {{{{{name} {namespace}}} {notes}}}}}"
    raise KustomizeError(f"missing {'metadata.name' if kind else 'kind'} in object {shown}")


def _filled(node: Node | None, field: str) -> str:
    found = node.content.get(field) if node is not None and node.kind == MAPPING else None
    return "" if is_empty(found) else text_of(found)


def _has(node: Node | None, field: str) -> bool:
    return node is not None and node.kind == MAPPING and not is_empty(node.content.get(field))


def _shown(node: Node, field: str) -> str:
    pairs = " ".join(f"{key}:{value}" for key, value in sorted(metadata_map(node, field).items()))
    return f"map[{pairs}]"


def _value(notes: dict[str, Node], name: str) -> str:
    found = notes.get(name)
    return "" if found is None else found.value


@lru_cache(maxsize=8192)
def _previous_ids(api_version: str, names: str, namespaces: str, kinds: str) -> tuple[ResId, ...]:
    group, version = split_group_version(api_version)
    rows = names.split(","), namespaces.split(","), kinds.split(",")
    if len({len(row) for row in rows}) != 1:
        raise KustomizeError(
            "number of previous names, number of previous namespaces, number of previous kinds not equal"
        )
    return tuple(ResId(Gvk(group, version, kind), name, namespace) for name, namespace, kind in zip(*rows, strict=True))


def same_ending(one: Iterable[str], other: Iterable[str]) -> bool:
    """Tell whether two lists end the same way; an empty list only equals an empty one."""
    a, b = list(one), list(other)
    short = min(len(a), len(b))
    return a == b if not short else a[-short:] == b[-short:]
