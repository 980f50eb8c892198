"""`check`: whether the cluster can carry Fluvial, and whether what is installed is well."""

from fluvial.cli import flags
from fluvial.cli.command import Command
from fluvial.cli.errors import Failure
from fluvial.cli.logs import PART_OF
from fluvial.cli.rollout import rolled_out
from fluvial.cli.session import Session
from fluvial.gotext import Constraint, Version
from fluvial.install import cluster_info
from fluvial.kube import KubeError
from fluvial.objects import dig

_KUBERNETES = ">=1.33.0-0"


async def _run(
    session: Session,
    arguments: tuple[str, ...],
    pre: bool,
    components: tuple[str, ...],
    components_extra: tuple[str, ...],
    poll_interval: float,
) -> None:
    say = session.say
    say.action("checking prerequisites")
    good = await _kubernetes(session)
    if pre:
        if not good:
            raise Failure("")  # everything was said
        say.success("prerequisites checks passed")
        return
    say.action("checking version in cluster")
    good &= await _version(session)
    say.action("checking controllers")
    good &= await _controllers(session)
    say.action("checking crds")
    good &= await _crds(session)
    if not good:
        raise Failure("check failed")
    say.success("all checks passed")


async def _kubernetes(session: Session) -> bool:
    client = await session.client()
    try:
        text = str((await client.version()).get("gitVersion", ""))
    except KubeError as error:
        session.say.failure(f"Kubernetes API call failed: {error}")
        return False
    try:
        version = Version.parse(text)
    except ValueError:
        session.say.failure("Kubernetes version can't be determined")
        return False
    if not Constraint.parse(_KUBERNETES).check(version):
        session.say.failure(f"Kubernetes version {text} does not match {_KUBERNETES}")
        return False
    session.say.success(f"Kubernetes {version} {_KUBERNETES}")
    return True


async def _version(session: Session) -> bool:
    info = await cluster_info(await session.client())
    if info is None:
        missing = 'customresourcedefinitions.apiextensions.k8s.io "gitrepositories.source.toolkit.fluxcd.io" not found'
        session.say.failure(f"checking failed: {missing}")
        return False
    if info.distribution:
        session.say.success(f"distribution: {info.distribution}")
    session.say.success(f"bootstrapped: {'true' if info.bootstrapped else 'false'}")
    return True


async def _controllers(session: Session) -> bool:
    client = await session.client()
    deployments = (await client.list("apps/v1", "Deployment", session.namespace, labels=PART_OF)).items
    if not deployments:
        session.say.failure(
            f"no controllers found in the '{session.namespace}' namespace with the label selector '{PART_OF}'"
        )
        return False
    good = True
    for deployment in deployments:
        good &= await rolled_out(session, [str(dig(deployment, "metadata", "name"))])
        for container in dig(deployment, "spec", "template", "spec", "containers", default=[]):
            session.say.action(str(container.get("image", "")))
    return good


async def _crds(session: Session) -> bool:
    client = await session.client()
    crds = (await client.list("apiextensions.k8s.io/v1", "CustomResourceDefinition", labels=PART_OF)).items
    if not crds:
        session.say.failure(f"no crds found with the label selector '{PART_OF}'")
        return False
    good = True
    for crd in crds:
        name = dig(crd, "metadata", "name")
        versions = dig(crd, "status", "storedVersions", default=[])
        if versions:
            session.say.success(f"{name}/{versions[-1]}")
        else:
            good = False
            session.say.failure(f"no stored versions for {name}")
    return good


command = Command(
    "check",
    "Check requirements and installation",
    _run,
    max_args=0,
    long="""The check command will perform a series of checks to validate that
the local environment is configured correctly and if the installed components are healthy.""",
    example="""
  # Run pre-installation checks
  @ check --pre

  # Run installation checks
  @ check
""",
    own=[
        flags.boolean("pre", "only run pre-installation checks"),
        flags.strings(
            "components",
            "list of components, accepts comma-separated values",
            ("source-controller", "kustomize-controller", "helm-controller", "notification-controller"),
        ),
        flags.strings(
            "components-extra",
            "list of components in addition to those supplied or defaulted, accepts comma-separated values",
        ),
        flags.duration(
            "poll-interval",
            "accepted for flux's sake: changes of the controllers are watched, not polled",
            "5s",
        ),
    ],
)
