"""`create kustomization`."""

from dataclasses import dataclass
from typing import Any

from fluvial.cli import flags, kinds
from fluvial.cli.command import Command
from fluvial.cli.create import object_name, read_labels, skeleton, upsert, wait_ready
from fluvial.cli.errors import UsageFailure
from fluvial.cli.kinds import split_reference
from fluvial.cli.manifest import document, exported
from fluvial.cli.session import Session
from fluvial.gotext import format_duration
from fluvial.objects import Object, dig
from fluvial.stdx import clean_path

_SOURCE_KINDS = ("OCIRepository", "GitRepository", "Bucket")
_CHECKED_KINDS = ("Deployment", "DaemonSet", "StatefulSet", "HelmRelease")
_SOURCE_TEXT = (
    "source that contains the Kubernetes manifests in the format '[<kind>/]<name>.<namespace>', where kind must be one "
    "of: (OCIRepository, GitRepository, Bucket), if kind is not specified it defaults to GitRepository"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KustomizationFlags:
    """What was asked for; empty = not given. Fields are named as the flags, durations are seconds."""

    interval: float
    export: bool
    label: tuple[str, ...]
    source: Object | None
    path: str
    prune: bool
    wait: bool
    health_check: tuple[str, ...]
    health_check_timeout: float
    validation: str
    depends_on: tuple[str, ...]
    service_account: str
    decryption_provider: str
    decryption_secret: str
    target_namespace: str
    kubeconfig_secret_ref: str
    retry_interval: float


async def _run(session: Session, arguments: tuple[str, ...], **given: Any) -> None:
    name = object_name(arguments)
    asked = KustomizationFlags(**given)
    say = session.say
    if asked.validation:
        session.world.err.write(
            "Flag --validation has been deprecated, this arg is no longer used, all resources are validated using "
            "server-side apply dry-run\n"
        )
    if asked.source is None:
        raise UsageFailure("source is required")
    if not asked.export:
        say.generate("generating Kustomization")
    kind = kinds.KUSTOMIZATION
    obj = skeleton(session, kind, name, read_labels(asked.label), make_spec(asked, asked.source))
    if asked.export:
        session.print(document(exported(obj)), end="")
        return
    say.action("applying Kustomization")
    await upsert(session, kind, obj, "Kustomization")
    say.waiting("waiting for Kustomization reconciliation")
    ready = await wait_ready(session, kind, name)
    say.success(f"Kustomization {name} is ready")
    say.success(f"applied revision {dig(ready, 'status', 'lastAppliedRevision', default='')}")


def make_spec(asked: KustomizationFlags, source: Object) -> Object:
    """Return `spec` of the Kustomization that was asked for."""
    spec: Object = {
        "interval": format_duration(asked.interval),
        "path": asked.path,
        "prune": asked.prune,
        "sourceRef": source,
    }
    if asked.target_namespace:
        spec["targetNamespace"] = asked.target_namespace
    if asked.depends_on:
        spec["dependsOn"] = [_dependency(text) for text in asked.depends_on]
    if asked.kubeconfig_secret_ref:
        spec["kubeConfig"] = {"secretRef": {"name": asked.kubeconfig_secret_ref}}
    if asked.health_check and not asked.wait:
        spec["healthChecks"] = [_health_check(text) for text in asked.health_check]
    if asked.wait:
        spec["wait"] = True
    if asked.wait or asked.health_check:
        spec["timeout"] = format_duration(asked.health_check_timeout)
    if asked.service_account:
        spec["serviceAccountName"] = asked.service_account
    if asked.decryption_provider:
        spec["decryption"] = {"provider": asked.decryption_provider}
        if asked.decryption_secret:
            spec["decryption"]["secretRef"] = {"name": asked.decryption_secret}
    if asked.retry_interval > 0:
        spec["retryInterval"] = format_duration(asked.retry_interval)
    return spec


def _dependency(text: str) -> Object:
    namespace, slash, name = text.rpartition("/")
    return {"name": name, "namespace": namespace} if slash else {"name": text}


def _health_check(text: str) -> Object:
    parts = text.split("/")
    if len(parts) != 2:
        raise UsageFailure(
            f"invalid health check '{text}' must be in the format 'kind/name.namespace' [{' '.join(parts)}]"
        )
    kind, rest = parts
    if kind not in _CHECKED_KINDS:
        raise UsageFailure(
            f"invalid health check kind '{kind}' can be HelmRelease, Deployment, DaemonSet or StatefulSet"
        )
    names = rest.split(".")
    if len(names) != 2:
        raise UsageFailure(f"invalid health check '{text}' must be in the format 'kind/name.namespace'")
    check = {"kind": kind, "name": names[0], "namespace": names[1]}
    return {"apiVersion": "helm.toolkit.fluxcd.io/v2", **check} if kind == "HelmRelease" else check


def _read_source(text: str) -> Object:
    if not text.strip():
        raise ValueError(f"no Kustomization source given, please specify {_SOURCE_TEXT}")
    kind, name, namespace = split_reference(text)
    if not name:
        raise ValueError(f"no name given for source of kind '{kind}'")
    if not kind and name in _SOURCE_KINDS:
        raise ValueError(f"no kind specified for source '{name}'")
    kind = kind or "GitRepository"
    clean = next((known for known in _SOURCE_KINDS if known.lower() == kind.lower()), "")
    if not clean:
        raise ValueError(f"source kind '{kind}' is not supported, must be one of: {', '.join(_SOURCE_KINDS)}")
    ref = {"kind": clean, "name": name}
    return {**ref, "namespace": namespace} if namespace else ref


def _read_path(text: str) -> str:
    """Flatten the path inside its root, as a chroot would: `./a/../../b` is `./b`."""
    clean = clean_path("/" + text.strip())
    return "./" if clean == "." else f"./{clean}"


def _read_decryption(text: str) -> str:
    if text != "sops":
        raise ValueError(f"decryption provider '{text}' is not supported, must be one of: sops")
    return text


command = Command(
    "kustomization",
    "Create or update a Kustomization resource",
    _run,
    usage="[name]",
    aliases=("ks",),
    long="The create command generates a Kustomization resource for a given source.",
    example="""
  # Create a Kustomization resource from a source at a given path
  @ create kustomization kyverno \\
    --source=GitRepository/kyverno \\
    --path="./config/release" \\
    --prune=true \\
    --interval=60m \\
    --wait=true \\
    --health-check-timeout=3m

  # Create a Kustomization resource that depends on the previous one
  @ create kustomization kyverno-policies \\
    --depends-on=kyverno \\
    --source=GitRepository/kyverno-policies \\
    --path="./policies/flux" \\
    --prune=true \\
    --interval=5m
""",
    own=[
        flags.parsed("source", _SOURCE_TEXT, _read_source),
        flags.parsed(
            "path",
            "path to the directory containing a kustomization.yaml file",
            _read_path,
            "./",
            go_type="safeRelativePath",
        ),
        flags.boolean("prune", "enable garbage collection"),
        flags.boolean("wait", "enable health checking of all the applied resources"),
        flags.strings(
            "health-check",
            "workload to be included in the health assessment, in the format '<kind>/<name>.<namespace>'",
        ),
        flags.duration("health-check-timeout", "timeout of health checking operations", "2m0s"),
        flags.text("validation", "validate the manifests before applying them (no longer used)", hidden=True),
        flags.strings(
            "depends-on",
            "Kustomization that must be ready before this Kustomization can be applied, supported formats '<name>' and "
            "'<namespace>/<name>', also accepts comma-separated values",
        ),
        flags.text(
            "service-account",
            "the name of the service account to impersonate when reconciling this Kustomization",
        ),
        flags.parsed("decryption-provider", "decryption provider, must be one of: sops", _read_decryption, ""),
        flags.text(
            "decryption-secret",
            "set the Kubernetes secret name that contains the OpenPGP private keys used for sops decryption",
        ),
        flags.text(
            "target-namespace",
            "overrides the namespace of all Kustomization objects reconciled by this Kustomization",
        ),
        flags.text(
            "kubeconfig-secret-ref",
            "the name of the Kubernetes Secret that contains a key with the kubeconfig file for connecting to a remote "
            "cluster",
        ),
        flags.duration("retry-interval", "the interval at which to retry a previously failed reconciliation"),
    ],
)
