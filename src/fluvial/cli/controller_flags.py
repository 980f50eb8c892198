# ruff: noqa: E501 - help texts stay on one line each
"""The flags of the controllers: Flux's names and defaults.

A flag either becomes a field of the controller's settings or of the process's, or it is in UNBUILT: then any value but
the default ends the start. A test walks every flag.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluvial.cli import flags
from fluvial.cli.errors import UsageFailure
from fluvial.cli.flags import Flag

_LEVELS = ("trace", "debug", "info", "error")
_ENCODINGS = ("json", "console")


def _one_of(options: Sequence[str]) -> Callable[[str], str]:
    return lambda value: f"must be one of {', '.join(options)}"


def process_flags() -> list[Flag]:
    """Return the flags about the process; both controllers have them. None as a value means: not given."""
    return [
        flags.text("metrics-addr", "The address the metric endpoint binds to (default $METRICS_ADDR in source-controller, else :8080)."),
        flags.text("health-addr", "The address the health endpoint binds to.", ":9440"),
        flags.text("events-addr", "The address of the events receiver (default $EVENTS_ADDR in source-controller)."),
        flags.choice("log-level", "Log verbosity level. Can be one of 'trace', 'debug', 'info', 'error'.", _LEVELS, _one_of(_LEVELS), "info"),
        flags.choice("log-encoding", "Log encoding format. Can be 'json' or 'console'.", _ENCODINGS, _one_of(_ENCODINGS), "json"),
        flags.boolean("enable-leader-election", "Enable leader election for controller manager. Enabling this will ensure there is only one active controller manager."),
        flags.boolean("leader-election-release-on-cancel", "Defines if the leader should step down voluntarily on controller manager shutdown.", True),
        flags.duration("leader-election-lease-duration", "Interval at which non-leader candidates will wait to force acquire leadership (duration string).", "35s"),
        flags.duration("leader-election-renew-deadline", "Duration that the leading controller manager will retry refreshing leadership before giving up (duration string).", "30s"),
        flags.duration("leader-election-retry-period", "Duration the LeaderElector clients should wait between tries of actions (duration string).", "5s"),
    ]  # fmt: skip


def _shared(concurrent: int) -> list[Flag]:
    return [
        flags.integer("concurrent", "The number of concurrent reconciles per controller.", concurrent),
        flags.duration("min-retry-delay", "The minimum amount of time for which an object being reconciled will have to wait before a retry.", "750ms"),
        flags.duration("max-retry-delay", "The maximum amount of time for which an object being reconciled will have to wait before a retry.", "15m0s"),
        flags.duration("requeue-dependency", "The interval at which failing dependencies are reevaluated.", "30s"),
        flags.integer("interval-jitter-percentage", "Percentage of jitter to apply to interval durations. A value of 10 will apply a jitter of +/-10% to the interval duration. It cannot be negative, and must be less than 100.", 5),
        flags.boolean("watch-all-namespaces", "Watch for custom resources in all namespaces, if set to false it will only watch the runtime namespace.", True),
        flags.text("watch-label-selector", "Watch for resources with matching labels e.g. 'sharding.fluxcd.io/key=shard1'."),
        flags.text("watch-configs-label-selector", "Watch for ConfigMaps and Secrets with matching labels.", "reconcile.fluxcd.io/watch=Enabled"),
        flags.text("feature-gates", "A comma separated list of key=value pairs defining the state of experimental features."),
        flags.integer("token-cache-max-size", "The maximum amount of entries in the LRU cache used for tokens.", 100),
        flags.duration("token-cache-max-duration", "The maximum duration for which a token would be considered unexpired.", "1h0m0s"),
    ]  # fmt: skip


def source_flags() -> list[Flag]:
    """Return the flags of source-controller beside those of the process."""
    return [
        *_shared(2),
        flags.text("storage-path", "The local storage path (default $STORAGE_PATH, else /data)."),
        flags.text("storage-addr", "The address the static file server binds to (default $STORAGE_ADDRESS, else :9090)."),
        flags.text("storage-adv-addr", "The advertised address of the static file server (default $STORAGE_ADV_ADDR)."),
        flags.duration("artifact-retention-ttl", "The duration of time that artifacts from previous reconciliations will be kept in storage before being garbage collected.", "1m0s"),
        flags.integer("artifact-retention-records", "The maximum number of artifacts to be kept in storage after a garbage collection.", 2),
        flags.text("artifact-digest-algo", "The algorithm to use to calculate the digest of artifacts.", "sha256"),
        flags.integer("helm-index-max-size", "The max allowed size in bytes of a Helm repository index file.", 52428800),
        flags.integer("helm-chart-max-size", "The max allowed size in bytes of a Helm chart file.", 10485760),
        flags.integer("helm-chart-file-max-size", "The max allowed size in bytes of a file in a Helm chart.", 5242880),
        flags.integer("helm-cache-max-size", "The maximum size of the cache in number of indexes.", 0),
        flags.text("helm-cache-ttl", "The TTL of an index in the cache. Valid time units are ns, us (or µs), ms, s, m, h.", "15m"),
        flags.text("helm-cache-purge-interval", "The interval at which the cache is purged. Valid time units are ns, us (or µs), ms, s, m, h.", "1m"),
        flags.strings("ssh-kex-algos", "The list of key exchange algorithms to use for ssh connections, arranged from most preferred to the least."),
        flags.strings("ssh-hostkey-algos", "The list of hostkey algorithms to use for ssh connections, arranged from most preferred to the least."),
        flags.text("default-service-account", "Default service account to use for workload identity when not specified in resources."),
    ]  # fmt: skip


def kustomize_flags() -> list[Flag]:
    """Return the flags of kustomize-controller beside those of the process; the last two are ours."""
    return [
        *_shared(4),
        flags.integer("concurrent-ssa", "The number of concurrent server-side apply operations.", 4),
        flags.boolean("no-remote-bases", "Disallow remote bases usage in Kustomize overlays. They are not supported either way."),
        flags.integer("http-retry", "The maximum number of retries when failing to fetch artifacts over HTTP.", 9),
        flags.boolean("no-cross-namespace-refs", "When set to true, references between custom resources are allowed only if the reference and the referee are in the same namespace."),
        flags.boolean("insecure-kubeconfig-exec", "Allow use of the user.exec section in kubeconfigs provided for remote apply."),
        flags.boolean("insecure-kubeconfig-tls", "Allow that kubeconfigs provided for remote apply can disable TLS verification."),
        flags.text("default-service-account", "Default service account used for impersonation."),
        flags.text("default-decryption-service-account", "Default service account used for decryption."),
        flags.text("default-kubeconfig-service-account", "Default service account used for kubeconfig."),
        flags.text("sops-age-secret", "The name of a Kubernetes secret in the RUNTIME_NAMESPACE containing a SOPS age decryption key for fallback usage."),
        flags.text("sops-vault-configmap", "The name of a ConfigMap in the RUNTIME_NAMESPACE with trusted Vault servers."),
        flags.strings("override-manager", "Field manager disallowed to perform changes on managed resources."),
        flags.text("custom-apply-stage-kinds", "Comma-separated list of group/kind pairs applied in a stage of their own."),
        flags.choice("drift", "how drift is corrected: 'watch' at once, 'interval' at the next interval, as Flux does (not in flux)", ("watch", "interval"), _one_of(("watch", "interval")), "watch"),
        flags.choice("prune-guard", "'on' asks for consent before an empty build prunes everything, 'off' does as Flux does (not in flux)", ("on", "off"), _one_of(("on", "off")), "on"),
    ]  # fmt: skip


# Flags of flux that no settings have a place for: nothing that they act on is built.
UNBUILT: Mapping[str, frozenset[str]] = {
    "source": frozenset(),
    "kustomize": frozenset({"token_cache_max_size", "token_cache_max_duration"}),
}

_RENAMED = {"override_manager": "override_managers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """The process around a controller; durations are seconds. `metrics_addr` and the like are Go addresses."""

    metrics_addr: str
    health_addr: str
    events_addr: str
    log_level: str
    log_encoding: str
    enable_leader_election: bool
    leader_election_release_on_cancel: bool
    leader_election_lease_duration: float
    leader_election_renew_deadline: float
    leader_election_retry_period: float


def read_process(given: Mapping[str, Any], environ: Mapping[str, str], *, source: bool) -> Process:
    """Return the record about the process; source-controller takes two addresses from the environment too."""
    values = {name: given[name] for name in Process.__dataclass_fields__}
    env = environ if source else {}
    values["metrics_addr"] = values["metrics_addr"] or env.get("METRICS_ADDR") or ":8080"
    values["events_addr"] = values["events_addr"] or env.get("EVENTS_ADDR", "")
    return Process(**values)


def read_settings(controller: str, given: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of the controller's settings.

    Raises:
        UsageFailure: a flag of which nothing is built has another value than its default, or the gates cannot be read.
    """
    table = source_flags() if controller == "source" else kustomize_flags()
    defaults = {str(flag.name): flag for flag in table}
    for name in sorted(UNBUILT[controller]):
        if given[name] != defaults[name].type.convert(defaults[name].default, defaults[name], None):
            raise UsageFailure(f"--{defaults[name].flag_name} is not supported yet")
    names = defaults.keys() - UNBUILT[controller]
    values = {_RENAMED.get(name, name): given[name] for name in names}
    everywhere = values.pop("watch_all_namespaces")
    values["watch_namespace"] = "" if everywhere else _runtime_namespace(environ)
    values["feature_gates"] = read_gates(values["feature_gates"])
    if controller == "source":
        values["storage_path"] = values["storage_path"] or environ.get("STORAGE_PATH") or "/data"
        values["storage_addr"] = values["storage_addr"] or environ.get("STORAGE_ADDRESS") or ":9090"
        values["storage_adv_addr"] = values["storage_adv_addr"] or environ.get("STORAGE_ADV_ADDR", "")
    return values


def _runtime_namespace(environ: Mapping[str, str]) -> str:
    found = environ.get("RUNTIME_NAMESPACE", "")
    if not found:
        raise UsageFailure("--watch-all-namespaces=false needs the environment variable RUNTIME_NAMESPACE")
    return found


def read_gates(text: str) -> dict[str, bool]:
    """Read `A=true,B=false`.

    Raises:
        UsageFailure: it is not of that form; whether a gate exists is for the controller to say.
    """
    found = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageFailure(f'invalid argument "{text}" for "--feature-gates" flag: missing bool value for {name}')
        try:
            found[name.strip()] = flags.read_bool(value.strip())
        except ValueError as error:
            raise UsageFailure(
                f'invalid argument "{text}" for "--feature-gates" flag: invalid value of {pair}: {error}'
            ) from error
    return found
