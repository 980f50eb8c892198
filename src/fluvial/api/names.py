"""The words of the Flux API: groups, kinds, annotations, labels, condition types and reasons, field managers.

Every constant is Flux's own spelling, since manifests, alerts and dashboards match on it; the last section is ours.
"""

from typing import Final

# -- groups and versions

SOURCE_GROUP: Final = "source.toolkit.fluxcd.io"
KUSTOMIZE_GROUP: Final = "kustomize.toolkit.fluxcd.io"
HELM_GROUP: Final = "helm.toolkit.fluxcd.io"
NOTIFICATION_GROUP: Final = "notification.toolkit.fluxcd.io"
IMAGE_GROUP: Final = "image.toolkit.fluxcd.io"
EXTENSIONS_GROUP: Final = "source.extensions.fluxcd.io"
EVENT_GROUP: Final = "event.toolkit.fluxcd.io"
FLUX_GROUPS: Final = (
    SOURCE_GROUP,
    EXTENSIONS_GROUP,
    KUSTOMIZE_GROUP,
    HELM_GROUP,
    NOTIFICATION_GROUP,
    IMAGE_GROUP,
)
SOURCE_V1: Final = f"{SOURCE_GROUP}/v1"
KUSTOMIZE_V1: Final = f"{KUSTOMIZE_GROUP}/v1"

# -- kinds

GIT_REPOSITORY: Final = "GitRepository"
OCI_REPOSITORY: Final = "OCIRepository"
BUCKET: Final = "Bucket"
EXTERNAL_ARTIFACT: Final = "ExternalArtifact"
KUSTOMIZATION: Final = "Kustomization"

# -- finalizer, annotations, labels

FINALIZER: Final = "finalizers.fluxcd.io"
REQUESTED_AT: Final = "reconcile.fluxcd.io/requestedAt"
FORCE_AT: Final = "reconcile.fluxcd.io/forceAt"
RESET_AT: Final = "reconcile.fluxcd.io/resetAt"
WATCH_LABEL: Final = "reconcile.fluxcd.io/watch"
WATCH_ENABLED: Final = "Enabled"
OWNER_NAME_LABEL: Final = f"{KUSTOMIZE_GROUP}/name"
OWNER_NAMESPACE_LABEL: Final = f"{KUSTOMIZE_GROUP}/namespace"
ORIGIN_REVISION_ANNOTATION: Final = "org.opencontainers.image.revision"
LAST_APPLIED_ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"

# Switches on applied objects: a label or an annotation, the value compared without regard to case.
SWITCH_RECONCILE: Final = f"{KUSTOMIZE_GROUP}/reconcile"
SWITCH_SSA: Final = f"{KUSTOMIZE_GROUP}/ssa"
SWITCH_FORCE: Final = f"{KUSTOMIZE_GROUP}/force"
SWITCH_PRUNE: Final = f"{KUSTOMIZE_GROUP}/prune"
SWITCH_SUBSTITUTE: Final = f"{KUSTOMIZE_GROUP}/substitute"
SWITCH_DECRYPT: Final = f"{KUSTOMIZE_GROUP}/decrypt"
ENABLED: Final = "enabled"
DISABLED: Final = "disabled"
SSA_OVERRIDE: Final = "Override"
SSA_MERGE: Final = "Merge"
SSA_IF_NOT_PRESENT: Final = "IfNotPresent"
SSA_IGNORE: Final = "Ignore"

# Deletion policies of a Kustomization.
POLICY_MIRROR_PRUNE: Final = "MirrorPrune"
POLICY_DELETE: Final = "Delete"
POLICY_WAIT: Final = "WaitForTermination"
POLICY_ORPHAN: Final = "Orphan"

# -- condition types

READY: Final = "Ready"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"
HEALTHY: Final = "Healthy"
ARTIFACT_IN_STORAGE: Final = "ArtifactInStorage"
ARTIFACT_OUTDATED: Final = "ArtifactOutdated"
FETCH_FAILED: Final = "FetchFailed"
STORAGE_OPERATION_FAILED: Final = "StorageOperationFailed"
SOURCE_VERIFIED: Final = "SourceVerified"
INCLUDE_UNAVAILABLE: Final = "IncludeUnavailable"

# -- condition and event reasons shared by the controllers


