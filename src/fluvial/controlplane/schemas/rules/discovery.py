"""The discovery group: EndpointSlices."""

from collections.abc import Callable
from typing import Any


def _port(obj: dict[str, Any]) -> None:
    obj.setdefault("name", "")
    obj.setdefault("protocol", "TCP")


DEFAULTS: dict[str, Callable[[dict[str, Any]], None]] = {"v1.EndpointPort": _port}
