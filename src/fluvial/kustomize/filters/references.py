"""Follow renamed objects: every field that holds a name is given the new one.

Source: api `filters/nameref`, `internal/accumulator/namereferencetransformer.go`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from fluvial.kustomize.config import BackReference
from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fields import bare_node, get, is_null, set_field, set_scalar, text_of
from fluvial.kustomize.fieldspec import Path, at_path, compiled, fields_at
from fluvial.kustomize.ids import Gvk, ResId
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.resource import PREFIXES, SUFFIXES, Resource, same_ending
from fluvial.kustomize.values import STR
from fluvial.yamldoc.nodes import MAPPING, SCALAR, SEQUENCE, Node, plain_tag


class _Fix(NamedTuple):
    """One field of a kind of referrers, and the kind whose names it holds."""

    path: str
    steps: Path
    target: Gvk


def fix_references(resources: ResMap, references: Sequence[BackReference]) -> None:
    """Rewrite names of objects that were renamed.

    Raises:
        KustomizeError: a name may mean several objects.
    """
    for item in resources:
        if item.kind == "RoleBinding" and not item.id.cluster:
            _subject_namespaces(item)  # upstream complains of these whether or not anything was renamed
    index = _Index(resources)
    fixes_of: dict[Gvk, list[_Fix]] = {}
    for item in resources:
        gvk = item.original_id.gvk
        fixes = fixes_of.get(gvk)
        if fixes is None:
            fixes = fixes_of[gvk] = [
                _Fix(spec.path, compiled(spec.path), reference.target)
                for reference in references
                for spec in reference.referrers
                if gvk.selected_by(spec.gvk) and (index.renamed or not spec.path.lower().endswith("name"))
            ]  # a map at `subjects` or `service` is an error without a name, whether or not anything was renamed
        if fixes:
            _Referrer(item, index).fix(fixes)


class _Index:
    """The renamed objects by each name that they had, in build order. Names do not change while references do."""

    __slots__ = ("all", "renamed")

    def __init__(self, resources: ResMap) -> None:
        self.all = resources.items
        self.renamed: dict[str, list[Resource]] = {}
        for item in resources:
            for name in dict.fromkeys(one.name for one in item.previous_ids):
                self.renamed.setdefault(name, []).append(item)


class _Referrer:
    """An object whose references are being fixed."""

    __slots__ = ("_id", "_index", "_namespaces", "_path", "item")

    def __init__(self, item: Resource, index: _Index) -> None:
        self.item = item
        self._index = index
        self._id = item.id
        self._path = ""
        self._namespaces: frozenset[str] | None = None

    def fix(self, fixes: Sequence[_Fix]) -> None:
        node = self.item.node
        for fix in fixes:
            self._path = fix.path
            try:
                for field in fields_at(node, fix.steps):
                    self._set(field, fix.target)
            except KustomizeError as error:
                told = at_path(error, node, fix.steps)
                raise told.within(f"updating name reference in '{fix.path}' field of '{self._id}'") from error

    def _set(self, node: Node, target: Gvk) -> None:
        if is_null(node):
            return
        if node.kind == SEQUENCE:
            for child in node.content:
                if child.kind == SEQUENCE:
                    raise KustomizeError("expected to be either a string or a map of string")
                self._set(child, target)
        elif node.kind == MAPPING:
            self._set_mapping(node, target)
        elif node.kind == SCALAR:
            self._set_scalar(node, target)

    def _set_scalar(self, node: Node, target: Gvk) -> None:
        old = node.value
        found = self._choose(old, self._candidates(old, None), target, _same_name)
        if found is None:
            return
        found.add_referrer(self._id)
        name = found.name
        if name != old:
            set_scalar(node, bare_node(name))

    def _set_mapping(self, node: Node, target: Gvk) -> None:
        name_node = get(node, "name")
        if name_node is None:
            raise KustomizeError("path config error; no 'name' field in node")
        old = name_node.value
        namespace = get(node, "namespace")
        wanted = None if namespace is None else namespace.value
        found = self._choose(old, self._candidates(old, wanted), target, _same_name_and_namespace)
        if found is None:
            return
        found.add_referrer(self._id)
        name, new_namespace = found.name, found.namespace
        if name == old and not new_namespace:
            return
        set_field(node, "name", bare_node(name))
        if new_namespace:
            set_field(node, "namespace", bare_node(new_namespace))

    def _candidates(self, name: str, namespace: str | None) -> list[Resource]:
        """Return the objects once called `name` that this object may refer to; by `namespace` where it says one."""
        found = [item for item in self._index.renamed.get(name, ()) if self._can_refer(item)]
        if namespace is None or not found:
            return found
        # upstream groups all candidates, not only those of this name, before it decides which grouping to use
        if any(item.original_id.effective_namespace == namespace for item in self._index.all if self._can_refer(item)):
            return [item for item in found if item.original_id.effective_namespace == namespace]
        return [item for item in found if item.id.effective_namespace == namespace]

    def _can_refer(self, target: Resource) -> bool:
        if self._id.cluster:
            return True
        identity = target.id
        if identity.cluster or identity.effective_namespace == self._id.effective_namespace:
            return True
        if self._namespaces is None:
            self._namespaces = _subject_namespaces(self.item)
        return target.namespace in self._namespaces

    def _choose(
        self, name: str, found: list[Resource], target: Gvk, identical: Callable[[list[Resource]], bool]
    ) -> Resource | None:
        """Pick the object that is meant: of the right kind, from the same layers as the referrer."""
        found = [item for item in found if any(one.gvk.selected_by(target) for one in item.previous_ids)]
        if self._path.endswith("roleRef/name"):
            role = _role_gvk(self.item)
            if role is not None:
                found = [item for item in found if any(one.gvk.selected_by(role) for one in item.previous_ids)]
        found = [item for item in found if self._shares_namespace(item)]
        if len(found) == 1:
            return found[0]
        found = [item for item in found if _same_layers(item, self.item, loose=True)]
        if len(found) > 1:
            found = [item for item in found if _same_layers(item, self.item, loose=False)]
        if not found:
            return None
        if len(found) == 1 or identical(found):
            return found[0]
        raise KustomizeError(
            "found multiple possible referrals: "
            + ", ".join(str(item.id) for item in found)
            + f" for the name {name!r}"
        )

    def _shares_namespace(self, item: Resource) -> bool:
        identity: ResId = item.id
        return (
            self._id.cluster
            or identity.cluster
            or item.kind == "ServiceAccount"
            or identity.effective_namespace == self._id.effective_namespace
        )


def _subject_namespaces(item: Resource) -> frozenset[str]:
    """Return the namespaces of the service accounts that a RoleBinding binds."""
    subjects = get(item.node, "subjects") if item.kind == "RoleBinding" else None
    if subjects is None or subjects.kind != SEQUENCE:
        return frozenset()
    found = set()
    for subject in subjects.content:
        if subject.kind == MAPPING and text_of(subject.content.get("kind")) == "ServiceAccount":
            namespace = subject.content.get("namespace")
            if namespace is not None:
                if (namespace.tag or plain_tag(namespace.value)) != STR:
                    raise KustomizeError(f'Invalid Input: namespace is blank for resource "{item.id}"')
                found.add(namespace.value)
    return frozenset(found)


def _role_gvk(item: Resource) -> Gvk | None:
    role = get(item.node, "roleRef")
    if role is None or role.kind != MAPPING:
        return None
    group, kind = role.content.get("apiGroup"), role.content.get("kind")
    if group is None or kind is None:
        return None
    return Gvk(group=group.value, kind=kind.value)


def _same_layers(one: Resource, other: Resource, *, loose: bool) -> bool:
    """Tell whether prefixes and suffixes end alike; loosely, having none fits everything."""
    for note in (PREFIXES, SUFFIXES):
        ours, theirs = one.note_list(note), other.note_list(note)
        if not (loose and (not ours or not theirs)) and not same_ending(ours, theirs):
            return False
    return True


def _same_name(found: list[Resource]) -> bool:
    return len({item.name for item in found}) == 1


def _same_name_and_namespace(found: list[Resource]) -> bool:
    return len({(item.name, item.namespace) for item in found}) == 1
