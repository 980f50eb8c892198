"""Subresources other than status."""

from __future__ import annotations

from fluvial.controlplane.core import Core
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.request import Answer, Call
from fluvial.controlplane.tables import Tables
from fluvial.wire import status

_NEED_KUBELET = frozenset({"log", "exec", "attach", "portforward", "proxy"})


def handle_subresource(core: Core, tables: Tables, call: Call) -> Answer:
    """Answer a request for scale, log, exec, …

    Raises:
        StatusError: what is asked for needs a node, or is not built.
    """
    if call.subresource in _NEED_KUBELET:
        core.existing(call.resource, call.namespace, call.name)
        raise StatusError(
            status.make_status(
                501,
                "NotImplemented",
                f"there is no kubelet here: this control plane simulates workloads, so {call.resource.plural}/"
                f"{call.subresource} has nothing to show for {call.resource.singular} {call.name!r}",
            )
        )
    raise StatusError(status.method_not_supported(f"{call.resource.plural}/{call.subresource}", call.verb))
