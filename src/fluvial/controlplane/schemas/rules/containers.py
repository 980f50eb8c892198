"""What a container must satisfy."""

from collections.abc import Iterator, Mapping
from typing import Any

from fluvial.controlplane.schemas.errors import FieldError, duplicate, forbidden, invalid, not_found, required
from fluvial.controlplane.schemas.rules.checks import named, non_negative, one_of, port_name_or_number, port_number
from fluvial.controlplane.schemas.rules.names import config_key, dns_label, port_name, qualified_name
from fluvial.gotext import parse_quantity

Errors = Iterator[FieldError]
Values = Mapping[str, Any]

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_STANDARD_RESOURCES = frozenset(("cpu", "memory", "ephemeral-storage", "storage"))
_FIELD_PATHS = frozenset(
    (
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "metadata.labels",
        "metadata.annotations",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    )
)
_ENV_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")


def container_errors(container: Values, path: str, volumes: set[Any], *, host_network: bool, init: bool) -> Errors:
    """Yield what is wrong with one container.

    Args:
        volumes: names of the pod's volumes.
        init: an init container, which may have probes and hooks only when it stays (restartPolicy Always).
    """
    name = container.get("name") or ""
    if not name:
        yield required(f"{path}.name")
    else:
        yield from named(name, f"{path}.name", dns_label)
    if not container.get("image"):
        yield required(f"{path}.image")
    yield from _port_errors(container.get("ports") or (), f"{path}.ports", host_network)
    yield from _env_errors(container.get("env") or (), f"{path}.env")
    for source in container.get("envFrom") or ():
        yield from _env_from_errors(source, f"{path}.envFrom")
    yield from _mount_errors(container.get("volumeMounts") or (), f"{path}.volumeMounts", volumes)
    stays = not init or container.get("restartPolicy") == "Always"
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(probe) is not None:
            if stays:
                yield from _probe_errors(container[probe], f"{path}.{probe}", once=probe != "readinessProbe")
            else:
                yield forbidden(f"{path}.{probe}", "may not be set for init containers without restartPolicy=Always")
    for hook, handler in (container.get("lifecycle") or {}).items():
        if hook in ("postStart", "preStop"):
            yield from _handler_errors(handler, f"{path}.lifecycle.{hook}")
    yield from one_of(container.get("imagePullPolicy"), f"{path}.imagePullPolicy", ("Always", "IfNotPresent", "Never"))
    yield from resource_errors(container.get("resources") or {}, f"{path}.resources")
    yield from _security_errors(container.get("securityContext") or {}, f"{path}.securityContext")
    yield from one_of(
        container.get("terminationMessagePolicy"),
        f"{path}.terminationMessagePolicy",
        ("File", "FallbackToLogsOnError"),
    )


def _port_errors(ports: Any, path: str, host_network: bool) -> Errors:
    names: set[str] = set()
    for index, port in enumerate(ports):
        at = f"{path}[{index}]"
        name = port.get("name") or ""
        if name:
            yield from named(name, f"{at}.name", port_name)
            if name in names:
                yield duplicate(f"{at}.name", name)
            names.add(name)
        number = port.get("containerPort") or 0
        if number == 0:
            yield required(f"{at}.containerPort")
        else:
            yield from port_number(number, f"{at}.containerPort")
        host_port = port.get("hostPort") or 0
        if host_port:
            yield from port_number(host_port, f"{at}.hostPort")
        if host_network and host_port and host_port != number:
            yield invalid(f"{at}.hostPort", host_port, "must match `containerPort` when `hostNetwork` is true")
        yield from one_of(port.get("protocol"), f"{at}.protocol", _PROTOCOLS)


def _env_errors(env: Any, path: str) -> Errors:
    for index, variable in enumerate(env):
        at = f"{path}[{index}]"
        name = variable.get("name") or ""
        if not name:
            yield required(f"{at}.name")
        elif "=" in name or not all(" " <= char <= "~" for char in name):
            text = "a valid environment variable name must consist only of printable ASCII characters other than '='"
            yield invalid(f"{at}.name", name, text)
        source = variable.get("valueFrom")
        if source is None:
            continue
        given = [kind for kind in _ENV_SOURCES if source.get(kind) is not None]
        if not given:
            listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            yield invalid(f"{at}.valueFrom", "", f"must specify one of: {listed}")
        elif variable.get("value"):
            yield invalid(f"{at}.valueFrom", "", "may not be specified when `value` is not empty")
        elif len(given) > 1:
            yield invalid(f"{at}.valueFrom", "", "may not have more than one field specified at a time")
        yield from _env_source_errors(source, f"{at}.valueFrom")


