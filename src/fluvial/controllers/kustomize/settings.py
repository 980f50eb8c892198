"""What kustomize-controller can be told: Flux's flags and feature gates, and two of our own.

Flags about the process (addresses, logs, leases, client limits) belong to whoever starts it. Each flag here is built,
or refused at start: see `Settings.problems`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from fluvial.api import names
from fluvial.objects import GroupKind

# Gate → default. Source: kustomize-controller `internal/features/features.go`.
GATES: Final[Mapping[str, bool]] = {
    "AdditiveCELDependencyCheck": False,
    "CacheSecretsAndConfigMaps": False,
    "CancelHealthCheckOnNewRevision": False,
    "DirectSourceFetch": False,
    "DisableConfigWatchers": False,
    "DisableFailFastBehavior": False,
    "DisableStatusPollerCache": True,
    "ExternalArtifact": False,
    "GroupChangeLog": False,
    "MigrateAPIVersion": False,
    "ObjectLevelWorkloadIdentity": False,
    "StrictPostBuildSubstitutions": True,
}

# Gates whose other value asks for what is not built, or not needed, with the reason.
_FIXED_GATES: Final[Mapping[str, str]] = {
    "AdditiveCELDependencyCheck": "readyExpr is not supported yet",
    "CacheSecretsAndConfigMaps": "Secrets and ConfigMaps are never cached",
    "DisableStatusPollerCache": "health is watched, there is no status poller",
    "ObjectLevelWorkloadIdentity": "cloud identity is not supported yet",
}

DriftMode = Literal["watch", "interval"]
PruneGuard = Literal["on", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Durations are seconds; defaults are Flux's, of the last section ours."""

    concurrent: int = 4
    concurrent_ssa: int = (
        4  # dry-runs in flight for one Kustomization; fewer than 16 gain nothing here, so 16 is the least
    )
    requeue_dependency: float = 30.0
    no_remote_bases: bool = False  # they are refused either way
    http_retry: int = 9
    default_service_account: str = ""
    default_decryption_service_account: str = ""
    default_kubeconfig_service_account: str = ""
    sops_age_secret: str = ""
    sops_vault_configmap: str = ""
    override_managers: tuple[str, ...] = ()
    custom_apply_stage_kinds: str = ""  # "group/Kind,…"

    # shared with Flux's other controllers
    min_retry_delay: float = 0.75
    max_retry_delay: float = 900.0
    interval_jitter_percentage: float = 5.0
    no_cross_namespace_refs: bool = False
    watch_namespace: str = ""  # of Kustomizations; "" = all (`--watch-all-namespaces`)
    watch_label_selector: str = ""
    watch_configs_label_selector: str = f"{names.WATCH_LABEL}={names.WATCH_ENABLED}"
    insecure_kubeconfig_exec: bool = False
    insecure_kubeconfig_tls: bool = False
    feature_gates: Mapping[str, bool] = field(default_factory=dict)

    # ours
    drift: DriftMode = "watch"  # "interval": drift is corrected at the next interval only, as Flux does
    prune_guard: PruneGuard = "on"  # "off": an empty build prunes everything, as in Flux

    def gate(self, name: str) -> bool:
        """Whether the feature gate `name` is on."""
        return self.feature_gates.get(name, GATES[name])

    @property
    def custom_stage(self) -> frozenset[GroupKind]:
        """`custom_apply_stage_kinds`, parsed."""
        kinds = [item.strip().split("/", 1) for item in self.custom_apply_stage_kinds.split(",") if item.strip()]
        return frozenset(GroupKind(parts[0] if len(parts) == 2 else "", parts[-1]) for parts in kinds)

    def problems(self) -> list[str]:
        """What cannot be started with, one sentence each, naming the flag; empty when all is well."""
        found = [f"unknown feature gate {gate}" for gate in self.feature_gates if gate not in GATES]
        found += [
            f"--feature-gates={gate}={str(not GATES[gate]).lower()} is not supported: {why}"
            for gate, why in _FIXED_GATES.items()
            if self.gate(gate) != GATES[gate]
        ]
        unbuilt = {
            "--default-decryption-service-account": self.default_decryption_service_account,
            "--default-kubeconfig-service-account": self.default_kubeconfig_service_account,
            "--sops-age-secret": self.sops_age_secret,
            "--sops-vault-configmap": self.sops_vault_configmap,
            "--insecure-kubeconfig-exec": self.insecure_kubeconfig_exec,
            "--insecure-kubeconfig-tls": self.insecure_kubeconfig_tls,
        }
        found += [f"{flag} is not supported yet" for flag, value in unbuilt.items() if value]
        if not 0 <= self.interval_jitter_percentage < 100:
            found.append("--interval-jitter-percentage must be at least 0 and below 100")
        if self.concurrent < 1 or self.concurrent_ssa < 1:
            found.append("--concurrent and --concurrent-ssa must be at least 1")
        return found
