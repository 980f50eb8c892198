"""What source-controller can be told: Flux's flags and feature gates.

Flags about the process (addresses of metrics and health, logs, leases, client limits) belong to whoever starts it. Each
flag here is built, or refused at start: see `Settings.problems`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fluvial.api import names
from fluvial.artifacts import ALGORITHMS
from fluvial.gotext import format_duration, parse_duration

# Gate → default. Source: source-controller `internal/features/features.go`, fluxcd/pkg `auth`.
GATES: Final[Mapping[str, bool]] = {
    "CacheSecretsAndConfigMaps": False,
    "ObjectLevelWorkloadIdentity": False,
}

# Gates whose other value asks for what is not built, or not needed, with the reason.
_FIXED_GATES: Final[Mapping[str, str]] = {
    "CacheSecretsAndConfigMaps": "Secrets and ConfigMaps are never cached",
    "ObjectLevelWorkloadIdentity": "cloud identity is not supported yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Durations are seconds, sizes bytes; defaults are Flux's."""

    concurrent: int = 2
    requeue_dependency: float = 30.0  # waits for includes and charts, neither of which is built
    ssh_kex_algos: tuple[str, ...] = ()
    ssh_hostkey_algos: tuple[str, ...] = ()
    default_service_account: str = ""
    helm_index_max_size: int = 52_428_800
    helm_chart_max_size: int = 10_485_760
    helm_chart_file_max_size: int = 5_242_880
    helm_cache_max_size: int = 0
    helm_cache_ttl: str = "15m"
    helm_cache_purge_interval: str = "1m"

    # storage
    storage_path: str = "/data"
    storage_addr: str = ":9090"  # "" or "0": no server of its own; whoever builds the controller mounts its handler
    storage_adv_addr: str = ""  # empty: made from storage_addr
    artifact_retention_ttl: float = 60.0
    artifact_retention_records: int = 2
    artifact_digest_algo: str = "sha256"

    # shared with Flux's other controllers
    min_retry_delay: float = 0.75
    max_retry_delay: float = 900.0
    interval_jitter_percentage: float = 5.0
    watch_namespace: str = ""  # of sources; "" = all (`--watch-all-namespaces`)
    watch_label_selector: str = ""
    watch_configs_label_selector: str = f"{names.WATCH_LABEL}={names.WATCH_ENABLED}"  # bound by Flux, without effect
    token_cache_max_size: int = 100
    token_cache_max_duration: float = 3600.0
    feature_gates: Mapping[str, bool] = field(default_factory=dict)

    def gate(self, name: str) -> bool:
        """Whether the feature gate `name` is on."""
        return self.feature_gates.get(name, GATES[name])

    def problems(self) -> list[str]:
        """What cannot be started with, one sentence each, naming the flag; empty when all is well."""
        found = [f"unknown feature gate {gate}" for gate in self.feature_gates if gate not in GATES]
        found += [
            f"--feature-gates={gate}={str(not GATES[gate]).lower()} is not supported: {why}"
            for gate, why in _FIXED_GATES.items()
            if self.gate(gate) != GATES[gate]
        ]
        found += [f"{flag} is not supported yet" for flag in _unbuilt(self)]
        if self.artifact_digest_algo not in ALGORITHMS:
            known = ", ".join(ALGORITHMS)
            found.append(f"--artifact-digest-algo={self.artifact_digest_algo} is not supported: use one of {known}")
        if not 0 <= self.interval_jitter_percentage < 100:
            found.append("--interval-jitter-percentage must be at least 0 and below 100")
        if self.concurrent < 1:
            found.append("--concurrent must be at least 1")
        return found


def _unbuilt(settings: Settings) -> list[str]:
    """Flags that were given although nothing that they act on is built: Helm sources and cloud identity."""
    default = Settings()
    flags = {
        "--default-service-account": settings.default_service_account != default.default_service_account,
        "--helm-index-max-size": settings.helm_index_max_size != default.helm_index_max_size,
        "--helm-chart-max-size": settings.helm_chart_max_size != default.helm_chart_max_size,
        "--helm-chart-file-max-size": settings.helm_chart_file_max_size != default.helm_chart_file_max_size,
        "--helm-cache-max-size": settings.helm_cache_max_size != default.helm_cache_max_size,
        "--helm-cache-ttl": _differ(settings.helm_cache_ttl, default.helm_cache_ttl),
        "--helm-cache-purge-interval": _differ(settings.helm_cache_purge_interval, default.helm_cache_purge_interval),
        "--requeue-dependency": settings.requeue_dependency != default.requeue_dependency,
        "--token-cache-max-size": settings.token_cache_max_size != default.token_cache_max_size,
        "--token-cache-max-duration": settings.token_cache_max_duration != default.token_cache_max_duration,
    }
    return [flag for flag, given in flags.items() if given]


def _differ(one: str, other: str) -> bool:
    try:
        return format_duration(parse_duration(one)) != format_duration(parse_duration(other))
    except ValueError:
        return True