def _env_source_errors(source: Values, path: str) -> Errors:
    if (field := source.get("fieldRef")) is not None:
        field_path = field.get("fieldPath") or ""
        if not field_path:
            yield required(f"{path}.fieldRef.fieldPath")
        elif field_path.partition("['")[0] not in _FIELD_PATHS:
            text = f"error converting fieldPath: field label not supported: {field_path}"
            yield invalid(f"{path}.fieldRef.fieldPath", field_path, text)
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if (ref := source.get(kind)) is not None:
            if not ref.get("key"):
                yield required(f"{path}.{kind}.key")
            else:
                yield from named(ref["key"], f"{path}.{kind}.key", config_key)
    if (ref := source.get("resourceFieldRef")) is not None and not ref.get("resource"):
        yield required(f"{path}.resourceFieldRef.resource")


def _env_from_errors(source: Values, path: str) -> Errors:
    given = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
    if not given:
        yield invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
    elif len(given) > 1:
        yield invalid(path, "", "may not have more than one field specified at a time")


def _mount_errors(mounts: Any, path: str, volumes: set[Any]) -> Errors:
    paths: set[str] = set()
    for index, mount in enumerate(mounts):
        at = f"{path}[{index}]"
        name = mount.get("name") or ""
        if not name:
            yield required(f"{at}.name")
        elif name not in volumes:
            yield not_found(f"{at}.name", name)
        mount_path = mount.get("mountPath") or ""
        if not mount_path:
            yield required(f"{at}.mountPath")
        elif mount_path in paths:
            yield invalid(f"{at}.mountPath", mount_path, "must be unique")
        paths.add(mount_path)
        if mount.get("subPath") and mount.get("subPathExpr"):
            yield invalid(f"{at}.subPathExpr", mount["subPathExpr"], "subPathExpr and subPath are mutually exclusive")


def _probe_errors(probe: Values, path: str, *, once: bool) -> Errors:
    yield from _handler_errors(probe, path)
    yield from non_negative(
        probe, path, "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"
    )
    if once and probe.get("successThreshold", 1) not in (0, 1):
        yield invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def _handler_errors(handler: Values, path: str) -> Errors:
    given = [kind for kind in _HANDLERS if handler.get(kind) is not None]
    if not given:
        yield required(path, "must specify a handler type")
    for kind in given[1:]:
        yield forbidden(f"{path}.{kind}", "may not specify more than 1 handler type")
    for kind in given[:1]:
        details = handler[kind]
        if kind == "exec" and not details.get("command"):
            yield required(f"{path}.exec.command")
        elif kind == "httpGet":
            if not details.get("path"):
                yield required(f"{path}.httpGet.path")
            yield from port_name_or_number(details.get("port", 0), f"{path}.httpGet.port")
            yield from one_of(details.get("scheme"), f"{path}.httpGet.scheme", ("HTTP", "HTTPS"))
        elif kind == "tcpSocket":
            yield from port_name_or_number(details.get("port", 0), f"{path}.tcpSocket.port")
        elif kind == "grpc":
            yield from port_number(details.get("port", 0), f"{path}.grpc.port")


def resource_errors(resources: Values, path: str) -> Errors:
    """Yield what is wrong with requests and limits."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            yield from _resource_name_errors(name, f"{path}.{field}[{name}]")
            if parse_quantity(amount).amount < 0:
                yield invalid(f"{path}.{field}[{name}]", amount, "must be greater than or equal to 0")
    for name, amount in requests.items():
        limit = limits.get(name)
        if limit is not None and parse_quantity(amount) > parse_quantity(limit):
            yield invalid(f"{path}.requests", amount, f"must be less than or equal to {name} limit of {limit}")


def _resource_name_errors(name: str, path: str) -> Errors:
    yield from named(name, path, qualified_name)
    if "/" not in name and name not in _STANDARD_RESOURCES and not name.startswith("hugepages-"):
        yield invalid(path, name, "must be a standard resource type or fully qualified")
        yield invalid(path, name, "must be a standard resource for containers")


def _security_errors(context: Values, path: str) -> Errors:
    for name in ("runAsUser", "runAsGroup"):
        value = context.get(name)
        if value is not None and not 0 <= value <= 2**31 - 1:
            yield invalid(f"{path}.{name}", value, f"must be between 0 and {2**31 - 1}, inclusive")
    if context.get("allowPrivilegeEscalation") is False and context.get("privileged"):
        text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        yield invalid(path, dict(context), text)
