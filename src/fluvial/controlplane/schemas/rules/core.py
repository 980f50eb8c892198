"""The core group: Pods, Services, configuration, storage claims, Namespaces."""

import base64
from collections.abc import Callable
from typing import Any

from fluvial.controlplane.schemas.rules.claims import (
    claim_changes,
    claim_errors,
    volume_changes,
    volume_errors,
)
from fluvial.controlplane.schemas.rules.configuration import (
    config_map_changes,
    config_map_errors,
    secret_changes,
    secret_errors,
)
from fluvial.controlplane.schemas.rules.images import pull_policy
from fluvial.controlplane.schemas.rules.limits import endpoints_errors, limit_range_errors, quota_errors
from fluvial.controlplane.schemas.rules.names import dns_label
from fluvial.controlplane.schemas.rules.pods import pod_changes, pod_errors
from fluvial.controlplane.schemas.rules.services import service_changes, service_errors
from fluvial.controlplane.schemas.rules.table import Rules

Values = dict[str, Any]


def _container(obj: Values) -> None:
    if not obj.get("imagePullPolicy"):
        obj["imagePullPolicy"] = pull_policy(obj.get("image", ""))
    obj.setdefault("terminationMessagePath", "/dev/termination-log")
    obj.setdefault("terminationMessagePolicy", "File")


def _pod_spec(obj: Values) -> None:
    obj.setdefault("dnsPolicy", "ClusterFirst")
    obj.setdefault("restartPolicy", "Always")
    obj.setdefault("securityContext", {})
    obj.setdefault("terminationGracePeriodSeconds", 30)
    obj.setdefault("schedulerName", "default-scheduler")
    if obj.get("serviceAccountName"):
        # The old name of the field is kept in step by the conversion to and from the internal version.
        obj["serviceAccount"] = obj["serviceAccountName"]
    elif obj.get("serviceAccount"):
        obj["serviceAccountName"] = obj["serviceAccount"]


def _pod(obj: Values) -> None:
    spec = obj["spec"]
    spec.setdefault("enableServiceLinks", True)
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = container.get("resources") or {}
        if limits := resources.get("limits"):
            resources["requests"] = {**limits, **(resources.get("requests") or {})}
        if spec.get("hostNetwork"):
            for port in container.get("ports") or ():
                port.setdefault("hostPort", port.get("containerPort"))


def _volume(obj: Values) -> None:
    if len(obj) == 1 or not set(obj) - {"name"}:
        obj["emptyDir"] = {}


def _image_volume(obj: Values) -> None:
    obj.setdefault("pullPolicy", pull_policy(obj.get("reference", "")))


def _probe(obj: Values) -> None:
    obj.setdefault("timeoutSeconds", 1)
    obj.setdefault("periodSeconds", 10)
    obj.setdefault("successThreshold", 1)
    obj.setdefault("failureThreshold", 3)


def _service(obj: Values) -> None:
    spec = obj["spec"]
    affinity = spec.setdefault("sessionAffinity", "None")
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    elif affinity == "ClientIP":
        client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if client.get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    kind = spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports") or ():
        if not port.get("targetPort"):
            port["targetPort"] = port["port"]
    exposed = kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and spec.get("externalIPs"))
    if exposed:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
        for ingress in obj["status"].get("loadBalancer", {}).get("ingress") or ():
            if ingress.get("ip"):
                ingress.setdefault("ipMode", "VIP")


def _persistent_volume(obj: Values) -> None:
    obj["status"].setdefault("phase", "Pending")
    obj["spec"].setdefault("persistentVolumeReclaimPolicy", "Retain")
    obj["spec"].setdefault("volumeMode", "Filesystem")


def _claim(obj: Values) -> None:
    obj["status"].setdefault("phase", "Pending")


def _namespace(obj: Values) -> None:
    if name := obj["metadata"].get("name"):
        labels = obj["metadata"].setdefault("labels", {})
        labels["kubernetes.io/metadata.name"] = name


def _replication_controller(obj: Values) -> None:
    labels = ((obj["spec"].get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        obj["spec"].setdefault("selector", dict(labels))
        obj["metadata"].setdefault("labels", dict(labels))


def _limit_range_item(obj: Values) -> None:
    if obj.get("type") != "Container":
        return
    default = {**(obj.get("max") or {}), **(obj.get("default") or {})}
    request = {**(obj.get("min") or {}), **default, **(obj.get("defaultRequest") or {})}
    for name, values in (("default", default), ("defaultRequest", request)):
        if values:
            obj[name] = values


def _endpoint_port(obj: Values) -> None:
    obj.setdefault("protocol", "TCP")


def _secret(obj: Values) -> None:
    obj.setdefault("type", "Opaque")
    if texts := obj.pop("stringData", None):
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in texts.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def _setting(name: str, value: Any) -> Callable[[Values], None]:
    def fill(obj: Values) -> None:
        obj.setdefault(name, value)

    return fill


def _http_get(obj: Values) -> None:
    obj.setdefault("path", "/")
    obj.setdefault("scheme", "HTTP")


DEFAULTS: dict[str, Callable[[Values], None]] = {
    "v1.Container": _container,
    "v1.EphemeralContainer": _container,
    "v1.PodSpec": _pod_spec,
    "v1.Pod": _pod,
    "v1.Volume": _volume,
    "v1.ImageVolumeSource": _image_volume,
    "v1.Probe": _probe,
    "v1.HTTPGetAction": _http_get,
    "v1.Service": _service,
    "v1.Secret": _secret,
    "v1.SecretVolumeSource": _setting("defaultMode", 420),
    "v1.ConfigMapVolumeSource": _setting("defaultMode", 420),
    "v1.DownwardAPIVolumeSource": _setting("defaultMode", 420),
    "v1.ProjectedVolumeSource": _setting("defaultMode", 420),
    "v1.ServiceAccountTokenProjection": _setting("expirationSeconds", 3600),
    "v1.HostPathVolumeSource": _setting("type", ""),
    "v1.ObjectFieldSelector": _setting("apiVersion", "v1"),
    "v1.PersistentVolume": _persistent_volume,
    "v1.PersistentVolumeClaim": _claim,
    "v1.PersistentVolumeClaimSpec": _setting("volumeMode", "Filesystem"),
    "v1.Namespace": _namespace,
    "v1.NamespaceStatus": _setting("phase", "Active"),
    "v1.ReplicationController": _replication_controller,
    "v1.LimitRangeItem": _limit_range_item,
    "v1.EndpointPort": _endpoint_port,
}

RULES: dict[tuple[str, str], Rules] = {
    ("v1", "ConfigMap"): Rules(object=config_map_errors, change=config_map_changes),
    ("v1", "Secret"): Rules(object=secret_errors, change=secret_changes),
    ("v1", "Service"): Rules(object=service_errors, change=service_changes, name=dns_label),
    ("v1", "Pod"): Rules(object=pod_errors, change=pod_changes),
    ("v1", "Namespace"): Rules(name=dns_label),
    ("v1", "PersistentVolumeClaim"): Rules(object=claim_errors, change=claim_changes),
    ("v1", "LimitRange"): Rules(object=limit_range_errors),
    ("v1", "ResourceQuota"): Rules(object=quota_errors),
    ("v1", "Endpoints"): Rules(object=endpoints_errors),
    ("v1", "PersistentVolume"): Rules(object=volume_errors, change=volume_changes),
}
