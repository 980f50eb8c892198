"""`version`: of this program, and of the controllers in the cluster."""

import json

from fluvial import __version__
from fluvial.cli import flags
from fluvial.cli.command import Command
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.session import Session
from fluvial.objects import Object, dig
from fluvial.yamldoc import dump

_PART_OF = "app.kubernetes.io/part-of=flux"


async def _run(session: Session, arguments: tuple[str, ...], client: bool, output: str) -> None:
    if output not in ("yaml", "json"):
        raise UsageFailure(f"--output must be json or yaml, not {output}")
    found = {"flux": f"v{__version__}"}
    if not client:
        found |= await _server(session)
    if output == "json":
        session.print(json.dumps(dict(sorted(found.items())), indent=2))
        return
    # `flux` and `distribution` come first, then the controllers by name: YAML writers sort, so line by line.
    first = [key for key in ("flux", "distribution") if key in found]
    session.print("".join(dump({key: found[key]}) for key in (*first, *sorted(found.keys() - first))), end="")


async def _server(session: Session) -> dict[str, str]:
    # Imported where a cluster is asked: `version --client` is for scripts that want an answer at once.
    from fluvial.install import cluster_info

    api = await session.client()
    found = {}
    info = await cluster_info(api)
    if info is not None and info.distribution:
        found["distribution"] = info.distribution
    deployments = (await api.list("apps/v1", "Deployment", session.namespace, labels=_PART_OF)).items
    if not deployments:
        raise Failure(f"no deployments found in {session.namespace} namespace")
    for deployment in deployments:
        found |= dict(_component(container, deployment) for container in _containers(deployment))
    return found


def _containers(deployment: Object) -> list[Object]:
    containers: list[Object] = dig(deployment, "spec", "template", "spec", "containers", default=[])
    return containers


def _component(container: Object, deployment: Object) -> tuple[str, str]:
    """Return component and tag. Our controllers share one image, so its name says less than the Deployment's."""
    image = str(container.get("image", ""))
    name, tag = split_image(image)
    return (str(dig(deployment, "metadata", "name")) if name == "fluvial" else name), tag


def split_image(image: str) -> tuple[str, str]:
    """Return the last name and the tag of an image reference.

    Raises:
        Failure: there is no tag.
    """
    path = image.partition("@")[0]
    name, colon, tag = path.rpartition("/")[2].partition(":")
    if not colon:
        raise Failure(f"missing image tag in image {image}")
    return name, tag


command = Command(
    "version",
    "Print the client and server-side components version information.",
    _run,
    long="Print the client and server-side components version information for the current context.",
    own=[
        flags.boolean("client", "print only client version"),
        flags.text(
            "output",
            "the format in which the information should be printed. can be 'json' or 'yaml'",
            "yaml",
            letter="o",
        ),
    ],
)
