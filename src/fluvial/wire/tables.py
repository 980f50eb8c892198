"""The Table form of objects, as `kubectl get` shows them.

Which columns a kind has is the server's business; this is the shape of the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `priority` above 0 shows it only with `-o wide`. `type` and `format` are OpenAPI's."""

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0

    def definition(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


def row(cells: Sequence[Any], included: Any) -> dict[str, Any]:
    """Return one row; `included` is the object, its metadata, or None."""
    return {"cells": list(cells), "object": included}


def table(
    columns: Sequence[Column],
    rows: Sequence[dict[str, Any]],
    metadata: dict[str, Any],
    *,
    api_version: str = "meta.k8s.io/v1",
    with_definitions: bool = True,
) -> dict[str, Any]:
    """Return a Table; only the first table of a watch carries its column definitions, as upstream."""
    definitions = [column.definition() for column in columns] if with_definitions else []
    return {
        "kind": "Table",
        "apiVersion": api_version,
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": list(rows),
    }
