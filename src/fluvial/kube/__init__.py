"""The only code that talks to an API server.

Kubeconfig and in-cluster settings, credentials, discovery, one `Client` for reads, writes, server-side apply and
watches. Absent on purpose: caches and queues (`runtime`), typed objects, and any repeat of a write that may have
happened.
"""

from fluvial.kube.channel import Identity
from fluvial.kube.client import Client
from fluvial.kube.config import ClusterConfig, Kubeconfig, in_cluster
from fluvial.kube.credentials import FixedHeader
from fluvial.kube.errors import (
    ApiError,
    ConfigError,
    DiscoveryIncomplete,
    Expired,
    KubeError,
    NotServed,
    Unreachable,
)
from fluvial.kube.resources import Applied, ObjectList, Resource
from fluvial.kube.watching import WatchStream
from fluvial.wire import WatchEvent

__all__ = [
    "ApiError",
    "Applied",
    "Client",
    "ClusterConfig",
    "ConfigError",
    "DiscoveryIncomplete",
    "Expired",
    "FixedHeader",
    "Identity",
    "KubeError",
    "Kubeconfig",
    "NotServed",
    "ObjectList",
    "Resource",
    "Unreachable",
    "WatchEvent",
    "WatchStream",
    "in_cluster",
]
