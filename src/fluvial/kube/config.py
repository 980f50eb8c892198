"""From a kubeconfig, or from a pod's own files, to everything a `Client` needs.

Merging follows client-go: of several files the first one that sets a value wins, and relative paths start at the file
they stand in. What we cannot honour (auth-provider plugins, SOCKS proxies) is refused by name.
"""

import base64
import binascii
import os.path
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fluvial.disk import read_file
from fluvial.kube.channel import Identity
from fluvial.kube.client import Client
from fluvial.kube.credentials import Credentials, FixedHeader, TokenFile
from fluvial.kube.errors import ConfigError
from fluvial.kube.execplugin import ExecPlugin
from fluvial.net import Http1Transport, make_client_tls
from fluvial.stdx import NO_METRICS, Chance, Clock, Metrics
from fluvial.yamldoc import YamlError, load

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """One server and one identity, ready to connect with. Its repr shows no secret.

    Attributes:
        server: URL of the API server.
        ca, certificate, key: PEM.
        insecure: accept any server certificate.
        server_name: name to check instead of the URL's host.
        proxy: URL of a CONNECT proxy.
        impersonate: whom to act as; an empty user means nobody else.
        namespace: of the context, or "default".
        reread_ca: gives the PEM to trust when a server is not trusted any more: a cluster's CA can be rotated.
    """

    server: str
    ca: bytes = field(default=b"", repr=False)
    insecure: bool = False
    server_name: str = ""
    proxy: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    credentials: Credentials = field(default_factory=FixedHeader, repr=False)
    impersonate: Identity = field(default_factory=Identity)
    namespace: str = "default"
    reread_ca: Callable[[], bytes] | None = field(default=None, repr=False)

    async def connect(
        self,
        *,
        user_agent: str,
        chance: Chance,
        metrics: Metrics = NO_METRICS,
        qps: float = 0.0,
        burst: int = 0,
    ) -> Client:
        """Return a client; the caller closes it. No request is sent, but an exec plugin may run.

        Raises:
            ConfigError: a certificate, a key, the proxy or the plugin cannot be used.
        """
        certificate, key, trusted = self.certificate, self.key, self.ca
        if isinstance(self.credentials, ExecPlugin):
            pair = await self.credentials.certificate()
            certificate, key = pair if pair is not None else (certificate, key)

        def renewed() -> ssl.SSLContext | None:
            nonlocal trusted
            if self.reread_ca is None or (found := self.reread_ca()) == trusted:
                return None
            trusted = found
            return make_client_tls(ca=found, certificate=certificate, key=key)

        try:
            tls = make_client_tls(ca=self.ca, certificate=certificate, key=key, insecure=self.insecure)
            transport = Http1Transport(
                tls=tls, server_name=self.server_name, proxy=self.proxy, renew_tls=_careful(renewed)
            )
        except ValueError as error:
            raise ConfigError(f"cannot connect to {self.server}: {error}") from error
        client = Client(
            self.server,
            transport,
            credentials=self.credentials,
            user_agent=user_agent,
            chance=chance,
            metrics=metrics,
            qps=qps,
            burst=burst,
        )
        if self.impersonate.user:
            return client.impersonate(self.impersonate.user, self.impersonate.groups)
        return client


@dataclass(frozen=True, slots=True)
class _Entry:
    """One named map of a kubeconfig and the file it came from."""

    value: Mapping[str, Any]
    path: str


