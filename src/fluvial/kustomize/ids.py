"""What an object is called during a build, and what selects it.

Source: kyaml `resid`, `openapi.IsNamespaceScoped`; api `types.Selector`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from fluvial.gotext import compile_re2
from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.schema import is_cluster_scoped
from fluvial.objects import LabelSelector, SelectorError

Search = Callable[[str], object]

NOT_A_NAMESPACE = "_non_namespaceable_"
DEFAULT = "default"


class Gvk(NamedTuple):
    """Group, version and kind; as a selector, empty fields match everything."""

    group: str = ""
    version: str = ""
    kind: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def selected_by(self, selector: "Gvk") -> bool:
        """Tell whether every field that `selector` names is the same here."""
        return (
            (not selector.group or selector.group == self.group)
            and (not selector.version or selector.version == self.version)
            and (not selector.kind or selector.kind == self.kind)
        )

    def __str__(self) -> str:
        return f"{self.kind or '[noKind]'}.{self.version or '[noVer]'}.{self.group or '[noGrp]'}"


@lru_cache(maxsize=4096)
def split_group_version(api_version: str) -> tuple[str, str]:
    """Return group and version; a text without a slash is a version of the core group."""
    group, slash, version = api_version.partition("/")
    return (group, version) if slash else ("", api_version)


class ResId(NamedTuple):
    """One object at one moment of the build; `cluster` tells that its kind is known to be cluster-scoped."""

    gvk: Gvk
    name: str = ""
    namespace: str = ""
    cluster: bool = False

    @property
    def effective_namespace(self) -> str:
        """The namespace, `default` for none, and a word that is no namespace for cluster-scoped kinds."""
        if self.cluster:
            return NOT_A_NAMESPACE
        return self.namespace or DEFAULT

    @property
    def key(self) -> tuple[Gvk, str, str]:
        """What two ids have in common that name the same object."""
        return self.gvk, self.name, self.effective_namespace

    def selected_by(self, gvk: Gvk, name: str, namespace: str) -> bool:
        """Tell whether a replacement's source, whose empty fields match everything, names this object."""
        return (
            (not name or name == self.name)
            and (not namespace or namespace == self.effective_namespace)
            and self.gvk.selected_by(gvk)
        )

    def __str__(self) -> str:
        return f"{self.gvk}/{self.name or '[noName]'}.{self.namespace or '[noNs]'}"


@lru_cache(maxsize=4096)
def gvk_of(api_version: str, kind: str) -> tuple[Gvk, bool]:
    """Return the Gvk, and whether it is certainly cluster-scoped by the built-in schema."""
    group, version = split_group_version(api_version)
    return Gvk(group, version, kind), is_cluster_scoped(api_version, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """The target of a patch or replacement: gvk, name and namespace are anchored regular expressions."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    label_selector: str = ""
    annotation_selector: str = ""

    @property
    def names_nothing(self) -> bool:
        """Whether no field of the object's id is asked for."""
        return not (self.group or self.version or self.kind or self.name or self.namespace)

    def __str__(self) -> str:
        id_text = ResId(Gvk(self.group, self.version, self.kind), self.name, self.namespace)
        return f"{id_text}:a={self.annotation_selector}:l={self.label_selector}"


class SelectorMatch:
    """A selector with its patterns compiled.

    Raises:
        KustomizeError: a field is no regular expression (RE2), or a label selector cannot be parsed.
    """

    __slots__ = ("_annotations", "_group", "_kind", "_labels", "_name", "_namespace", "_version", "selector")

    def __init__(self, selector: Selector) -> None:
        self.selector = selector
        self._group = _anchored(selector.group)
        self._version = _anchored(selector.version)
        self._kind = _anchored(selector.kind)
        self._name = _anchored(selector.name)
        self._namespace = _anchored(selector.namespace)
        self._labels = _label_selector(selector.label_selector)
        self._annotations = _label_selector(selector.annotation_selector)

    def gvk(self, gvk: Gvk) -> bool:
        return (
            (self._group is None or self._group(gvk.group) is not None)
            and (self._version is None or self._version(gvk.version) is not None)
            and (self._kind is None or self._kind(gvk.kind) is not None)
        )

    def name(self, name: str) -> bool:
        return self._name is None or self._name(name) is not None

    def namespace(self, namespace: str) -> bool:
        return self._namespace is None or self._namespace(namespace) is not None

    def metadata(self, labels: dict[str, str], annotations: dict[str, str]) -> bool:
        """Tell whether labels and annotations satisfy the selectors on them."""
        return (self._labels is None or self._labels.matches(labels)) and (
            self._annotations is None or self._annotations.matches(annotations)
        )

    @property
    def asks_metadata(self) -> bool:
        return self._labels is not None or self._annotations is not None


def _anchored(pattern: str) -> Search | None:
    if not pattern:
        return None
    return compile_pattern(f"^(?:{pattern})$")


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Search:
    """Return the search for an RE2 pattern; it gives None where nothing matches.

    Raises:
        KustomizeError: with Go's message.
    """
    try:
        return compile_re2(pattern).search
    except ValueError as cause:
        raise KustomizeError(str(cause)) from cause


@lru_cache(maxsize=1024)
def _label_selector(text: str) -> LabelSelector | None:
    if not text:
        return None
    try:
        return LabelSelector.parse(text)
    except SelectorError as cause:
        raise KustomizeError(str(cause)) from cause
