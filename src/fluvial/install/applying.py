"""Applying an installation, and taking it away again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

from fluvial.api import names
from fluvial.health import State, assess
from fluvial.install.manifests import PART_OF
from fluvial.install.options import InstallError
from fluvial.kube import ApiError, Client, KubeError, NotServed
from fluvial.objects import Object, Ref, dig
from fluvial.stdx import Clock

FIELD_MANAGER = "flux"
_DEFINITIONS = {"Namespace", "CustomResourceDefinition"}
_DEFINITIONS_TIMEOUT = 60.0  # seconds until CRDs must be established
_POLL = 0.25  # seconds between two looks at a CRD that was just applied
_CRD_API = "apiextensions.k8s.io/v1"
_SELECTOR = f"{PART_OF}=flux"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one object; `error` is empty when it went well."""

    ref: Ref
    done: str  # created, configured, unchanged, deleted, finalizers deleted
    error: str = ""

    def __str__(self) -> str:
        return f"{self.ref} {self.done}"


async def apply(client: Client, objects: Iterable[Object], clock: Clock) -> list[Outcome]:
    """Apply namespaces and CRDs, wait until they are served, then the rest, by server-side apply as `flux`.

    Raises:
        InstallError: a CRD was not established in time.
        ApiError, Unreachable: what was applied until then stays; a second run goes on.
    """
    ordered = list(objects)
    definitions = [obj for obj in ordered if obj["kind"] in _DEFINITIONS]
    rest = [obj for obj in ordered if obj["kind"] not in _DEFINITIONS]
    outcomes = [await _apply_one(client, obj) for obj in definitions]
    await _established(client, [Ref.of(obj) for obj in definitions], clock)
    return outcomes + [await _apply_one(client, obj) for obj in rest]


async def _apply_one(client: Client, obj: Object) -> Outcome:
    ref = Ref.of(obj)
    before = await client.get(ref.api_version, ref.kind, ref.namespace, ref.name, metadata_only=True)
    applied = await client.apply(obj, field_manager=FIELD_MANAGER, force=True)
    if before is None:
        return Outcome(ref, "created")
    same = dig(before, "metadata", "resourceVersion") == dig(applied.object, "metadata", "resourceVersion")
    return Outcome(ref, "unchanged" if same else "configured")


async def _established(client: Client, refs: Iterable[Ref], clock: Clock) -> None:
    waiting = list(refs)
    try:
        async with asyncio.timeout(_DEFINITIONS_TIMEOUT):
            while waiting:
                found = [await client.get(ref.api_version, ref.kind, ref.namespace, ref.name) for ref in waiting]
                waiting = [ref for ref, obj in zip(waiting, found, strict=True) if not _is_current(obj, clock)]
                if waiting:
                    await asyncio.sleep(_POLL)
    except TimeoutError as late:
        raise InstallError(f"timeout waiting for: {', '.join(map(str, waiting))}") from late


def _is_current(obj: Object | None, clock: Clock) -> bool:
    return obj is not None and assess(obj, now=clock.now()).state is State.CURRENT


# -- taking it away


_COMPONENT_KINDS = (
    ("apps/v1", "Deployment", True),
    ("v1", "Service", True),
    ("networking.k8s.io/v1", "NetworkPolicy", True),
    ("v1", "ServiceAccount", True),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", False),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", False),
)


async def remove_components(client: Client, namespace: str, *, dry_run: bool) -> AsyncIterator[Outcome]:
    """Delete the controllers and what belongs to them; one outcome for each object."""
    for api_version, kind, namespaced in _COMPONENT_KINDS:
        try:
            found = await client.list(api_version, kind, namespace if namespaced else None, labels=_SELECTOR)
        except NotServed:
            continue
        for ref in map(Ref.of, found.items):
            yield await _attempt(ref, "deleted", "deletion", partial(_delete, client, ref, dry_run))


async def remove_finalizers(client: Client, *, dry_run: bool) -> AsyncIterator[Outcome]:
    """Let go of every Flux object in every namespace: with the controllers gone nobody would finalize them."""
    for resource in await client.resources():
        flux = resource.group in names.FLUX_GROUPS
        if not flux or "list" not in resource.verbs:
            continue
        try:
            found = await client.list(resource.api_version, resource.kind)
        except NotServed:
            continue
        for obj in found.items:
            if dig(obj, "metadata", "finalizers", default=[]):
                ref = Ref.of(obj)
                yield await _attempt(
                    ref, "finalizers deleted", "removing finalizers", partial(_let_go, client, ref, dry_run)
                )


async def remove_crds(client: Client, *, dry_run: bool) -> AsyncIterator[Outcome]:
    """Delete the CRDs of Flux, and with them every object of their kinds."""
    found = await client.list(_CRD_API, "CustomResourceDefinition", labels=_SELECTOR)
    for ref in map(Ref.of, found.items):
        yield await _attempt(ref, "deleted", "deletion", partial(_delete, client, ref, dry_run))


async def remove_namespace(client: Client, namespace: str, *, dry_run: bool) -> Outcome:
    """Delete the namespace of the installation."""
    ref = Ref("", "v1", "Namespace", "", namespace)
    return await _attempt(ref, "deleted", "deletion", partial(_delete, client, ref, dry_run))


async def _delete(client: Client, ref: Ref, dry_run: bool) -> None:
    await client.delete(ref, dry_run=dry_run)


async def _let_go(client: Client, ref: Ref, dry_run: bool) -> None:
    await client.patch(ref, {"metadata": {"finalizers": None}}, kind="merge", dry_run=dry_run)


async def _attempt(ref: Ref, done: str, word: str, action: Callable[[], Awaitable[None]]) -> Outcome:
    """Carry out one step of a removal; a refusal is told and does not stop the others."""
    try:
        await action()
    except ApiError as error:
        if not error.is_not_found:
            return Outcome(ref, done, f"{word} failed: {error}")
    except KubeError as error:
        return Outcome(ref, done, f"{word} failed: {error}")
    return Outcome(ref, done)
