"""What changes storage: garbage out, artifacts in, everything out when the object goes."""

from fluvial.api import Artifact, GitRepository, Reason, names
from fluvial.artifacts import pack_by
from fluvial.controllers.source.observe import Shelf, Stored
from fluvial.controllers.source.report import Told
from fluvial.controllers.source.world import World
from fluvial.objects import Object
from fluvial.runtime import JobFailed, WorkerDied
from fluvial.sources import Checkout
from fluvial.telemetry import Logger


class StorageFailed(Exception):
    """Storage did not do what it was asked; the text is Flux's.

    Attributes:
        reason: of the condition or event.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


async def store(world: World, source: GitRepository, found: Checkout) -> Artifact:
    """Archive a commit's files; returns when the archive is safe on disk.

    Raises:
        StorageFailed
    """
    folder = world.store.folder(names.GIT_REPOSITORY, source.ref.namespace, source.ref.name)
    try:
        archive = await pack_by(world.deps.workers, found.tree)
    except (WorkerDied, JobFailed, MemoryError) as error:
        text = f"unable to archive artifact to storage: {str(error) or repr(error)}"
        raise StorageFailed(Reason.ARCHIVE_OPERATION_FAILED, text) from error
    world.deps.leadership.check()
    try:
        return world.store.write(f"{folder}/{found.commit.hash}.tar.gz", found.found.revision, archive)
    except BlockingIOError as error:
        raise StorageFailed(Reason.FAILED, f"failed to acquire lock for artifact: {error}") from error
    except OSError as error:
        raise StorageFailed(
            Reason.ARCHIVE_OPERATION_FAILED, f"unable to archive artifact to storage: {error}"
        ) from error


def tidy(world: World, artifact: Artifact | None, log: Logger) -> Told | None:
    """Remove old archives beside the current one; what cannot be removed waits for the next look, as in Flux."""
    if artifact is None:
        return None
    try:
        gone = world.store.collect_garbage(artifact)
    except OSError as error:
        log.error("garbage collection of artifacts failed", error=error)
        return None
    if not gone:
        return None
    return Told(
        severity="trace",
        reason=Reason.GARBAGE_COLLECTION_SUCCEEDED,
        message=f"garbage collected {len(gone)} artifacts",
    )


def discard(world: World, source: GitRepository, shelf: Shelf) -> Told | None:
    """Remove an archive whose bytes are not what the status says.

    Raises:
        StorageFailed: it cannot be removed, so nothing may be said about the artifact yet.
    """
    if shelf.stored is not Stored.CORRUPT or source.artifact is None:
        return None
    world.deps.leadership.check()
    try:
        world.store.remove(source.artifact)
    except OSError as error:
        raise StorageFailed(Reason.FAILED, f"failed to remove artifact after digest mismatch: {error}") from error
    return Told(
        severity="error",
        reason=Reason.ARTIFACT_VERIFICATION_FAILED,
        message=f"failed to verify integrity of artifact: {shelf.problem}",
    )


def clean_up(world: World, obj: Object) -> Told | None:
    """Remove everything of an object that is being deleted.

    Raises:
        StorageFailed: something could not be removed; the object stays until it can.
    """
    metadata = obj["metadata"]
    world.deps.leadership.check()
    try:
        had_any = world.store.remove_all(names.GIT_REPOSITORY, metadata.get("namespace", ""), metadata["name"])
    except OSError as error:
        raise StorageFailed(
            Reason.GARBAGE_COLLECTION_FAILED, f"garbage collection for deleted resource failed: {error}"
        ) from error
    world.snapshots.forget(metadata.get("uid", ""))
    if not had_any:
        return None
    return Told(
        severity="trace",
        reason=Reason.GARBAGE_COLLECTION_SUCCEEDED,
        message="garbage collected artifacts for deleted resource",
    )
