"""What a server serves: one record per resource, and what a call answers."""

from dataclasses import dataclass

from fluvial.objects import Object


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind in one version, as discovery tells it.

    Attributes:
        plural: the name in paths ("deployments").
        verbs: of the resource itself ("get", "list", "watch", "create", "patch", …).
        subresources: names after the slash ("status", "scale").
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True)
class ObjectList:
    """A whole list (all pages), and the version to watch from. Each item has its apiVersion and kind."""

    items: list[Object]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Applied:
    """The object after a server-side apply; `created` tells new from existing (201 from 200), in a dry-run too."""

    object: Object
    created: bool
