"""A GitRepository as its controller reads it."""

from dataclasses import dataclass
from typing import Final

from fluvial.api.artifact import Artifact
from fluvial.api.names import GIT_REPOSITORY, SOURCE_V1
from fluvial.api.reading import Fields
from fluvial.objects import Object, Ref, split_api_version

DEFAULT_BRANCH: Final = "master"
DEFAULT_TIMEOUT: Final = 60.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class GitReference:
    """`spec.ref`. The first one set wins, in this order: commit, name, tag, semver, branch; none is branch master."""

    branch: str = ""
    tag: str = ""
    semver: str = ""
    name: str = ""  # a full reference name, such as refs/pull/1/head
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitRepository:
    """The typed view; `obj` keeps everything, unknown fields too."""

    obj: Object
    ref: Ref  # always of version v1, whatever version the object was read in
    uid: str
    generation: int
    deleted: bool  # deletionTimestamp is set
    url: str
    interval: float  # seconds
    timeout: float  # seconds
    reference: GitReference
    secret_name: str  # "" when there is no secretRef
    ignore: str | None
    provider: str  # "generic" when unset
    suspend: bool

    # status
    artifact: Artifact | None
    observed_generation: int
    observed_ignore: str | None

    @classmethod
    def parse(cls, obj: Object) -> "GitRepository":
        """The view of `obj`, of any served version.

        Raises:
            InvalidObject: a field that no controller can read; stall the object and wait for a change.
        """
        metadata, spec, status = (
            Fields(obj.get("metadata"), "metadata"),
            Fields(obj.get("spec"), "spec"),
            obj.get("status"),
        )
        seen = Fields(status, "status")
        reference = spec.child("ref")
        group, version = split_api_version(SOURCE_V1)
        timeout = spec.duration("timeout")
        return cls(
            obj=obj,
            ref=Ref(group, version, GIT_REPOSITORY, metadata.text("namespace"), metadata.text("name")),
            uid=metadata.text("uid"),
            generation=metadata.integer("generation"),
            deleted=metadata.has("deletionTimestamp"),
            url=spec.text("url"),
            interval=spec.required_duration("interval"),
            timeout=DEFAULT_TIMEOUT if timeout is None else timeout,
            reference=GitReference(
                branch=reference.text("branch"),
                tag=reference.text("tag"),
                semver=reference.text("semver"),
                name=reference.text("name"),
                commit=reference.text("commit"),
            ),
            secret_name=spec.child("secretRef").text("name"),
            ignore=spec.text("ignore") if spec.has("ignore") else None,
            provider=spec.text("provider") or "generic",
            suspend=spec.flag("suspend"),
            artifact=Artifact.parse(seen.values.get("artifact")),
            observed_generation=seen.integer("observedGeneration"),
            observed_ignore=seen.text("observedIgnore") if seen.has("observedIgnore") else None,
        )