class Reason:
    """Reasons of conditions and events, as `Reason.PRUNE_FAILED`."""

    SUCCEEDED: Final = "Succeeded"
    FAILED: Final = "Failed"
    PROGRESSING: Final = "Progressing"
    PROGRESSING_WITH_RETRY: Final = "ProgressingWithRetry"
    SUSPENDED: Final = "Suspended"
    DEPENDENCY_NOT_READY: Final = "DependencyNotReady"
    ARTIFACT_FAILED: Final = "ArtifactFailed"
    BUILD_FAILED: Final = "BuildFailed"
    HEALTH_CHECK_FAILED: Final = "HealthCheckFailed"
    HEALTH_CHECK_CANCELED: Final = "HealthCheckCanceled"
    PRUNE_FAILED: Final = "PruneFailed"
    RECONCILIATION_SUCCEEDED: Final = "ReconciliationSucceeded"
    RECONCILIATION_FAILED: Final = "ReconciliationFailed"
    INVALID_PATH: Final = "InvalidPath"
    INVALID_URL: Final = "InvalidURL"
    INSECURE_CONNECTIONS_DISALLOWED: Final = "InsecureConnectionsDisallowed"
    UNSUPPORTED_CONNECTION_TYPE: Final = "UnsupportedConnectionType"
    INVALID_CEL_EXPRESSION: Final = "InvalidCELExpression"
    FEATURE_GATE_DISABLED: Final = "FeatureGateDisabled"
    ACCESS_DENIED: Final = "AccessDenied"

    # sources
    URL_INVALID: Final = "URLInvalid"
    ILLEGAL_PATH: Final = "IllegalPath"
    INVALID_PROVIDER_CONFIGURATION: Final = "InvalidProviderConfiguration"
    SOURCE_IGNORE_ERROR: Final = "SourceIgnoreError"
    AUTHENTICATION_FAILED: Final = "AuthenticationFailed"
    GIT_OPERATION_SUCCEEDED: Final = "GitOperationSucceeded"
    GIT_OPERATION_FAILED: Final = "GitOperationFailed"
    EMPTY_GIT_REPOSITORY: Final = "EmptyGitRepository"
    NOT_FOUND: Final = "NotFound"
    VERIFICATION_ERROR: Final = "VerificationError"
    DIRECTORY_CREATION_FAILED: Final = "DirectoryCreationFailed"
    STAT_OPERATION_FAILED: Final = "StatOperationFailed"
    READ_OPERATION_FAILED: Final = "ReadOperationFailed"
    ACQUIRE_LOCK_FAILED: Final = "AcquireLockFailed"
    ARCHIVE_OPERATION_FAILED: Final = "ArchiveOperationFailed"
    SYMLINK_UPDATE_FAILED: Final = "SymlinkUpdateFailed"
    CACHE_OPERATION_FAILED: Final = "CacheOperationFailed"
    PATCH_OPERATION_FAILED: Final = "PatchOperationFailed"
    COPY_FAILURE: Final = "CopyFailure"
    NEW_REVISION: Final = "NewRevision"
    INCLUDE_CHANGE: Final = "IncludeChange"
    NO_ARTIFACT: Final = "NoArtifact"
    ARTIFACT_UP_TO_DATE: Final = "ArtifactUpToDate"
    NEW_ARTIFACT: Final = "NewArtifact"
    GARBAGE_COLLECTION_SUCCEEDED: Final = "GarbageCollectionSucceeded"
    GARBAGE_COLLECTION_FAILED: Final = "GarbageCollectionFailed"
    ARTIFACT_VERIFICATION_FAILED: Final = "ArtifactVerificationFailed"

    # ours: an object sets a field whose effect is not built, or holds a value that no controller can read
    UNSUPPORTED: Final = "Unsupported"
    INVALID_SPEC: Final = "InvalidSpec"
    QUARANTINED: Final = "Quarantined"


MAX_CONDITION_MESSAGE: Final = 32768  # metav1.Condition; longer messages end in "..."

# -- field managers and leases

SOURCE_CONTROLLER: Final = "source-controller"
KUSTOMIZE_CONTROLLER: Final = "kustomize-controller"
KUSTOMIZE_STATUS_MANAGER: Final = "gotk-kustomize-controller"
LEASE_SUFFIX: Final = "-leader-election"

# -- ours

FLUVIAL_KUSTOMIZE_GROUP: Final = "kustomize.fluvial.dev"
ALLOW_PRUNE: Final = f"{FLUVIAL_KUSTOMIZE_GROUP}/allow-prune"  # "true" consents to a prune that the guard stopped
FULL_AT: Final = f"{FLUVIAL_KUSTOMIZE_GROUP}/fullAt"  # equal to requestedAt: compare every object by dry-run
