"""`trace`: from an object in the cluster back to the source it came from."""

from collections.abc import Sequence

from fluvial.cli import flags
from fluvial.cli.command import Command
from fluvial.cli.errors import Failure
from fluvial.cli.objects import read_objects
from fluvial.cli.session import Session
from fluvial.insight import InsightError, draw_trace, resolve, trace
from fluvial.objects import Object, Ref, split_api_version


async def _run(session: Session, arguments: tuple[str, ...], kind: str, api_version: str) -> None:
    if kind or api_version:
        objects = [await _static(session, arguments, kind, api_version)]
    else:
        objects = await read_objects(session, arguments)
    for index, obj in enumerate(objects):
        await _print(session, obj)
        if index < len(objects) - 1:
            session.world.err.write("---\n")


async def _print(session: Session, obj: Object) -> None:
    try:
        session.print(draw_trace(await trace(await session.client(), obj)), end="")
    except InsightError as error:
        ref = Ref.of(obj)
        session.world.err.write(f"failed to trace {ref.kind}/{ref.name} in namespace {ref.namespace}: {error}\n")


async def _static(session: Session, arguments: Sequence[str], kind: str, api_version: str) -> Object:
    """Read the object of an explicit kind and version; it keeps the kind as it was typed, as in flux."""
    if not arguments:
        raise Failure("object name is required")
    if not kind:
        raise Failure("object kind is required (--kind)")
    if not api_version:
        raise Failure("object apiVersion is required (--api-version)")
    group, version = split_api_version(api_version)
    client = await session.client()
    resource = await resolve(client, f"{kind}.{version}.{group}".rstrip("."))
    namespace = session.namespace if resource.namespaced else ""
    obj = await client.get(api_version, resource.kind, namespace, arguments[0])
    if obj is None:
        full = f"{resource.plural}.{resource.group}".rstrip(".")
        raise Failure(f'failed to find object: {full} "{arguments[0]}" not found')
    return {**obj, "kind": kind}


command = Command(
    "trace",
    "Trace in-cluster objects throughout the GitOps delivery pipeline",
    _run,
    usage="<resource> <name> [<name> ...]",
    long="""The trace command shows how one or more objects are managed by Flux,
from which source and revision they come, and what the latest reconciliation status is.

You can also trace multiple objects with different resource kinds using <resource>/<name> multiple times.""",
    example="""
  # Trace a Kubernetes Deployment
  @ trace -n apps deployment my-app

  # Trace a Kubernetes Pod and a config map
  @ trace -n redis pod/redis-master-0 cm/redis

  # Trace a Kubernetes custom resource
  @ trace -n redis helmrelease redis
""",
    own=[
        flags.text("kind", "the Kubernetes object kind, e.g. Deployment'"),
        flags.text("api-version", "the Kubernetes object API version, e.g. 'apps/v1'"),
    ],
)
