"""`debug kustomization`: status, variables and history of one Kustomization."""

from collections.abc import Sequence

from fluvial.build import merge_variables, variables_of
from fluvial.cli import flags, kinds
from fluvial.cli.command import Command, Group, unbuilt
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.fetch import fetch
from fluvial.cli.session import Session
from fluvial.objects import Object, dig
from fluvial.yamldoc import dump

_DOCS = "https://fluxcd.io/flux/components/kustomize/kustomizations/"


async def _run(
    session: Session, arguments: tuple[str, ...], show_status: bool, show_vars: bool, show_history: bool
) -> None:
    if len(arguments) != 1:
        raise UsageFailure(f"accepts 1 arg(s), received {len(arguments)}")
    if show_status + show_vars + show_history != 1:
        raise UsageFailure("exactly one of --show-status, --show-vars, or --show-history must be set")
    obj = await fetch(session, kinds.KUSTOMIZATION, arguments[0])
    if show_status:
        session.print(f"# Status documentation: {_DOCS}#kustomization-status")
        session.print(dump(obj.get("status", {})), end="")
    elif show_history:
        session.print(f"# History documentation: {_DOCS}#history")
        session.print(dump(dig(obj, "status", "history", default=[])), end="")
    else:
        for key, value in sorted((await kustomization_variables(session, obj)).items()):
            session.print(f"{key}={value}")


async def kustomization_variables(session: Session, obj: Object) -> dict[str, str]:
    """Return all variables of `spec.postBuild`, as the controller would merge them.

    Raises:
        Failure: there is no postBuild.
    """
    if dig(obj, "spec", "postBuild", default=None) is None:
        raise Failure("no post build substitutions found")
    return merge_variables(await substitute_from(session, obj), dig(obj, "spec", "postBuild", "substitute", default={}))


async def substitute_from(session: Session, obj: Object) -> Sequence[dict[str, str]]:
    """Return the variables of each object of `spec.postBuild.substituteFrom`, in order.

    Raises:
        Failure: one that is not optional is missing.
    """
    client = await session.client()
    namespace = str(dig(obj, "metadata", "namespace", default="") or session.namespace)
    found = []
    for reference in dig(obj, "spec", "postBuild", "substituteFrom", default=[]):
        source = await client.get("v1", reference["kind"], namespace, reference["name"])
        if source is not None:
            found.append(variables_of(source))
        elif not reference.get("optional", False):
            kind = {"Secret": "secrets", "ConfigMap": "configmaps"}[reference["kind"]]
            where = f"{reference['kind']}/{reference['name']}"
            raise Failure(f"substitute from '{where}' error: {kind} \"{reference['name']}\" not found")
    return found


command = Group(
    "debug",
    "Debug a flux resource",
    [
        Command(
            "kustomization",
            "Debug a Flux Kustomization resource",
            _run,
            usage="[name]",
            aliases=("ks",),
            long="""The debug kustomization command can be used to troubleshoot failing Kustomization reconciliations.
WARNING: This command will print sensitive information if Kubernetes Secrets are referenced in the Kustomization
.spec.postBuild.substituteFrom field.""",
            example="""
  # Print the status of a Flux Kustomization
  @ debug ks podinfo --show-status

  # Export the final variables used for post-build substitutions composed from referred ConfigMaps and Secrets
  @ debug ks podinfo --show-vars > vars.env
""",
            own=[
                flags.boolean("show-status", "print the status of the Flux Kustomization"),
                flags.boolean("show-vars", "print the final vars of the Flux Kustomization in dot env format"),
                flags.boolean("show-history", "print the reconciliation history of the Flux Kustomization"),
            ],
        ),
        unbuilt("helmrelease", aliases=("hr",)),
    ],
    long="The debug command can be used to troubleshoot failing resource reconciliations.",
)
