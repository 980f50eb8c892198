"""The resources of a build, in the order in which they were met. Source: api `resmap.resWrangler`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from fluvial.kustomize.datamaps import merge_data
from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.ids import ResId, Selector, SelectorMatch
from fluvial.kustomize.index import Index, Key, is_literal
from fluvial.kustomize.merge import merge
from fluvial.kustomize.resource import ALLOW_KIND_CHANGE, ALLOW_NAME_CHANGE, BEHAVIOR, ORIGIN, Resource
from fluvial.kustomize.schema import Schemas


class ResMap:
    """A list of resources whose present ids are all different.

    Whoever changes what an object is called, or empties it, does so within `changing`, or says `changed` afterwards.
    """

    __slots__ = ("_index", "_some_gone", "items")

    def __init__(self, items: Iterable[Resource] = ()) -> None:
        self.items: list[Resource] = []
        self._index: Index | None = None
        self._some_gone = False  # what a patch emptied may still be in the list
        self.extend(items)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def changed(self) -> None:
        """Say that any object may have changed: what is known of ids is forgotten."""
        self._index = None
        self._some_gone = True

    @contextmanager
    def changing(self, item: Resource) -> Iterator[None]:
        """Change one object."""
        index = self._known()
        position = index.forget(item)
        try:
            yield
        finally:
            index.learn(item, position)
            self._some_gone |= item.is_gone

    def _known(self) -> Index:
        if self._index is None:
            self._index = Index(self.items)
        return self._index

    def append(self, resource: Resource) -> None:
        """Add a resource.

        Raises:
            KustomizeError: another one has the same id.
        """
        index = self._known()
        identity = resource.id
        if identity.key in index:
            raise _double(identity)
        index.learn(resource, len(self.items))
        self.items.append(resource)

    def extend(self, resources: Iterable[Resource]) -> None:
        """Add resources one by one, as `append`."""
        for resource in resources:
            self.append(resource)

    def reset(self, resources: Iterable[Resource]) -> None:
        """Hold these resources instead, checking their ids."""
        self.items, self._index = list(resources), None
        known: set[Key] = set()
        for item in self.items:
            identity = item.id
            if identity.key in known:
                raise _double(identity)
            known.add(identity.key)

    def drop_gone(self) -> None:
        """Forget resources that were emptied."""
        if self._some_gone:
            self._some_gone = False
            if any(item.is_gone for item in self.items):
                self.items = [item for item in self.items if not item.is_gone]
                self._index = None

    def matching(self, name: str, accept: Callable[[ResId], bool]) -> list[Resource]:
        """Return the resources that have, or once had, an id with this name that `accept` accepts."""
        return [
            item for item in self._known().called(name) if any(one.name == name and accept(one) for one in item.all_ids)
        ]

    def known_as(self, key: Key) -> list[Resource]:
        """Return the resources that have, or once had, the id with this key."""
        return self.matching(key[1], lambda one: one.key == key)

    def perhaps_called(self, pattern: str) -> Sequence[Resource]:
        """Return all resources, or fewer when it is certain that no other's name matches `pattern`; "" matches all."""
        return self._known().called(pattern) if pattern and is_literal(pattern) else list(self.items)

    def by_id(self, wanted: ResId) -> Resource:
        """Return the one resource that has, or once had, the id `wanted`.

        Raises:
            KustomizeError: none or several.
        """
        found = self.known_as(wanted.key)
        if len(found) == 1:
            return found[0]
        problem = "multiple matches" if found else "no matches"
        raise KustomizeError(f"{problem} for Id {wanted}; failed to find unique target for patch {wanted}")

    def select(self, selector: Selector) -> list[Resource]:
        """Return the resources that `selector` selects, by their original or present name and namespace."""
        match = SelectorMatch(selector)
        found = []
        for item in self.perhaps_called(selector.name):
            now, once = item.id, item.original_id
            if (
                (match.namespace(once.effective_namespace) or match.namespace(now.effective_namespace))
                and (match.name(once.name) or match.name(now.name))
                and match.gvk(now.gvk)
                and (not match.asks_metadata or match.metadata(item.labels, item.annotations))
            ):
                found.append(item)
        return found

    def patch_strategically(self, selected: Sequence[Resource], patch: Resource, schemas: Schemas) -> None:
        """Merge `patch` into the selected resources, each time afresh; its own name and kind don't matter.

        Raises:
            KustomizeError: the merge fails, or two resources have one id afterwards.
        """
        ids = {item.id for item in selected}
        chosen = [item for item in self.items if item.id in ids] if self._known().clashes else list(selected)
        for item in chosen:
            copy = patch.copy()
            copy.take_metadata_from(patch)
            copy.set_kind(patch.kind)
            copy.set_api_version(item.api_version)
            with self.changing(item):
                apply_patch(item, copy, schemas)
        self.drop_gone()
        if self._known().clashes:
            self.reset(self.items)

    def absorb(self, generated: Iterable[Resource]) -> None:
        """Add what a generator made, replacing or merging what has the same id, as its behavior says.

        Raises:
            KustomizeError: the behavior does not fit what is there.
        """
        for resource in generated:
            self._absorb(resource)

    def _absorb(self, resource: Resource) -> None:
        identity = resource.id
        behavior = resource.note(BEHAVIOR) or ""
        found = self.known_as(identity.key)
        if not found:
            if behavior in ("merge", "replace"):
                raise KustomizeError(f"id {_go_id(identity)} does not exist; cannot merge or replace")
            self.append(resource)
            return
        if len(found) > 1:
            raise KustomizeError(
                f"found multiple objects {[str(item.id) for item in found]} that could accept merge of {identity}"
            )
        old = found[0]
        if behavior == "replace":
            resource.take_metadata_from(old)
        elif behavior == "merge":
            _merge_data(resource, old)
        else:
            said = behavior if behavior == "create" else "unspecified"
            raise KustomizeError(
                f"id {_go_id(identity)} exists; can not use behavior: '{said}', behavior must be merge or replace"
            )
        index = self._known()
        position = index.forget(old)
        self.items[position] = resource
        index.learn(resource, position)


def _double(identity: ResId) -> KustomizeError:
    return KustomizeError(f"may not add resource with an already registered id: {identity}")


def _merge_data(resource: Resource, old: Resource) -> None:
    origin = old.note(ORIGIN)
    resource.take_metadata_from(old)
    merge_data(resource.node, old.node)
    if origin is not None:
        resource.set_annotations({**resource.annotations, ORIGIN: origin})


def apply_patch(target: Resource, patch: Resource, schemas: Schemas) -> None:
    """Merge `patch` into `target`; kind and name stay unless the patch may change them, the namespace always."""
    name, namespace, kind = target.name, target.namespace, target.kind
    keeps_name, keeps_kind = not patch.is_enabled(ALLOW_NAME_CHANGE), not patch.is_enabled(ALLOW_KIND_CHANGE)
    if not (keeps_name and keeps_kind):
        target.remember_id()
    if merge(target.node, patch.node, schemas) is None:
        target.delete()
    if target.is_gone:
        return
    if keeps_kind:
        target.set_kind(kind)
    if keeps_name:
        target.set_name(name)
    target.set_namespace(namespace)


def _go_id(identity: ResId) -> str:
    group, version, kind = identity.gvk
    return (
        f'resid.ResId{{Gvk:resid.Gvk{{Group:"{group}", Version:"{version}", Kind:"{kind}", '
        f'isClusterScoped:{str(identity.cluster).lower()}}}, Name:"{identity.name}", Namespace:"{identity.namespace}"}}'
    )
