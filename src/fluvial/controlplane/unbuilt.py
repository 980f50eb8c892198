"""What is stored but has no effect here is said so, in a warning that kubectl prints.

Refusing would keep charts from installing; silence would let a test pass that a real cluster fails.
"""

from __future__ import annotations

from fluvial.controlplane.request import Call
from fluvial.objects import Object

PREFIX = "this control plane"
_ADMISSION = "admissionregistration.k8s.io"
_NOT_CALLED = f"{PREFIX} does not call admission webhooks yet: this configuration has no effect"
_NOT_EVALUATED = f"{PREFIX} does not evaluate admission policies yet: this object has no effect"
_NO_EFFECT = {
    f"mutatingwebhookconfigurations.{_ADMISSION}": _NOT_CALLED,
    f"validatingwebhookconfigurations.{_ADMISSION}": _NOT_CALLED,
    f"mutatingadmissionpolicies.{_ADMISSION}": _NOT_EVALUATED,
    f"mutatingadmissionpolicybindings.{_ADMISSION}": _NOT_EVALUATED,
    f"validatingadmissionpolicies.{_ADMISSION}": _NOT_EVALUATED,
    f"validatingadmissionpolicybindings.{_ADMISSION}": _NOT_EVALUATED,
    "apiservices.apiregistration.k8s.io": f"{PREFIX} does not aggregate other API servers",
    "limitranges": f"{PREFIX} does not enforce limit ranges yet",
    "resourcequotas": f"{PREFIX} does not enforce quotas yet",
    "horizontalpodautoscalers.autoscaling": f"{PREFIX} does not scale by metrics: there are none",
    "cronjobs.batch": f"{PREFIX} does not start Jobs by schedule",
}


def warn_of_unbuilt(call: Call, old: Object | None, new: Object | None) -> Object | None:
    """Admission step: add a warning to the creation of what has no effect."""
    if new is None or old is not None:
        return new
    text = _NO_EFFECT.get(call.resource.storage)
    if text is not None:
        call.warnings.append(text)
    elif call.resource.storage == "customresourcedefinitions.apiextensions.k8s.io":
        _warn_of_definition(call, new)
    return new


def _warn_of_definition(call: Call, crd: Object) -> None:
    spec = crd.get("spec") or {}
    served = [version["name"] for version in spec.get("versions") or () if version.get("served")]
    if (spec.get("conversion") or {}).get("strategy") == "Webhook" and len(served) > 1:
        call.warnings.append(f"{PREFIX} does not call conversion webhooks: versions differ in apiVersion alone")
    if b"x-kubernetes-validations" in call.body:
        call.warnings.append(f"{PREFIX} does not evaluate x-kubernetes-validations rules yet")
