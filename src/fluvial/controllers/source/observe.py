"""What is the case: the object, its artifact in storage, and where its reference leads now."""

from dataclasses import dataclass, replace
from enum import Enum

from fluvial.api import Artifact, GitRepository, InvalidObject, Reason, names, unsupported_fields
from fluvial.artifacts import CorruptArtifact, Store
from fluvial.controllers.source.world import World
from fluvial.objects import Object, dig
from fluvial.runtime import JobFailed, WorkerDied
from fluvial.sources import Checkout, SourceFailure, Unchanged, checkout, git_secret


class Stored(Enum):
    """The artifact that the status names, as storage has it."""

    NONE = "the status names none"
    INTACT = "its bytes have its digest"
    MISSING = "its file is not there"
    CORRUPT = "its bytes do not have its digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One GitRepository at the beginning of a look.

    Attributes:
        source: the typed view, or None when `invalid` says why there is none.
        unsupported: fields whose effect is not built.
    """

    obj: Object
    source: GitRepository | None
    invalid: str = ""
    unsupported: tuple[str, ...] = ()

    @property
    def deleted(self) -> bool:
        return dig(self.obj, "metadata", "deletionTimestamp") is not None

    @property
    def has_finalizer(self) -> bool:
        return names.FINALIZER in (dig(self.obj, "metadata", "finalizers") or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The artifact and storage.

    Attributes:
        artifact: what is really there, with a URL on the host that is advertised now; None if nothing is.
        problem: why the file is corrupt.
    """

    stored: Stored
    artifact: Artifact | None = None
    problem: str = ""


def read_object(obj: Object) -> Seen:
    """Read an object; what cannot be read is told, not raised."""
    unsupported = tuple(unsupported_fields(obj))
    try:
        return Seen(obj=obj, source=GitRepository.parse(obj), unsupported=unsupported)
    except InvalidObject as error:
        return Seen(obj=obj, source=None, invalid=str(error), unsupported=unsupported)


def check_storage(store: Store, source: GitRepository) -> Shelf:
    """See whether the artifact that the status names is in storage, by its digest.

    A path outside the object's own folder counts as missing: a status is no reason to touch another object's files.
    """
    artifact = source.artifact
    if artifact is None:
        return Shelf(stored=Stored.NONE)
    folder = store.folder(names.GIT_REPOSITORY, source.ref.namespace, source.ref.name)
    if artifact.path.rpartition("/")[0] != folder or not store.exists(artifact):
        return Shelf(stored=Stored.MISSING)
    try:
        store.verify(artifact)
    except CorruptArtifact as error:
        return Shelf(stored=Stored.CORRUPT, problem=str(error))
    return Shelf(stored=Stored.INTACT, artifact=replace(artifact, url=store.url(artifact.path)))


async def look_upstream(world: World, source: GitRepository, seen: str) -> Unchanged | Checkout | SourceFailure:
    """Look where the reference leads, and fetch what it leads to unless that is the revision `seen`."""
    try:
        credentials = await git_secret(world.deps.client, source)
        for secret in (credentials.password, credentials.bearer_token, credentials.identity, credentials.client_key):
            world.deps.redactor.add(secret)
        return await checkout(
            source,
            credentials,
            web=world.deps.web,
            ssh=world.ssh,
            seen=seen,
            known=world.snapshots.get(source.uid),
            workers=world.deps.workers,
        )
    except SourceFailure as failure:
        return failure
    except (WorkerDied, JobFailed, MemoryError) as error:
        text = f"failed to checkout and determine revision: {str(error) or repr(error)}"
        return SourceFailure(Reason.GIT_OPERATION_FAILED, text)
