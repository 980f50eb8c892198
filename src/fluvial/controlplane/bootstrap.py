"""What is there before anybody asks: the namespaces and the kubernetes Service."""

from __future__ import annotations

from typing import Any

from fluvial.controlplane.allocation import KUBERNETES_ADDRESS
from fluvial.controlplane.background.writer import Writer
from fluvial.controlplane.commit import create, managed_create
from fluvial.controlplane.core import Core
from fluvial.controlplane.request import ADMIN, Call
from fluvial.objects import Object

VERSION = "v1.36.3"
_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


def system_call(core: Core, verb: Any, api_version: str, kind: str, namespace: str, name: str, agent: str) -> Call:
    """Return a call that the control plane makes for itself."""
    resource = core.registry.of_kind(api_version, kind)
    assert resource is not None, f"{api_version} {kind} is built in"
    return Call(
        verb=verb,
        resource=resource,
        namespace=namespace,
        name=name,
        subresource="",
        user=ADMIN,
        user_agent=agent,
        query={},
    )


def _kubernetes_service() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": KUBERNETES_ADDRESS,
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    }


def _priority_class(name: str, value: int, text: str) -> Object:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
        "description": text,
    }


_PRIORITIES = (
    _priority_class(
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    _priority_class(
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
)


def _node(name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
            },
        },
    }


def _node_status(name: str, now: str) -> dict[str, Any]:
    resources = {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    ready = {
        "type": "Ready",
        "status": "True",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
        "reason": "KubeletReady",
        "message": "simulated: this node runs nothing",
    }
    return {
        "capacity": resources,
        "allocatable": resources,
        "conditions": [ready],
        "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": name}],
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": "",
            "containerRuntimeVersion": "sim://1",
            "kernelVersion": "simulated",
            "kubeProxyVersion": "",
            "kubeletVersion": VERSION,
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "simulated",
            "systemUUID": "",
        },
    }


def _make_nodes(core: Core, count: int) -> None:
    for number in range(count):
        name = f"fluvial-{number}"
        if core.store.get("nodes", name) is not None:
            continue
        _ensure(core, _node(name))
        resource, entry = core.registry.stored("nodes"), core.store.get("nodes", name)
        assert resource is not None
        assert entry is not None
        Writer(core, "kubelet").set_status(resource, entry, _node_status(name, core.timestamp()))


def bootstrap(core: Core) -> None:
    """Create what is missing; a store that was used before has it already."""
    for name in _NAMESPACES:
        _ensure(core, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    _ensure(core, _kubernetes_service())
    for priority in _PRIORITIES:
        _ensure(core, priority)
    simulation = core.settings.simulation
    if simulation.enabled and simulation.workloads:
        _make_nodes(core, simulation.nodes)


def _ensure(core: Core, obj: Object) -> None:
    metadata = obj["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    call = system_call(core, "create", obj["apiVersion"], obj["kind"], namespace, name, "kube-apiserver")
    if core.entry(call.resource, namespace, name) is None:
        decoded = call.resource.schema.decode(obj).object
        create(core, call, managed_create(core, call, call.resource.schema.default(decoded)))