class Kubeconfig:
    """Merged kubeconfig files."""

    def __init__(
        self,
        clusters: Mapping[str, _Entry],
        users: Mapping[str, _Entry],
        contexts: Mapping[str, _Entry],
        current: str,
        source: str,
        read: Callable[[str], bytes],
    ) -> None:
        self._clusters = clusters
        self._users = users
        self._contexts = contexts
        self._source = source
        self._read = read
        self.current_context = current

    @classmethod
    def load(cls, paths: Sequence[str], *, read: Callable[[str], bytes] = read_file) -> "Kubeconfig":
        """Read and merge files, as the `KUBECONFIG` list does; files that don't exist are left out.

        Raises:
            ConfigError: none exists, or one is no kubeconfig.
        """
        documents: list[tuple[str, Mapping[str, Any]]] = []
        for path in paths:
            try:
                documents.append((path, _parse(read(path), path)))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise ConfigError(f"the kubeconfig {path} cannot be read: {error}") from error
        if not documents:
            raise ConfigError(f"no kubeconfig found at {', '.join(paths) or 'any place'}")
        return cls._merged(documents, read)

    @classmethod
    def parse(cls, data: bytes, source: str) -> "Kubeconfig":
        """Read one kubeconfig that is no file (a Secret's key). It may name no files and start no program.

        Raises:
            ConfigError: it is no kubeconfig.
        """
        return cls._merged([(source, _parse(data, source))], _no_files)

    @property
    def contexts(self) -> list[str]:
        """Names of all contexts, sorted."""
        return sorted(self._contexts)

    def context_namespace(self, context: str = "") -> str:
        """Return the namespace of `context` (default: the current one); empty where it names none or doesn't exist."""
        found = self._contexts.get(context or self.current_context)
        return str(found.value.get("namespace") or "") if found is not None else ""

    def cluster(
        self,
        context: str = "",
        *,
        cluster: str = "",
        user: str = "",
        clock: Clock,
        environment: Mapping[str, str] | None = None,
        interactive: bool = False,
        allow_exec: bool = True,
    ) -> ClusterConfig:
        """Return what `context` (default: the current one) names, with `cluster` and `user` overriding its own.

        Args:
            environment: of an exec plugin; None forbids plugins, as `allow_exec` of False does.
            interactive: an exec plugin may ask on the terminal.
        Raises:
            ConfigError: something is missing, unreadable or not supported.
        """
        name = context or self.current_context
        chosen = self._entry(self._contexts, name, "context").value if name else {}
        if not name and not (cluster and user):
            raise ConfigError(f"{self._source} has no current-context; name one")
        cluster_entry = self._entry(self._clusters, cluster or str(chosen.get("cluster") or ""), "cluster")
        user_name = user or str(chosen.get("user") or "")
        user_entry = self._entry(self._users, user_name, "user") if user_name else _Entry({}, self._source)
        described = cluster_entry.value
        server = str(described.get("server") or "")
        if not server:
            raise ConfigError(f"{cluster_entry.path}: the cluster has no server")
        credentials = self._credentials(user_entry, described, clock, environment if allow_exec else None, interactive)
        return ClusterConfig(
            server=server,
            ca=self._pem(cluster_entry, "certificate-authority"),
            insecure=described.get("insecure-skip-tls-verify") is True,
            server_name=str(described.get("tls-server-name") or ""),
            proxy=str(described.get("proxy-url") or ""),
            certificate=self._pem(user_entry, "client-certificate"),
            key=self._pem(user_entry, "client-key"),
            credentials=credentials,
            impersonate=_impersonation(user_entry),
            namespace=str(chosen.get("namespace") or "default"),
        )

    @classmethod
    def _merged(cls, documents: Sequence[tuple[str, Mapping[str, Any]]], read: Callable[[str], bytes]) -> "Kubeconfig":
        merged: dict[str, dict[str, _Entry]] = {"clusters": {}, "users": {}, "contexts": {}}
        current = ""
        for path, document in documents:
            current = current or str(document.get("current-context") or "")
            for section, entries in merged.items():
                for item in _items(document, section, path):
                    entries.setdefault(item[0], _Entry(item[1], path))
        source = ", ".join(path for path, _ in documents)
        return cls(merged["clusters"], merged["users"], merged["contexts"], current, source, read)

    def _entry(self, entries: Mapping[str, _Entry], name: str, what: str) -> _Entry:
        found = entries.get(name)
        if found is None:
            raise ConfigError(f'{self._source}: there is no {what} named "{name}"')
        return found

    def _credentials(
        self,
        entry: _Entry,
        cluster: Mapping[str, Any],
        clock: Clock,
        environment: Mapping[str, str] | None,
        interactive: bool,
    ) -> Credentials:
        """Choose as client-go does: a token before a password before a plugin."""
        user = entry.value
        if path := user.get("tokenFile"):
            return TokenFile(self._resolve(entry, str(path)), self._read)
        if token := user.get("token"):
            return FixedHeader.bearer(str(token))
        if name := user.get("username"):
            return FixedHeader.basic(str(name), str(user.get("password") or ""))
        if isinstance(user.get("auth-provider"), dict):
            provider = user["auth-provider"].get("name")
            raise ConfigError(f'{entry.path}: the auth-provider "{provider}" is not supported; use an exec plugin')
        if isinstance(user.get("exec"), dict):
            if environment is None:
                raise ConfigError(f"{entry.path}: exec credential plugins are not allowed here")
            folder = os.path.dirname(os.path.abspath(entry.path))
            return ExecPlugin(
                user["exec"],
                cluster=cluster,
                folder=folder,
                source=entry.path,
                clock=clock,
                environment=environment,
                interactive=interactive,
            )
        return FixedHeader()

    def _pem(self, entry: _Entry, field_name: str) -> bytes:
        inline = entry.value.get(f"{field_name}-data")
        if inline:
            try:
                return base64.b64decode(str(inline), validate=True)
            except binascii.Error as error:
                raise ConfigError(f"{entry.path}: {field_name}-data is not valid base64") from error
        path = entry.value.get(field_name)
        if not path:
            return b""
        resolved = self._resolve(entry, str(path))
        try:
            return self._read(resolved)
        except OSError as error:
            raise ConfigError(f"{entry.path}: {field_name} {resolved} cannot be read: {error}") from error

    def _resolve(self, entry: _Entry, path: str) -> str:
        return os.path.join(os.path.dirname(entry.path), path)


