"""Where to find a resource by a name that it has or once had, so that a build of many patches need not look at all."""

from collections.abc import Iterable

from fluvial.kustomize.ids import Gvk
from fluvial.kustomize.resource import Resource

Key = tuple[Gvk, str, str]

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/:")


def is_literal(pattern: str) -> bool:
    """Tell whether a regular expression is certain to match its own text only."""
    return _PLAIN.issuperset(pattern)


class Index:
    """The resources of a list by all their names, and how many have each present id.

    A resource whose names change must be forgotten before and learnt again afterwards.
    """

    __slots__ = ("_named", "_position", "_present", "clashes")

    def __init__(self, items: Iterable[Resource]) -> None:
        self._named: dict[str, list[Resource]] = {}
        self._position: dict[int, int] = {}
        self._present: dict[Key, int] = {}
        self.clashes = 0  # ids that more than one resource has
        for position, item in enumerate(items):
            self.learn(item, position)

    def __contains__(self, key: Key) -> bool:
        return key in self._present

    def learn(self, item: Resource, position: int) -> None:
        """Add a resource that stands at `position` of the list; one that is gone is left out."""
        self._position[id(item)] = position
        if item.is_gone:
            return
        for name in _names(item):
            self._named.setdefault(name, []).append(item)
        key = item.id.key
        count = self._present[key] = self._present.get(key, 0) + 1
        if count == 2:
            self.clashes += 1

    def forget(self, item: Resource) -> int:
        """Remove a resource, and return its position."""
        if not item.is_gone:
            for name in _names(item):
                self._named[name].remove(item)
            key = item.id.key
            count = self._present[key] - 1
            if count:
                self._present[key] = count
            else:
                del self._present[key]
            if count == 1:
                self.clashes -= 1
        return self._position.pop(id(item))

    def called(self, name: str) -> list[Resource]:
        """Return the resources that are or once were called `name`, in the order of the list."""
        found = self._named.get(name, [])
        return sorted(found, key=lambda item: self._position[id(item)]) if len(found) > 1 else list(found)


def _names(item: Resource) -> Iterable[str]:
    previous = item.previous_ids
    return dict.fromkeys([*(one.name for one in previous), item.name]) if previous else (item.name,)
