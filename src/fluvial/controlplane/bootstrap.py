"""What is there before anybody asks: the namespaces and the kubernetes Service."""

from __future__ import annotations

from typing import Any

from fluvial.controlplane.commit import create, managed_create
from fluvial.controlplane.core import Core
from fluvial.controlplane.request import ADMIN, Call
from fluvial.objects import Object

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


def bootstrap(core: Core) -> None:
    """Create what is missing; a store that was used before has it already."""
    for name in _NAMESPACES:
        _ensure(core, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def _ensure(core: Core, obj: Object) -> None:
    metadata = obj["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    call = system_call(core, "create", obj["apiVersion"], obj["kind"], namespace, name, "kube-apiserver")
    if core.entry(call.resource, namespace, name) is None:
        decoded = call.resource.schema.decode(obj).object
        create(core, call, managed_create(core, call, call.resource.schema.default(decoded)))