def in_cluster(
    host: str, port: str, *, folder: str = SERVICE_ACCOUNT, read: Callable[[str], bytes] = read_file
) -> ClusterConfig:
    """Return the settings of the pod that we run in.

    Args:
        host, port: of the API server, from `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`.
        folder: where the ServiceAccount is mounted.
    Raises:
        ConfigError: we are in no pod, or its ServiceAccount is not mounted.
    """
    if not host or not port:
        raise ConfigError("this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
    try:
        ca = read(f"{folder}/ca.crt")
        namespace = read(f"{folder}/namespace").decode().strip()
        read(f"{folder}/token")
    except (OSError, ValueError) as error:
        raise ConfigError(f"the ServiceAccount of this pod cannot be read: {error}") from error
    shown = f"[{host}]" if ":" in host else host
    return ClusterConfig(
        server=f"https://{shown}:{port}",
        ca=ca,
        reread_ca=lambda: read(f"{folder}/ca.crt"),
        credentials=TokenFile(f"{folder}/token", read),
        namespace=namespace or "default",
    )


def _careful(renew: Callable[[], ssl.SSLContext | None]) -> Callable[[], ssl.SSLContext | None]:
    """A file that can't be read or used just now renews nothing; the refused connection is the error to tell."""

    def renewed() -> ssl.SSLContext | None:
        try:
            return renew()
        except (OSError, ValueError):
            return None

    return renewed


def _parse(data: bytes, path: str) -> Mapping[str, Any]:
    try:
        value = load(data)
    except YamlError as error:
        raise ConfigError(f"the kubeconfig {path} is not valid YAML: {error}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{path} is not a kubeconfig")
    return value


def _items(document: Mapping[str, Any], section: str, path: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return (name, value) of each entry of clusters, users or contexts."""
    entries = document.get(section) or []
    singular = section.removesuffix("s")
    found: list[tuple[str, Mapping[str, Any]]] = []
    for number, entry in enumerate(entries if isinstance(entries, list) else [entries]):
        value = entry.get(singular) or {} if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(value, dict):
            raise ConfigError(f"{path}: {section}[{number}] is not a named {singular}")
        found.append((str(entry.get("name") or ""), value))
    return found


def _impersonation(entry: _Entry) -> Identity:
    user = str(entry.value.get("as") or "")
    groups = entry.value.get("as-groups") or []
    if entry.value.get("as-uid") or entry.value.get("as-user-extra"):
        raise ConfigError(f"{entry.path}: as-uid and as-user-extra are not supported")
    if groups and not user:
        raise ConfigError(f"{entry.path}: as-groups without as")
    return Identity(user, tuple(str(group) for group in groups))


def _no_files(path: str) -> bytes:
    raise OSError("this kubeconfig may not name files")
