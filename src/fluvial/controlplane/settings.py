"""Settings of the control plane, frozen."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """How the world behind the API behaves. Seconds are of the loop's clock.

    Attributes:
        enabled: off means no controllers at all: Deployments make no ReplicaSets, nothing is garbage collected,
            namespaces stay Terminating; what a bare kube-apiserver does.
        workloads: off leaves workloads to others; namespaces and garbage are still cleaned up.
        ready_delay: from a Pod's creation to its being Ready.
        job_duration: how long a Job's Pods run before they succeed.
        load_balancer_delay: until a Service of type LoadBalancer has an address.
        nodes: how many Nodes there seem to be, for DaemonSets.
    """

    enabled: bool = True
    workloads: bool = True
    ready_delay: float = 0.2
    job_duration: float = 0.5
    load_balancer_delay: float = 0.2
    nodes: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be chosen about a control plane.

    Attributes:
        body_limit: bytes of a request's body (kube-apiserver: 3 MiB).
        object_limit: bytes of a stored object (etcd's default: 1.5 MiB).
        bookmark_interval: seconds between bookmarks on a watch that asked for them and has something new to tell.
        watch_timeout: seconds after which a watch ends that names no timeoutSeconds.
    """

    simulation: Simulation = field(default_factory=Simulation)
    body_limit: int = 3 << 20
    object_limit: int = 3 << 19
    bookmark_interval: float = 60.0
    watch_timeout: float = 1800.0
    server_address: str = "127.0.0.1:443"
