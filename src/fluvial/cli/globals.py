# ruff: noqa: E501 - help texts stay on one line each
"""The flags that every command takes, and the record they become."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from fluvial.cli import flags
from fluvial.cli.errors import UsageFailure
from fluvial.cli.flags import Flag

DEFAULT_NAMESPACE = "flux-system"
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Which API server to talk to and as whom; empty text = what the kubeconfig says."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    user: str = ""
    server: str = ""
    token: str = ""
    certificate_authority: str = ""
    client_certificate: str = ""
    client_key: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool = False
    as_user: str = ""
    as_groups: tuple[str, ...] = ()
    as_uid: str = ""
    qps: float = 50.0
    burst: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Globals:
    """What was said on the command line for any command."""

    namespace: str
    timeout: float  # seconds, for the whole command
    verbose: bool
    cluster: Cluster


def global_flags(environ: Mapping[str, str]) -> list[Flag]:
    """Return the persistent flags of the root; the environment may change the default namespace."""
    text, boolean = flags.text, flags.boolean
    return [
        text("as", "Username to impersonate for the operation. User could be a regular user or a service account in a namespace."),
        flags.strings("as-group", "Group to impersonate for the operation, this flag can be repeated to specify multiple groups."),
        text("as-uid", "UID to impersonate for the operation."),
        flags.strings("as-user-extra", "User extras to impersonate for the operation, this flag can be repeated to specify multiple values for the same key."),
        text("cache-dir", "Default cache directory (no disk cache is kept: accepted for flux's sake)"),
        text("certificate-authority", "Path to a cert file for the certificate authority to authenticate the Kubernetes API server"),
        text("client-certificate", "Path to a client certificate file for TLS authentication to the Kubernetes API server"),
        text("client-key", "Path to a client key file for TLS authentication to the Kubernetes API server"),
        text("cluster", "The name of the kubeconfig cluster to use"),
        text("context", "The name of the kubeconfig context to use"),
        boolean("disable-compression", "If true, opt-out of response compression for all requests to the server"),
        boolean("insecure-skip-tls-verify", "If true, the Kubernetes API server's certificate will not be checked for validity. This will make your HTTPS connections insecure"),
        flags.integer("kube-api-burst", "The maximum burst queries-per-second of requests sent to the Kubernetes API.", 300),
        flags.number("kube-api-qps", "The maximum queries-per-second of requests sent to the Kubernetes API.", 50),
        text("kubeconfig", "Path to the kubeconfig file to use for CLI requests."),
        flags.Flag("namespace", "n", "string", default_namespace(environ), "If present, the namespace scope for this CLI request", type=str, shown_default=default_namespace(environ)),
        boolean("ns-follows-kube-context", "use the namespace from the kubeconfig context instead of the default flux-system namespace, can also be set via FLUX_NS_FOLLOWS_KUBE_CONTEXT env var"),
        text("server", "The address and port of the Kubernetes API server"),
        flags.duration("timeout", "timeout for this operation", "5m0s"),
        text("tls-server-name", "Server name to use for server certificate validation. If it is not provided, the hostname used to contact the server is used"),
        text("token", "Bearer token for authentication to the API server"),
        text("user", "The name of the kubeconfig user to use"),
        boolean("verbose", "print generated objects"),
    ]  # fmt: skip


def is_dns_label(name: str) -> bool:
    """Tell whether `name` is a DNS-1123 label."""
    return _LABEL.fullmatch(name) is not None


def default_namespace(environ: Mapping[str, str]) -> str:
    """Return the namespace that holds when `--namespace` is absent; an invalid environment value is passed over."""
    wanted = environ.get("FLUX_SYSTEM_NAMESPACE", "")
    return wanted if wanted and is_dns_label(wanted) else DEFAULT_NAMESPACE


def environment_warnings(environ: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the environment and was passed over."""
    wanted = environ.get("FLUX_SYSTEM_NAMESPACE", "")
    if wanted and not is_dns_label(wanted):
        return [f' ignoring invalid FLUX_SYSTEM_NAMESPACE: "{wanted}"']
    return []


def read_globals(params: Mapping[str, Any], *, checked: bool = True) -> Globals:
    """Make the record from parsed parameters.

    Args:
        checked: the namespace must be a DNS label; `create` does without the check, as in flux.
    Raises:
        UsageFailure: the namespace is not a DNS label, or a flag was used that is not built.
    """
    namespace = params["namespace"]
    if checked and not is_dns_label(namespace):
        raise UsageFailure(f'namespace must be a valid DNS label: "{namespace}"')
    if params["as_user_extra"]:
        raise UsageFailure("--as-user-extra is not supported yet")
    cluster = Cluster(
        kubeconfig=params["kubeconfig"],
        context=params["context"],
        cluster=params["cluster"],
        user=params["user"],
        server=params["server"],
        token=params["token"],
        certificate_authority=params["certificate_authority"],
        client_certificate=params["client_certificate"],
        client_key=params["client_key"],
        tls_server_name=params["tls_server_name"],
        insecure_skip_tls_verify=params["insecure_skip_tls_verify"],
        as_user=params["as_"],
        as_groups=params["as_group"],
        as_uid=params["as_uid"],
        qps=params["kube_api_qps"],
        burst=params["kube_api_burst"],
    )
    return Globals(namespace=namespace, timeout=params["timeout"], verbose=params["verbose"], cluster=cluster)


def follows_context(params: Mapping[str, Any], ctx: click.Context, environ: Mapping[str, str]) -> bool:
    """Tell whether the namespace is to come from the kubeconfig's context: asked for, and `--namespace` not given."""
    given = ctx.get_parameter_source("namespace") is click.core.ParameterSource.COMMANDLINE
    return not given and bool(params["ns_follows_kube_context"] or environ.get("FLUX_NS_FOLLOWS_KUBE_CONTEXT"))
