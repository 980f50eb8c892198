"""From flags, environment and kubeconfig files to a client."""

import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fluvial import __version__
from fluvial.cli.clock import WallClock
from fluvial.cli.errors import Failure
from fluvial.cli.globals import Cluster
from fluvial.kube import Client, ClusterConfig, ConfigError, FixedHeader, Identity, Kubeconfig, in_cluster

USER_AGENT = f"fluvial/{__version__}"


async def connect(cluster: Cluster, environ: Mapping[str, str]) -> Client:
    """Return a client of the API server that was chosen; the caller closes it.

    Raises:
        Failure: with the text that flux prints when its configuration cannot be loaded.
    """
    try:
        config = cluster_config(cluster, environ)
        return await config.connect(
            user_agent=USER_AGENT, chance=random.SystemRandom(), qps=cluster.qps, burst=cluster.burst
        )
    except ConfigError as error:
        raise Failure(f"kubernetes configuration load failed: {error}") from error


def cluster_config(cluster: Cluster, environ: Mapping[str, str]) -> ClusterConfig:
    """Return server and identity as kubectl would choose them: flags over kubeconfig over the pod that we run in.

    Raises:
        ConfigError: none of them names a server, or something named cannot be used.
    """
    if cluster.as_uid:
        raise ConfigError("--as-uid is not supported yet")
    config = _base(cluster, environ)
    if cluster.server:
        config = replace(config, server=cluster.server)
    if cluster.certificate_authority:
        config = replace(config, ca=_read(cluster.certificate_authority), insecure=False)
    if cluster.insecure_skip_tls_verify:
        config = replace(config, insecure=True, ca=b"")
    if cluster.tls_server_name:
        config = replace(config, server_name=cluster.tls_server_name)
    if cluster.client_certificate or cluster.client_key:
        pair = _read(cluster.client_certificate), _read(cluster.client_key)
        config = replace(config, certificate=pair[0], key=pair[1])
    if cluster.token:
        config = replace(config, credentials=FixedHeader.bearer(cluster.token))
    if cluster.as_user:
        config = replace(config, impersonate=Identity(cluster.as_user, cluster.as_groups))
    elif cluster.as_groups:
        raise ConfigError("requesting groups without impersonating a user: give --as too")
    return config


def _base(cluster: Cluster, environ: Mapping[str, str]) -> ClusterConfig:
    paths = kubeconfig_paths(cluster, environ)
    try:
        loaded = Kubeconfig.load(paths)
    except ConfigError:
        if cluster.kubeconfig:
            raise
        if cluster.server:
            return ClusterConfig(server=cluster.server)
        host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
        if host and port:
            return in_cluster(host, port)
        raise
    return loaded.cluster(
        cluster.context,
        cluster=cluster.cluster,
        user=cluster.user,
        clock=WallClock(),
        environment=environ,
        interactive=sys.stdin.isatty(),
    )


def _read(path: str) -> bytes:
    if not path:
        raise ConfigError("--client-certificate and --client-key go together")
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def kubeconfig_paths(cluster: Cluster, environ: Mapping[str, str]) -> Sequence[str]:
    """Return the files that make up the kubeconfig, most important first."""
    if cluster.kubeconfig:
        return [cluster.kubeconfig]
    listed = [path for path in environ.get("KUBECONFIG", "").split(":") if path]
    return listed or [str(Path(environ.get("HOME") or Path.home()) / ".kube" / "config")]


def context_namespace(cluster: Cluster, environ: Mapping[str, str]) -> str:
    """Return the namespace of the chosen context; empty when there is no telling."""
    try:
        loaded = Kubeconfig.load(kubeconfig_paths(cluster, environ))
        return loaded.context_namespace(cluster.context)
    except ConfigError:
        return ""


def context_names(cluster: Cluster, environ: Mapping[str, str]) -> Sequence[str]:
    """Return the contexts that can be chosen."""
    try:
        return Kubeconfig.load(kubeconfig_paths(cluster, environ)).contexts
    except ConfigError:
        return []
