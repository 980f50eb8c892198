"""`spec.postBuild`: variables in the text of each object, and what they did to it.

Source: fluxcd/pkg `kustomize/kustomize_varsub.go`, kustomize-controller `build`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.build.envsubst import SubstitutionError, lookup_in, substitute
from fluvial.build.errors import BuildError
from fluvial.objects import Object, Ref, annotations, labels
from fluvial.yamldoc import YamlError, dump, load

_NAME = "^[_[:alpha:]][_[:alpha:][:digit:]]*$"
_SWITCH, _DISABLED = "kustomize.toolkit.fluxcd.io/substitute", "disabled"


def wrong_name(variables: Mapping[str, str]) -> str:
    """Return what is wrong with the name of a variable, in upstream's words; "" if all could be named in a text."""
    for name in variables:
        rest = name.replace("_", "a")
        if not (name.isascii() and rest.isalnum() and not name[0].isdigit()):
            return f"'{name}' var name is invalid, must match '{_NAME}'"
    return ""


def is_switched_off(obj: Object) -> bool:
    """Tell whether the object opts out, by label or annotation."""
    return labels(obj).get(_SWITCH) == _DISABLED or annotations(obj).get(_SWITCH) == _DISABLED


def substituted(obj: Object, variables: Mapping[str, str], *, strict: bool) -> Object:
    """Return the object with variables replaced in its YAML text, read anew: `port: ${port}` becomes a number.

    Raises:
        BuildError: a bad expression, a variable that is not set, or text that is no object any more.
    """
    text = dump(obj)
    try:
        after = substitute(text, lookup_in(variables, strict=strict))
    except SubstitutionError as cause:
        raise failed(obj, f"envsubst error: variable substitution failed: {cause}") from cause
    if after == text:
        return {key: _through_floats(item) for key, item in obj.items()}
    try:
        value = load(after)
    except YamlError as cause:
        # the line is that of the object's text, which nobody has seen: the problem must do
        raise failed(obj, f"envsubst error: YAMLToJSON: yaml: {cause.problem}") from cause
    if not isinstance(value, dict):
        raise failed(obj, "UnmarshalJSON: the object is no map after the substitution")
    return {key: _through_floats(item) for key, item in value.items()}


def failed(obj: Object, problem: str) -> BuildError:
    """Return the error of an object's substitution."""
    ref = Ref.of(obj)
    gvk = f"{ref.kind}.{ref.version or '[noVer]'}.{ref.group or '[noGrp]'}"
    return BuildError(f"post build failed for '{gvk}/{ref.name}': {problem}", field="spec.postBuild")


def _through_floats(value: Any) -> Any:
    """Return `value` with integers as they come out of a float64, through which upstream sends all numbers."""
    if isinstance(value, dict):
        return {key: _through_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_through_floats(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**53) <= value <= 2**53:
        return int(float(value))
    return value


def describe_changes(before: Object, after: Object) -> str:
    """Return a sentence on what a substitution changed beyond values, "" if nothing.

    Values are never shown: a variable may come from a Secret.
    """
    was, now = Ref.of(before), Ref.of(after)
    changed = [
        part
        for part, same in (
            ("kind", (was.group, was.kind) == (now.group, now.kind)),
            ("name", was.name == now.name),
            ("namespace", was.namespace == now.namespace),
            ("set of keys", set(_keys(before, ())) == set(_keys(after, ()))),
        )
        if not same
    ]
    if not changed:
        return ""
    listed = " and ".join(filter(None, (", ".join(changed[:-1]), changed[-1])))
    return f"{was}: variable substitution changed the {listed} of the object"


def _keys(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            yield from _keys(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item, path)
