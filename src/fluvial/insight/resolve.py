"""Which kind a word on the command line means: `deploy`, `Kustomization`, `ks`, `pods`, `deployments.v1.apps`."""

from collections.abc import Sequence

from fluvial.insight.errors import InsightError
from fluvial.kube import Client, DiscoveryIncomplete, Resource


class UnknownKind(InsightError):
    """No kind goes by that word."""

    def __init__(self, word: str) -> None:
        super().__init__(f'the server doesn\'t have a resource type "{word}"')


async def resolve(client: Client, word: str) -> Resource:
    """Return the resource that `word` names, in its preferred version.

    Raises:
        UnknownKind: none does, among the API groups that answered.
    """
    try:
        resources: Sequence[Resource] = await client.resources()
    except DiscoveryIncomplete as partial:
        resources = partial.found
    found = match(resources, word)
    if found is None:
        raise UnknownKind(word)
    return found


def match(resources: Sequence[Resource], word: str) -> Resource | None:
    """Return the resource that `word` names; of several, the first whose name it is rather than its short name."""
    name, _, rest = word.lower().partition(".")
    candidates = [resource for resource in resources if not rest or rest in _suffixes(resource)]
    for resource in candidates:
        if name in (resource.plural, resource.singular, resource.kind.lower()):
            return resource
    return next((resource for resource in candidates if name in resource.short_names), None)


def _suffixes(resource: Resource) -> Sequence[str]:
    return resource.group, f"{resource.version}.{resource.group}".rstrip(".")
