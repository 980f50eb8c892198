"""A Flux object as its author would have written it: no status, no server's metadata, no zero values, Go's durations.

flux prints through Go structs, which normalise durations (`5m` becomes `5m0s`) and leave out optional fields that hold
their zero value. The schemas of the CRDs tell which fields those are.
"""

from functools import cache
from typing import Any

from fluvial.api import crds
from fluvial.gotext import format_duration, parse_duration
from fluvial.objects import Object, annotations, dig, labels
from fluvial.yamldoc import dump

_DURATION_UNITS = "(ms|s|m"  # how the patterns of all duration fields begin their units


def exported(obj: Object) -> Object:
    """Return what `export` and `create --export` print of `obj`."""
    metadata: Object = {"name": dig(obj, "metadata", "name")}
    namespace = dig(obj, "metadata", "namespace", default="")
    if namespace:
        metadata["namespace"] = namespace
    if labels(obj):
        metadata["labels"] = labels(obj)
    if annotations(obj):
        metadata["annotations"] = annotations(obj)
    result: Object = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}
    spec = obj.get("spec")
    if spec is not None:
        result["spec"] = _tidy(spec, _spec_schema(str(obj["apiVersion"]), str(obj["kind"])))
    return result


def document(obj: Object) -> str:
    """Return `obj` as one document of a YAML stream, with its `---` before it."""
    return "---\n" + dump(obj)


@cache
def _schemas() -> dict[tuple[str, str], Any]:
    found = {}
    for crd in crds():
        for version in crd["spec"]["versions"]:
            key = f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]
            found[key] = dig(version, "schema", "openAPIV3Schema", "properties", "spec", default={})
    return found


def _spec_schema(api_version: str, kind: str) -> Any:
    return _schemas().get((api_version, kind), {})


def _tidy(value: Any, schema: Any) -> Any:
    if isinstance(value, dict) and "properties" in schema:
        required = schema.get("required", ())
        tidied = {name: _tidy(part, schema["properties"].get(name, {})) for name, part in value.items()}
        return {name: part for name, part in tidied.items() if name in required or not _is_zero(part)}
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_tidy(part, schema["items"]) for part in value]
    if isinstance(value, str) and _DURATION_UNITS in schema.get("pattern", ""):
        return _duration(value)
    return value


def _is_zero(value: Any) -> bool:
    # Numbers stay: where the API has an optional number it is a pointer, and 0 was meant.
    return value is None or value is False or value in ("", [], {})


def _duration(value: str) -> str:
    try:
        return format_duration(parse_duration(value))
    except ValueError:
        return value
