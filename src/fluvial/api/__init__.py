"""The Flux kinds as typed views over objects: defaults, limits, served versions, CRD files, Secret formats, the Event
payload.

Views are frozen and parsed once, at the edge; the object they came from keeps everything. Four rooms are part of the
doorway and may be entered: `names` (constants), `event`, `history` and `inventory`. Absent on purpose: reading and
writing objects (`kube`) and what controllers do with them.
"""

from fluvial.api import event, history, inventory, names
from fluvial.api.artifact import Artifact, git_revision, normal_revision
from fluvial.api.crds import crds
from fluvial.api.credentials import GitCredentials, git_credentials, secret_data
from fluvial.api.errors import InvalidObject
from fluvial.api.event import Event
from fluvial.api.gitrepository import GitReference, GitRepository
from fluvial.api.kustomization import Dependency, Kustomization, SourceRef, SubstituteFrom, source_object_ref
from fluvial.api.names import Reason
from fluvial.api.support import unsupported_fields

__all__ = [
    "Artifact",
    "Dependency",
    "Event",
    "GitCredentials",
    "GitReference",
    "GitRepository",
    "InvalidObject",
    "Kustomization",
    "Reason",
    "SourceRef",
    "SubstituteFrom",
    "crds",
    "event",
    "git_credentials",
    "git_revision",
    "history",
    "inventory",
    "names",
    "normal_revision",
    "secret_data",
    "source_object_ref",
    "unsupported_fields",
]
