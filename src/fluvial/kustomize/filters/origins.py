"""Annotations that tell where an object came from (`buildMetadata`). Source: api `resource.Origin`."""

from dataclasses import dataclass, replace

from fluvial.kustomize.resource import ORIGIN, TRANSFORMATIONS, Resource
from fluvial.kustomize.values import written_style
from fluvial.stdx import clean_path
from fluvial.yamldoc import load
from fluvial.yamldoc.nodes import DOUBLE, SINGLE

ORIGIN_ANNOTATIONS, TRANSFORMER_ANNOTATIONS, MANAGED_BY_LABEL = (
    "originAnnotations",
    "transformerAnnotations",
    "managedByLabel",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A file, or the generator or transformer that was configured in one."""

    path: str = ""
    configured_in: str = ""
    api_version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""

    def into(self, path: str) -> "Origin":
        """Return the origin of `path`, seen from here."""
        return replace(self, path=_join(self.path, path))

    def configured(self, file_name: str, kind: str) -> "Origin":
        """Return the origin of what a built-in of `kind` makes, configured in the kustomization file here."""
        return Origin(configured_in=_join(self.path, file_name), api_version="builtin", kind=kind)

    def text(self, indent: str = "") -> str:
        """Return the annotation's value."""
        by = {"apiVersion": self.api_version, "kind": self.kind, "name": self.name, "namespace": self.namespace}
        lines = [
            f"{key}: {_written(value)}"
            for key, value in (("path", self.path), ("configuredIn", self.configured_in))
            if value
        ]
        if any(by.values()):
            lines.append("configuredBy:")
            lines += [f"  {key}: {_written(value)}" for key, value in by.items() if value]
        return "".join(f"{indent if index else ''}{line}\n" for index, line in enumerate(lines)) or "{}\n"


def _join(folder: str, path: str) -> str:
    return clean_path(f"{folder}/{path}" if folder else path)


def _written(value: str) -> str:
    style = written_style(value)
    if style == SINGLE:
        return "'" + value.replace("'", "''") + "'"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if style == DOUBLE else value


def set_origin(item: Resource, origin: Origin) -> None:
    """Note where an object came from."""
    item.set_annotations({**item.annotations, ORIGIN: origin.text()})


def add_transformation(item: Resource, origin: Origin) -> None:
    """Note what changed an object; one that came out of nowhere was made by it."""
    annotations = item.annotations
    if ORIGIN not in annotations:
        set_origin(item, origin)
        return
    before = annotations.get(TRANSFORMATIONS, "")
    item.set_annotations({**annotations, TRANSFORMATIONS: f"{before}- {origin.text('  ')}"})


def origin_of_plugin(config: Resource) -> Origin | None:
    """Return the origin of what a plugin makes, from the origin of its own config; None if that is not noted."""
    text = config.note(ORIGIN)
    if text is None:
        return None
    noted = load(text)
    path = str(noted.get("path") or "") if isinstance(noted, dict) else ""
    return Origin(
        configured_in=path,
        api_version=config.api_version,
        kind=config.kind,
        name=config.name,
        namespace=config.namespace,
    )
