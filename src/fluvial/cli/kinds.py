"""The Flux kinds as the command line speaks of them: groups of commands, words, and columns of tables."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fluvial.api import names
from fluvial.cli.errors import UsageFailure
from fluvial.objects import Object, annotations, dig

_HEX = re.compile(r"\b[a-f0-9]{40,128}\b")


@dataclass(frozen=True, slots=True)
class FluxKind:
    """One kind.

    Args:
        human: the word in messages of suspend, resume and delete.
        under: the groups of commands that hold it, for `export source git`, `get sources git`.
        plural: the last word of `get`, with its aliases after it.
        columns: headers of `get` after NAME, as flux prints them. What `-o wide` adds, for every kind alike, is in
            `get` (heads) and `output.wide_cells` (cells).
        row: the cells under `columns`.
        wide: headers of `get -o wide` between `columns` and those that every kind has, each with its cell.
        always_ready: the message of kinds that have no conditions; READY is True.
    """

    kind: str
    group: str
    version: str
    human: str
    under: str  # "source", "image", "artifact" or ""
    name: str
    aliases: tuple[str, ...]
    plural: tuple[str, ...]
    columns: tuple[str, ...]
    row: Callable[[Object], Sequence[str]]
    wide: tuple[tuple[str, Callable[[Object], str]], ...] = ()
    always_ready: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}"

    @property
    def article(self) -> str:
        """What stands before the kind in a sentence."""
        return "an" if self.kind[0] in "AEIO" else "a"


def truncate_hex(text: str) -> str:
    """Cut every run of 40 to 128 hexadecimal digits to its first 8."""
    return _HEX.sub(lambda match: match[0][:8], text)


def ready(obj: Object) -> tuple[str, str]:
    """Return status and message of the Ready condition."""
    for condition in dig(obj, "status", "conditions", default=[]):
        if condition.get("type") == "Ready":
            return str(condition.get("status", "")), str(condition.get("message", ""))
    return "False", "waiting to be reconciled"


def suspended(obj: Object) -> str:
    """Return the cell of the SUSPENDED column."""
    return "True" if dig(obj, "spec", "suspend", default=False) is True else "False"


def _artifact_revision(obj: Object) -> str:
    return str(dig(obj, "status", "artifact", "revision", default=""))


def _source_row(obj: Object) -> Sequence[str]:
    status, message = ready(obj)
    return truncate_hex(_artifact_revision(obj)), suspended(obj), status, truncate_hex(message)


def _helm_repository_row(obj: Object) -> Sequence[str]:
    if dig(obj, "spec", "type") == "oci":
        return truncate_hex(_artifact_revision(obj)), suspended(obj), "True", "Helm repository is Ready"
    return _source_row(obj)


def _chart_row(obj: Object) -> Sequence[str]:
    status, message = ready(obj)  # the revision is a version: it is not cut
    return _artifact_revision(obj), suspended(obj), status, truncate_hex(message)


def _external_row(obj: Object) -> Sequence[str]:
    status, message = ready(obj)
    ref = dig(obj, "spec", "sourceRef", default=None)
    source = f"{ref.get('kind', '')}/{ref.get('namespace', '')}/{ref.get('name', '')}" if ref else ""
    return truncate_hex(_artifact_revision(obj)), source, status, truncate_hex(message)


def _kustomization_row(obj: Object) -> Sequence[str]:
    status, message = ready(obj)
    revision = str(dig(obj, "status", "lastAppliedRevision", default=""))
    return truncate_hex(revision), suspended(obj), status, truncate_hex(message)


def _path(obj: Object) -> str:
    return str(dig(obj, "spec", "path", default=""))


def _helm_release_row(obj: Object) -> Sequence[str]:
    status, message = ready(obj)
    chart = dig(obj, "status", "history", 0, "chartVersion", default=None)
    revision = chart if chart is not None else dig(obj, "status", "lastAttemptedRevision", default="")
    return str(revision), suspended(obj), status, message


def _plain_row(obj: Object) -> Sequence[str]:
    return suspended(obj), *ready(obj)


def _generator_row(obj: Object) -> Sequence[str]:
    mark = annotations(obj).get("source.extensions.fluxcd.io/reconcile", "")
    return "True" if mark.lower() == "disabled" else "False", *ready(obj)


def _image_repository_row(obj: Object) -> Sequence[str]:
    return str(dig(obj, "status", "lastScanResult", "scanTime", default="")), suspended(obj), *ready(obj)


def _image_policy_row(obj: Object) -> Sequence[str]:
    latest = dig(obj, "status", "latestRef", default={})
    return str(latest.get("name", "")), str(latest.get("tag", "")), *ready(obj)


def _image_update_row(obj: Object) -> Sequence[str]:
    return str(dig(obj, "status", "lastAutomationRunTime", default="")), suspended(obj), *ready(obj)


def _static_row(message: str, *, suspendable: bool) -> Callable[[Object], Sequence[str]]:
    def row(obj: Object) -> Sequence[str]:
        return (suspended(obj), "True", message) if suspendable else ("True", message)

    return row


def source_of(obj: Object) -> str:
    """Return `Kind/namespace/name` of the source of a Kustomization or HelmRelease, for `--show-source`."""
    ref = (
        dig(obj, "spec", "sourceRef") or dig(obj, "spec", "chartRef") or dig(obj, "spec", "chart", "spec", "sourceRef")
    )
    if not ref:
        return ""
    namespace = ref.get("namespace") or dig(obj, "metadata", "namespace", default="")
    return f"{ref.get('kind', '')}/{namespace}/{ref.get('name', '')}"


_SOURCE, _NOTIFY, _IMAGE = names.SOURCE_GROUP, names.NOTIFICATION_GROUP, names.IMAGE_GROUP
_STATE = ("Suspended", "Ready", "Message")
_REVISION = ("Revision", *_STATE)

OCI_REPOSITORY = FluxKind(
    "OCIRepository", _SOURCE, "v1", "source oci", "source", "oci", (), ("oci",), _REVISION, _source_row
)
BUCKET = FluxKind("Bucket", _SOURCE, "v1", "source bucket", "source", "bucket", (), ("bucket",), _REVISION, _source_row)
GIT_REPOSITORY = FluxKind(
    "GitRepository", _SOURCE, "v1", "source git", "source", "git", (), ("git",), _REVISION, _source_row
)
HELM_REPOSITORY = FluxKind(
    "HelmRepository", _SOURCE, "v1", "source helm", "source", "helm", (), ("helm",), _REVISION, _helm_repository_row
)
HELM_CHART = FluxKind(
    "HelmChart", _SOURCE, "v1", "source chart", "source", "chart", (), ("chart",), _REVISION, _chart_row
)
EXTERNAL_ARTIFACT = FluxKind(
    "ExternalArtifact",
    _SOURCE,
    "v1",
    "source external-artifact",
    "source",
    "external",
    (),
    ("external",),
    ("Revision", "Source", "Ready", "Message"),
    _external_row,
)
IMAGE_REPOSITORY = FluxKind(
    "ImageRepository",
    _IMAGE,
    "v1",
    "image repository",
    "image",
    "repository",
    (),
    ("repository",),
    ("Last scan", *_STATE),
    _image_repository_row,
)
IMAGE_POLICY = FluxKind(
    "ImagePolicy",
    _IMAGE,
    "v1",
    "image policy",
    "image",
    "policy",
    (),
    ("policy",),
    ("Image", "Tag", "Ready", "Message"),
    _image_policy_row,
)
IMAGE_UPDATE = FluxKind(
    "ImageUpdateAutomation",
    _IMAGE,
    "v1",
    "image update automation",
    "image",
    "update",
    (),
    ("update",),
    ("Last run", *_STATE),
    _image_update_row,
)
HELM_RELEASE = FluxKind(
    "HelmRelease",
    names.HELM_GROUP,
    "v2",
    "helmrelease",
    "",
    "helmrelease",
    ("hr",),
    ("helmreleases", "hr", "helmrelease"),
    _REVISION,
    _helm_release_row,
)
KUSTOMIZATION = FluxKind(
    "Kustomization",
    names.KUSTOMIZE_GROUP,
    "v1",
    "kustomization",
    "",
    "kustomization",
    ("ks",),
    ("kustomizations", "ks", "kustomization"),
    _REVISION,
    _kustomization_row,
    wide=(("Path", _path),),
)
RECEIVER = FluxKind(
    "Receiver", _NOTIFY, "v1", "receiver", "", "receiver", (), ("receivers", "receiver"), _STATE, _plain_row
)
PROVIDER = FluxKind(
    "Provider",
    _NOTIFY,
    "v1beta3",
    "alert provider",
    "",
    "alert-provider",
    (),
    ("alert-providers", "alert-provider"),
    ("Ready", "Message"),
    _static_row("Provider is Ready", suspendable=False),
    always_ready="Provider is Ready",
)
ALERT = FluxKind(
    "Alert",
    _NOTIFY,
    "v1beta3",
    "alert",
    "",
    "alert",
    (),
    ("alerts", "alert"),
    _STATE,
    _static_row("Alert is Ready", suspendable=True),
    always_ready="Alert is Ready",
)
ARTIFACT_GENERATOR = FluxKind(
    "ArtifactGenerator",
    names.EXTENSIONS_GROUP,
    "v1beta1",
    "artifact generator",
    "artifact",
    "generator",
    (),
    ("generators", "generator"),
    _STATE,
    _generator_row,
)

SOURCES = (OCI_REPOSITORY, BUCKET, GIT_REPOSITORY, HELM_REPOSITORY, HELM_CHART, EXTERNAL_ARTIFACT)
IMAGES = (IMAGE_REPOSITORY, IMAGE_POLICY, IMAGE_UPDATE)
OTHERS = (HELM_RELEASE, KUSTOMIZATION, RECEIVER, PROVIDER, ALERT)
ALL = (*SOURCES, *IMAGES, *OTHERS, ARTIFACT_GENERATOR)


def kind_named(kind: str) -> FluxKind | None:
    """Return the Flux kind called `kind`, whatever the case of its letters."""
    return next((known for known in ALL if known.kind.lower() == kind.lower()), None)


def split_reference(text: str) -> tuple[str, str, str]:
    """Split `[Kind/]name[.namespace]` into (kind, name, namespace); absent parts are empty."""
    kind, slash, rest = text.partition("/")
    if not slash:
        kind, rest = "", text
    elif "/" in rest:
        raise UsageFailure(f"'{text}' is not of the form [Kind/]name[.namespace]")
    name, dot, namespace = rest.rpartition(".")
    return (kind, name, namespace) if dot else (kind, rest, "")
