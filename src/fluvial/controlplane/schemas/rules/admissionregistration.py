"""Webhook configurations and admission policies."""

from collections.abc import Callable
from typing import Any

Values = dict[str, Any]


def _webhook(obj: Values) -> None:
    obj.setdefault("failurePolicy", "Fail")
    _match(obj)
    obj.setdefault("timeoutSeconds", 10)


def _mutating_webhook(obj: Values) -> None:
    _webhook(obj)
    obj.setdefault("reinvocationPolicy", "Never")


def _match(obj: Values) -> None:
    obj.setdefault("matchPolicy", "Equivalent")
    obj.setdefault("namespaceSelector", {})
    obj.setdefault("objectSelector", {})


def _policy_spec(obj: Values) -> None:
    obj.setdefault("failurePolicy", "Fail")


def _rule(obj: Values) -> None:
    obj.setdefault("scope", "*")


def _service(obj: Values) -> None:
    obj.setdefault("port", 443)


DEFAULTS: dict[str, Callable[[Values], None]] = {
    "v1.ValidatingWebhook": _webhook,
    "v1.MutatingWebhook": _mutating_webhook,
    "v1.MatchResources": _match,
    "v1.ValidatingAdmissionPolicySpec": _policy_spec,
    "v1.MutatingAdmissionPolicySpec": _policy_spec,
    "v1.RuleWithOperations": _rule,
    "v1.NamedRuleWithOperations": _rule,
    "v1.ServiceReference": _service,
}
