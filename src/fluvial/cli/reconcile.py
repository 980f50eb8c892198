"""`reconcile`: ask a controller to look at an object now, and wait for its answer."""

from datetime import datetime

from fluvial.api import names
from fluvial.cli import flags, kinds
from fluvial.cli.command import Command
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.fetch import fetch, ref_of, settled, until
from fluvial.cli.kinds import FluxKind
from fluvial.cli.session import Session
from fluvial.cli.verbs import by_kind
from fluvial.gotext import rfc3339_nano
from fluvial.objects import Object, dig, get_condition

_WITH_SOURCE = {"OCIRepository", "GitRepository", "Bucket"}


def success_text(kind: FluxKind, obj: Object) -> str:
    """Return what flux tells when `obj` has been reconciled."""
    if kind.under == "source":
        return f"fetched revision {dig(obj, 'status', 'artifact', 'revision', default='')}"
    if kind is kinds.KUSTOMIZATION:
        return f"applied revision {dig(obj, 'status', 'lastAppliedRevision', default='')}"
    if kind is kinds.HELM_RELEASE:
        return f"applied revision {kind.row(obj)[0]}"
    if kind is kinds.IMAGE_REPOSITORY:
        return f"scan fetched {dig(obj, 'status', 'lastScanResult', 'tagCount', default=0)} tags"
    if kind is kinds.IMAGE_POLICY:
        return f"selected ref {_image(obj)}"
    if kind is kinds.IMAGE_UPDATE:
        return _last_run(obj)
    if kind is kinds.RECEIVER:
        return f"Receiver {dig(obj, 'metadata', 'name')} is ready"
    return f"{kind.always_ready or kind.kind + ' reconciled'}"


def _image(obj: Object) -> str:
    latest = dig(obj, "status", "latestRef", default={})
    digest = f"@{latest['digest']}" if latest.get("digest") else ""
    return f"{latest.get('name', '')}:{latest.get('tag', '')}{digest}"


def _last_run(obj: Object) -> str:
    condition = get_condition(obj, "Ready")
    if condition is not None:
        return str(condition.get("message", ""))
    run = dig(obj, "status", "lastAutomationRunTime", default="")
    return f"last run {run}" if run else "automation not yet run"


def _make(kind: FluxKind) -> Command:
    if kind is not kinds.KUSTOMIZATION:

        async def run(session: Session, arguments: tuple[str, ...]) -> None:
            await reconcile(session, kind, arguments)

        return Command(
            kind.name, f"Reconcile {kind.article} {kind.kind} object", run, usage="[name]", aliases=kind.aliases
        )
    return Command(
        kind.name,
        "Reconcile a Kustomization resource",
        _kustomization,
        usage="[name]",
        aliases=kind.aliases,
        long="The reconcile kustomization command triggers a reconciliation of a Kustomization resource and waits for "
        "it to finish.",
        example="""
  # Trigger a Kustomization apply outside of the reconciliation interval
  @ reconcile kustomization podinfo

  # Trigger a sync of the Kustomization's source and apply changes
  @ reconcile kustomization podinfo --with-source
""",
        own=[
            flags.boolean("with-source", "reconcile Kustomization source"),
            flags.boolean("full", "compare every object with the cluster, whatever the watches say (not in flux)"),
        ],
    )


async def _kustomization(session: Session, arguments: tuple[str, ...], with_source: bool, full: bool) -> None:
    kind = kinds.KUSTOMIZATION
    if not arguments:
        raise UsageFailure(f"{kind.kind} name is required")
    obj = await fetch(session, kind, arguments[0])
    if dig(obj, "spec", "suspend", default=False):
        raise Failure("resource is suspended")
    if with_source:
        await _source(session, obj)
    await _request(session, kind, obj, full=full, quote="")


async def _source(session: Session, obj: Object) -> None:
    ref = dig(obj, "spec", "sourceRef", default={})
    kind = kinds.kind_named(str(ref.get("kind", "")))
    if kind is None or kind.kind not in _WITH_SOURCE:
        raise Failure(f"cannot reconcile source of kind {ref.get('kind', '')}")
    inside = session.within(ref.get("namespace") or session.namespace)
    await reconcile(inside, kind, (str(ref.get("name", "")),))


async def reconcile(session: Session, kind: FluxKind, arguments: tuple[str, ...]) -> None:
    """Request a reconciliation of the object named first in `arguments` and wait until it is handled."""
    if not arguments:
        raise UsageFailure(f"{kind.kind} name is required")
    obj = await fetch(session, kind, arguments[0])
    if kind is kinds.HELM_REPOSITORY and dig(obj, "spec", "type") == "oci":
        session.say.success("reconciliation not supported by the object")
        return
    if dig(obj, "spec", "suspend", default=False):
        raise Failure("resource is suspended")
    await _request(session, kind, obj, quote="'")


async def _request(session: Session, kind: FluxKind, obj: Object, *, full: bool = False, quote: str) -> None:
    """Annotate, wait, tell.

    Args:
        quote: what encloses the message of a failure; flux quotes it except for kinds with a source.
    """
    name = str(dig(obj, "metadata", "name"))
    before = dig(obj, "status", "lastHandledReconcileAt", default="")
    session.say.action(f"annotating {kind.kind} {name} in {session.namespace} namespace")
    await _annotate(session, kind, name, session.world.clock.now(), full=full)
    session.say.success(f"{kind.kind} annotated")
    session.say.waiting(f"waiting for {kind.kind} reconciliation")

    def handled(now: Object) -> bool:
        return dig(now, "status", "lastHandledReconcileAt", default="") != before and settled(session, now)

    obj = await until(await session.client(), ref_of(session, kind, name), handled)
    condition = get_condition(obj, "Ready")
    if condition is None:
        raise Failure("status can't be determined")
    if condition.get("status") != "True":
        raise Failure(f"{kind.kind} reconciliation failed: {quote}{condition.get('message', '')}{quote}")
    session.say.success(success_text(kind, obj))


async def _annotate(session: Session, kind: FluxKind, name: str, now: datetime, *, full: bool) -> None:
    stamp = rfc3339_nano(now)
    wanted = {names.REQUESTED_AT: stamp}
    if full:
        wanted[names.FULL_AT] = stamp
    client = await session.client()
    patch = {"metadata": {"annotations": wanted}}
    await client.patch(ref_of(session, kind, name), patch, kind="merge", field_manager="flux")


command = by_kind(
    "reconcile",
    "Reconcile sources and resources",
    "The reconcile sub-commands trigger a reconciliation of sources and resources.",
    [
        kinds.GIT_REPOSITORY,
        kinds.OCI_REPOSITORY,
        kinds.BUCKET,
        kinds.HELM_REPOSITORY,
        *kinds.IMAGES,
        kinds.KUSTOMIZATION,
        kinds.RECEIVER,
    ],
    _make,
    missing=["helmrelease", "hr"],
)
