"""The artifact that a source publishes in its status, and the revision strings that name what it holds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from fluvial.api.names import ORIGIN_REVISION_ANNOTATION
from fluvial.api.reading import Fields
from fluvial.objects import Object

_HASH = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """`status.artifact` of any source kind."""

    path: str = ""  # relative to the storage root
    url: str = ""  # what consumers fetch
    revision: str = ""
    digest: str = ""  # of the stored bytes, "sha256:<hex>"; v1beta1 artifacts may lack it
    last_update_time: str = ""
    size: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin_revision(self) -> str:
        """The revision in the system that the artifact was made from, or ""."""
        return self.metadata.get(ORIGIN_REVISION_ANNOTATION, "")

    @classmethod
    def parse(cls, value: object, path: str = "status.artifact") -> "Artifact | None":
        """The artifact in `value`, or None when there is none."""
        fields = Fields(value, path)
        if not fields.values:
            return None
        return cls(
            path=fields.text("path"),
            url=fields.text("url"),
            revision=fields.text("revision"),
            digest=fields.text("digest"),
            last_update_time=fields.text("lastUpdateTime"),
            size=fields.integer("size") if fields.has("size") else None,
            metadata=fields.text_map("metadata"),
        )

    @classmethod
    def of(cls, source: Object) -> "Artifact | None":
        """The artifact in the status of a source object."""
        return cls.parse((source.get("status") or {}).get("artifact"))

    def as_object(self) -> Object:
        out: Object = {
            "digest": self.digest,
            "lastUpdateTime": self.last_update_time,
            "path": self.path,
            "revision": self.revision,
            "url": self.url,
        }
        if self.size is not None:
            out["size"] = self.size
        if self.metadata:
            out["metadata"] = dict(self.metadata)
        return out


def git_revision(reference: str, commit: str) -> str:
    """The revision of a Git commit: `<reference>@sha1:<hash>`, or `sha1:<hash>` without a reference.

    Args:
        reference: a branch or tag name, or a full reference name (`refs/…`) when `spec.ref.name` was used.
        commit: the hexadecimal hash; 64 digits give `sha256:`.
    """
    digest = f"{'sha256' if len(commit) == 64 else 'sha1'}:{commit}"
    return f"{reference}@{digest}" if reference else digest


def normal_revision(revision: str) -> str:
    """`revision` in today's form: `main/<hash>`, `HEAD/<hash>` and a bare `<hash>` of old Flux rewritten, others kept.

    Source: source-controller `api/v1beta2` `TransformLegacyRevision`.
    """
    if ":" in revision:
        return revision
    reference, slash, tail = revision.rpartition("/")
    if not _HASH.match(tail):
        return revision
    return git_revision("" if not slash or reference == "HEAD" else reference, tail)
