"""CustomResourceDefinitions."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, Internal, invalid, required
from fluvial.controlplane.schemas.rules.checks import named, one_of, unchanged
from fluvial.controlplane.schemas.rules.names import dns_label_1035, subdomain
from fluvial.controlplane.schemas.rules.table import Rules
from fluvial.controlplane.schemas.structural import problems_of_schema
from fluvial.objects import same_json

Values = dict[str, Any]


def _definition(obj: Values) -> None:
    spec = obj["spec"]
    spec.setdefault("conversion", {"strategy": "None"})
    names = spec["names"]
    if not names.get("singular") and names.get("kind"):
        names["singular"] = names["kind"].lower()
    if not names.get("listKind") and names.get("kind"):
        names["listKind"] = names["kind"] + "List"
    if not obj["status"].get("storedVersions"):
        stored = [version["name"] for version in spec.get("versions") or () if version.get("storage")]
        obj["status"]["storedVersions"] = stored[:1]


def _service(obj: Values) -> None:
    obj.setdefault("port", 443)


DEFAULTS: dict[str, Callable[[Values], None]] = {
    "v1.CustomResourceDefinition": _definition,
    "v1.ServiceReference": _service,
}


Errors = Iterator[FieldError]

_HOISTED = "spec.validation.openAPIV3Schema"  # where the internal type keeps a schema that all versions share


def _definition_errors(obj: Values) -> Errors:
    spec = obj["spec"]
    names, group = spec.get("names") or {}, spec.get("group") or ""
    name, plural = obj["metadata"].get("name") or "", names.get("plural") or ""
    if name != f"{plural}.{group}":
        yield invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    if not group:
        yield required("spec.group")
    else:
        yield from named(group, "spec.group", subdomain)
        if "." not in group:
            yield invalid("spec.group", group, "should be a domain with at least one dot")
    scope = spec.get("scope") or ""
    if scope:
        yield from one_of(scope, "spec.scope", ("Cluster", "Namespaced"))
    else:
        yield required("spec.scope")
    if spec.get("preserveUnknownFields"):
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        yield invalid("spec.preserveUnknownFields", True, text)
    yield from _version_errors(spec.get("versions") or [])
    yield from _schema_errors(spec.get("versions") or [])
    yield from _name_errors(names)
    if not (obj.get("status") or {}).get("storedVersions"):
        yield invalid("status.storedVersions", None, "must have at least one stored version")


def _version_errors(versions: list[Any]) -> Errors:
    seen = set()
    for index, version in enumerate(versions):
        name = version.get("name") or ""
        if name in seen:
            yield invalid("spec.versions", _shown(versions), "must contain unique version names")
        seen.add(name)
        yield from named(name, f"spec.versions[{index}].name", dns_label_1035)
    if sum(bool(version.get("storage")) for version in versions) != 1:
        yield invalid("spec.versions", _shown(versions), "must have exactly one version marked as storage version")


def _shown(versions: list[Any]) -> Any:
    fields = ("DeprecationWarning", "Schema", "Subresources", "AdditionalPrinterColumns", "SelectableFields")
    return [
        Internal(
            {
                "Name": version.get("name"),
                "Served": bool(version.get("served")),
                "Storage": bool(version.get("storage")),
                "Deprecated": bool(version.get("deprecated")),
                **dict.fromkeys(fields),
            }
        )
        for version in versions
    ]


def _schema_errors(versions: list[Any]) -> Errors:
    schemas = [(version.get("schema") or {}).get("openAPIV3Schema") for version in versions]
    shared = len(schemas) > 0 and all(same_json(schema, schemas[0]) for schema in schemas)
    for index, schema in enumerate(schemas):
        path = f"spec.versions[{index}].schema.openAPIV3Schema"
        if schema is None:
            yield required(path)
        elif not shared or index == 0:
            yield from problems_of_schema(schema, _HOISTED if shared else path)


def _name_errors(names: Mapping[str, Any]) -> Errors:
    for field in ("plural", "singular", "kind", "listKind"):
        value = names.get(field) or ""
        if not value and field in ("plural", "kind"):
            yield required(f"spec.names.{field}")
        elif value:
            lower = value if field in ("plural", "singular") else value.lower()
            for problem in dns_label_1035(lower):
                prefix = "" if field in ("plural", "singular") else "may have mixed case, but should otherwise match: "
                yield invalid(f"spec.names.{field}", value, prefix + problem)


def _definition_changes(old: Values, new: Values) -> Errors:
    before, after = old["spec"], new["spec"]
    established = any(
        condition.get("type") == "Established" and condition.get("status") == "True"
        for condition in (old.get("status") or {}).get("conditions") or ()
    )
    yield from unchanged(before.get("group"), after.get("group"), "spec.group")
    yield from unchanged(before["names"].get("plural"), after["names"].get("plural"), "spec.names.plural")
    if established:
        yield from unchanged(before.get("scope"), after.get("scope"), "spec.scope")
        yield from unchanged(before["names"].get("kind"), after["names"].get("kind"), "spec.names.kind")


RULES: dict[tuple[str, str], Rules] = {
    ("v1", "CustomResourceDefinition"): Rules(object=_definition_errors, change=_definition_changes),
}
