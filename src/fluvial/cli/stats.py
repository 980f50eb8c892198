"""`stats`: how many Flux objects there are, how many fail, what their artifacts take."""

from collections.abc import Sequence

from fluvial.cli import flags, kinds, table
from fluvial.cli.command import Command
from fluvial.cli.session import Session
from fluvial.kube import KubeError
from fluvial.objects import Object, dig, get_condition

_ROWS = (
    kinds.GIT_REPOSITORY,
    kinds.OCI_REPOSITORY,
    kinds.HELM_REPOSITORY,
    kinds.HELM_CHART,
    kinds.BUCKET,
    kinds.KUSTOMIZATION,
    kinds.HELM_RELEASE,
    kinds.ALERT,
    kinds.PROVIDER,
    kinds.RECEIVER,
    kinds.IMAGE_UPDATE,
    kinds.IMAGE_POLICY,
    kinds.IMAGE_REPOSITORY,
)


async def _run(session: Session, arguments: tuple[str, ...], all_namespaces: bool) -> None:
    client = await session.client()
    rows = []
    for kind in _ROWS:
        try:
            found = await client.list(kind.api_version, kind.kind, None if all_namespaces else session.namespace)
        except KubeError:
            objects: list[Object] = []  # flux shows zeros for what it cannot list
        else:
            objects = found.items
        rows.append([kind.kind, *_cells(objects)])
    session.print(table.render(("Reconcilers", "Running", "Failing", "Suspended", "Storage"), rows), end="")


def _cells(objects: Sequence[Object]) -> Sequence[str]:
    suspended = sum(dig(obj, "spec", "suspend", default=False) is True for obj in objects)
    failing = sum((get_condition(obj, "Ready") or {}).get("status") == "False" for obj in objects)
    size = sum(int(dig(obj, "status", "artifact", "size", default=0)) for obj in objects)
    return str(len(objects) - suspended), str(failing), str(suspended), _size(size)


def _size(size: int) -> str:
    if size == 0:
        return "-"
    if size < 1024:
        return f"{size} B"
    number = float(size)
    for unit in "KMGTPE":
        number /= 1024
        if number < 1024:
            return f"{number:.1f} {unit}iB"
    return f"{number:.1f} EiB"


command = Command(
    "stats",
    "Stats of Flux reconciles",
    _run,
    max_args=0,
    long="""The stats command prints a report of Flux custom resources present on a cluster,
including their reconcile status and the amount of cumulative storage used for each source type""",
    own=[flags.boolean("all-namespaces", "list the statistics for objects across all namespaces", letter="A")],
)
