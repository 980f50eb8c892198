"""APIServices."""

from collections.abc import Callable
from typing import Any


def _service(obj: dict[str, Any]) -> None:
    obj.setdefault("port", 443)


DEFAULTS: dict[str, Callable[[dict[str, Any]], None]] = {"v1.ServiceReference": _service}
