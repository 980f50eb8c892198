"""`uninstall`: the controllers and their kinds out of a cluster; workloads that were applied stay."""

from collections.abc import AsyncIterator

from fluvial.cli import flags
from fluvial.cli.command import Command
from fluvial.cli.session import Session
from fluvial.install import (
    Outcome,
    cluster_info,
    remove_components,
    remove_crds,
    remove_finalizers,
    remove_namespace,
)


async def _run(session: Session, arguments: tuple[str, ...], keep_namespace: bool, dry_run: bool, silent: bool) -> None:
    client = await session.client()
    if not dry_run and not silent:
        info = await cluster_info(client)
        question = "Are you sure you want to delete Flux and its custom resource definitions"
        if info is not None and info.is_foreign:
            question = (
                f"Flux is managed by {info.managed_by}! "
                "Are you sure you want to delete Flux and its CRDs using Flux CLI"
            )
        session.confirm(question)
    say, namespace = session.say, session.namespace
    say.action(f"deleting components in {namespace} namespace")
    await _tell(session, remove_components(client, namespace, dry_run=dry_run), dry_run)
    say.action("deleting toolkit.fluxcd.io finalizers in all namespaces")
    await _tell(session, remove_finalizers(client, dry_run=dry_run), dry_run)
    say.action("deleting toolkit.fluxcd.io custom resource definitions")
    await _tell(session, remove_crds(client, dry_run=dry_run), dry_run)
    if not keep_namespace:
        _tell_one(session, await remove_namespace(client, namespace, dry_run=dry_run), dry_run)
    say.success("uninstall finished")


async def _tell(session: Session, outcomes: AsyncIterator[Outcome], dry_run: bool) -> None:
    async for outcome in outcomes:
        _tell_one(session, outcome, dry_run)


def _tell_one(session: Session, outcome: Outcome, dry_run: bool) -> None:
    if outcome.error:
        session.say.failure(f"{outcome.ref} {outcome.error}")
    else:
        # flux leaves the space before an empty mark; scripts that compare whole lines expect it.
        session.say.success(f"{outcome} {'(dry run)' if dry_run else ''}")


command = Command(
    "uninstall",
    "Uninstall Flux and its custom resource definitions",
    _run,
    max_args=0,
    long="The uninstall command removes the Flux components and the toolkit.fluxcd.io resources from the cluster.",
    example="""
  # Uninstall Flux components, its custom resources and namespace
  @ uninstall --namespace=flux-system

  # Uninstall Flux but keep the namespace
  @ uninstall --namespace=infra --keep-namespace=true
""",
    own=[
        flags.boolean("keep-namespace", "skip namespace deletion"),
        flags.boolean("dry-run", "only print the objects that would be deleted"),
        flags.boolean("silent", "delete components without asking for confirmation", letter="s"),
    ],
)
