"""Runs the exec credential plugin of a kubeconfig: the only place where a foreign program is started, by argument list,
no shell.

Protocol: client.authentication.k8s.io v1 and v1beta1 (client-go plugin/pkg/client/auth/exec).
"""

import asyncio
import os.path
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from fluvial.gotext import parse_rfc3339
from fluvial.kube.errors import ConfigError
from fluvial.stdx import Clock

_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_TIME_LIMIT = 60.0  # seconds for a plugin that may not ask anybody
_OUTPUT_LIMIT = 1 << 20  # bytes


class ExecPlugin:
    """Credentials from a plugin, kept until they expire or the server refuses them."""

    def __init__(
        self,
        spec: Mapping[str, Any],
        *,
        cluster: Mapping[str, Any],
        folder: str,
        source: str,
        clock: Clock,
        environment: Mapping[str, str],
        interactive: bool,
    ) -> None:
        """
        Args:
            spec: the `exec` map of a kubeconfig user.
            cluster: the kubeconfig's cluster, told to the plugin if `provideClusterInfo` asks for it.
            folder: where a command with a slash in its name starts from.
            source: file to name in errors.
        Raises:
            ConfigError: no command, an API version that we don't speak, or a plugin that must ask where nobody can
            answer.
        """
        self._source = source
        self._command = str(spec.get("command") or "")
        self._version = str(spec.get("apiVersion") or "")
        self._mode = str(spec.get("interactiveMode") or "IfAvailable")
        if not self._command:
            raise ConfigError(f"{source}: the exec plugin has no command")
        if self._version not in _VERSIONS:
            raise ConfigError(f'{source}: exec plugin API version "{self._version}" is not supported')
        if self._mode == "Always" and not interactive:
            raise ConfigError(f"{source}: the exec plugin {self._command} needs a terminal")
        self._asks = interactive and self._mode != "Never"
        self._arguments = [str(argument) for argument in _list(spec.get("args"))]
        if "/" in self._command and not os.path.isabs(self._command):
            self._command = os.path.join(folder, self._command)
        self._hint = str(spec.get("installHint") or "")
        info = _cluster_info(cluster) if spec.get("provideClusterInfo") else None
        self._environment = dict(environment)
        self._environment.update({str(item["name"]): str(item["value"]) for item in _list(spec.get("env"))})
        self._environment["KUBERNETES_EXEC_INFO"] = self._request(info)
        self._clock = clock
        self._lock = asyncio.Lock()
        self._status: Mapping[str, Any] | None = None
        self._expires: datetime | None = None

    async def header(self) -> str:
        """See `Credentials.header`."""
        token = (await self._current()).get("token")
        return f"Bearer {token}" if token else ""

    async def certificate(self) -> tuple[bytes, bytes] | None:
        """Return the client certificate and key in PEM that the plugin gives, or None."""
        status = await self._current()
        certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
        return (str(certificate).encode(), str(key).encode()) if certificate and key else None

    def reject(self) -> bool:
        """See `Credentials.reject`: the plugin is asked anew."""
        self._status = None
        return True

    async def _current(self) -> Mapping[str, Any]:
        async with self._lock:
            if self._status is None or (self._expires is not None and self._clock.now() >= self._expires):
                self._status = self._read(await self._run())
            return self._status

    def _request(self, info: Mapping[str, Any] | None) -> str:
        spec: dict[str, Any] = {"interactive": self._asks}
        if info is not None:
            spec["cluster"] = info
        return msgspec.json.encode({"apiVersion": self._version, "kind": "ExecCredential", "spec": spec}).decode()

    async def _run(self) -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                self._command,
                *self._arguments,
                stdin=None if self._asks else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                env=self._environment,
                limit=_OUTPUT_LIMIT,
            )
        except OSError as error:
            hint = f" {self._hint}" if self._hint else ""
            raise ConfigError(
                f"{self._source}: the exec plugin {self._command} cannot be started: {error}.{hint}"
            ) from error
        try:
            async with asyncio.timeout(None if self._asks else _TIME_LIMIT):
                output, _ = await process.communicate()
        except TimeoutError:
            raise ConfigError(f"{self._source}: the exec plugin {self._command} did not end in time") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise ConfigError(f"{self._source}: the exec plugin {self._command} failed with code {process.returncode}")
        return output

    def _read(self, output: bytes) -> Mapping[str, Any]:
        try:
            value = msgspec.json.decode(output)
            status = value["status"]
            version, expires = value["apiVersion"], status.get("expirationTimestamp")
            self._expires = parse_rfc3339(expires) if expires else None
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise ConfigError(f"{self._source}: the exec plugin {self._command} printed no ExecCredential") from error
        if version != self._version:
            raise ConfigError(
                f"{self._source}: the exec plugin answered in {version}, but {self._version} was asked for"
            )
        if not (status.get("token") or (status.get("clientCertificateData") and status.get("clientKeyData"))):
            raise ConfigError(f"{self._source}: the exec plugin {self._command} gave neither a token nor a certificate")
        found: Mapping[str, Any] = status
        return found


def _cluster_info(cluster: Mapping[str, Any]) -> Mapping[str, Any]:
    names = {
        "server": "server",
        "tls-server-name": "tls-server-name",
        "insecure-skip-tls-verify": "insecure-skip-tls-verify",
        "certificate-authority-data": "certificate-authority-data",
        "proxy-url": "proxy-url",
    }
    info = {there: cluster[here] for here, there in names.items() if cluster.get(here)}
    for extension in _list(cluster.get("extensions")):
        if extension.get("name") == "client.authentication.k8s.io/exec":
            info["config"] = extension.get("extension")
    return info


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
