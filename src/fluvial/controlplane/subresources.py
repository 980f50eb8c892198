"""Subresources other than status: scale, binding, eviction, finalize, and those that need a node."""

from __future__ import annotations

from fluvial.controlplane.background.workloads.podstatus import set_condition
from fluvial.controlplane.bodies import read_body
from fluvial.controlplane.core import Core
from fluvial.controlplane.deleting import delete
from fluvial.controlplane.errors import StatusError
from fluvial.controlplane.reading import handle_get
from fluvial.controlplane.request import Answer, Call
from fluvial.controlplane.scale import handle_scale
from fluvial.controlplane.tables import Tables
from fluvial.controlplane.writing import handle_patch, handle_update, read_options
from fluvial.objects import dig
from fluvial.wire import DeleteOptions, OptionsError, status

_NEED_A_NODE = frozenset({"log", "exec", "attach", "portforward", "proxy"})
_PLAIN = frozenset({"finalize", "ephemeralcontainers", "resize", "approval"})


def handle_subresource(core: Core, tables: Tables, call: Call) -> Answer:
    """Answer a request for scale, binding, eviction, log, …

    Raises:
        StatusError: what is asked for needs a node, or is not built.
    """
    name = call.subresource
    if name == "scale":
        return handle_scale(core, call)
    if name in _NEED_A_NODE:
        raise _no_node(core, call)
    if name == "eviction":
        return _evict(core, call)
    if name == "binding":
        return _bind(core, call)
    if name in _PLAIN:
        if call.verb == "get":
            return handle_get(core, tables, call)
        return handle_update(core, call) if call.verb == "update" else handle_patch(core, call)
    text = f"{call.resource.plural}/{name} is not supported by this control plane yet"
    raise StatusError(status.make_status(501, "NotImplemented", text))


def _no_node(core: Core, call: Call) -> StatusError:
    core.existing(call.resource, call.namespace, call.name)
    what = {"log": "logs", "exec": "a shell", "attach": "a terminal", "portforward": "ports", "proxy": "a proxy"}
    text = (
        f"no kubelet here: this control plane only simulates workloads, there is nothing that could give"
        f' {what[call.subresource]} of {call.resource.singular} "{call.name}"'
    )
    return StatusError(status.make_status(501, "NotImplemented", text))


def _evict(core: Core, call: Call) -> Answer:
    """POST of an Eviction: a deletion. PodDisruptionBudgets are not asked."""
    read_options(call, "CreateOptions")
    try:
        options = DeleteOptions.parse({}, read_body(call, "Eviction").get("deleteOptions"))
    except OptionsError as error:
        raise StatusError(error.status) from error
    entry = core.existing(call.resource, call.namespace, call.name)
    call.dry_run = call.dry_run or options.dry_run
    delete(core, _on_the_object(call), entry, options)
    return Answer(201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})


def _bind(core: Core, call: Call) -> Answer:
    """POST of a Binding: the Pod gets its node."""
    read_options(call, "CreateOptions")
    target = dig(read_body(call, "Binding"), "target", "name", default="")
    if not isinstance(target, str) or not target:
        cause = status.Cause("FieldValueRequired", "Required value", "target.name")
        raise StatusError(status.invalid("Binding", call.name, [cause]))
    entry = core.existing(call.resource, call.namespace, call.name)
    obj = core.object_in(call.resource, entry)
    held = obj["spec"].get("nodeName")
    if held:
        why = f'pod {call.name} is already assigned to node "{held}"'
        raise StatusError(status.conflict("pods/binding", call.name, "", why))
    obj["spec"]["nodeName"] = target
    pod_status = dict(obj.get("status") or {})
    conditions = [dict(condition) for condition in pod_status.get("conditions") or ()]
    set_condition(conditions, "PodScheduled", "True", core.timestamp())
    obj["status"] = {**pod_status, "conditions": conditions}
    if not call.dry_run:
        core.store.put(call.resource.storage, entry.key, obj)
    return Answer(201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})


def _on_the_object(call: Call) -> Call:
    return Call(
        verb="delete",
        resource=call.resource,
        namespace=call.namespace,
        name=call.name,
        subresource="",
        user=call.user,
        user_agent=call.user_agent,
        query={},
        dry_run=call.dry_run,
    )
