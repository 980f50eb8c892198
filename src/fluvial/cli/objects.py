"""Objects named on the command line: `deployment podinfo`, `deploy/podinfo`, `ks/apps`."""

from collections.abc import Sequence

from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.session import Session
from fluvial.insight import resolve
from fluvial.kube import Resource
from fluvial.objects import Object, Ref

_WANTED = "either `<resource>/<name>` or `<resource> <name>` is required as an argument"


def split_arguments(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Return (kind, name) pairs from `kind name [name …]` or `kind/name [kind/name …]`.

    Raises:
        UsageFailure: the arguments are of neither form.
    """
    if not arguments:
        raise UsageFailure(_WANTED)
    if all("/" in argument for argument in arguments):
        pairs = [argument.partition("/") for argument in arguments]
        if any(not kind or not name or "/" in name for kind, _, name in pairs):
            raise UsageFailure(_WANTED)
        return [(kind, name) for kind, _, name in pairs]
    if len(arguments) < 2 or any("/" in argument for argument in arguments):
        raise UsageFailure(_WANTED)
    return [(arguments[0], name) for name in arguments[1:]]


def ref_to(resource: Resource, namespace: str, name: str) -> Ref:
    """Return the ref of an object of `resource`; a kind without namespaces has none."""
    return Ref(resource.group, resource.version, resource.kind, namespace if resource.namespaced else "", name)


async def read_objects(session: Session, arguments: Sequence[str]) -> list[Object]:
    """Return the objects that `arguments` name, in order.

    Raises:
        Failure: one is not there; the text is the API server's.
    """
    pairs = split_arguments(arguments)
    client = await session.client()
    found = []
    for word, name in pairs:
        resource = await resolve(client, word)
        namespace = session.namespace if resource.namespaced else ""
        obj = await client.get(resource.api_version, resource.kind, namespace, name)
        if obj is None:
            full = f"{resource.plural}.{resource.group}".rstrip(".")
            raise Failure(f'{full} "{name}" not found')
        found.append(obj)
    return found
