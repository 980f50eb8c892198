"""Cells of tables: durations as kubectl shows them, JSONPath of custom columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fluvial.controlplane.columns.custom import custom_layout
from fluvial.controlplane.columns.layout import human_duration
from fluvial.controlplane.resources import Custom, CustomColumn
from fluvial.wire import Column

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OBJECT: dict[str, Any] = {
    "metadata": {"name": "a", "creationTimestamp": "2025-12-31T23:00:00Z"},
    "spec": {
        "size": 2,
        "ratio": 0.5,
        "on": True,
        "tags": ["x", "y"],
        "map": {"a.b/c": "dotted", "k": "v"},
        "ports": [{"name": "http", "port": 80}, {"name": "https", "port": 443}],
    },
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Synced", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (8 * 3600 + 60, "8h"),
        (48 * 3600, "2d"),
        (50 * 3600, "2d2h"),
        (9 * 86400, "9d"),
        (800 * 86400, "2y70d"),
        (3000 * 86400, "8y"),
    ],
)
def test_a_duration_has_one_or_two_units(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("kind", "path", "cell"),
    [
        ("integer", ".spec.size", 2),
        ("number", ".spec.ratio", 0.5),
        ("boolean", ".spec.on", True),
        ("string", ".spec.on", "true"),
        ("string", ".spec.size", "2"),
        ("string", ".spec.tags", '["x","y"]'),
        ("string", ".spec.tags[0]", "x"),
        ("string", ".spec.tags[-1]", "y"),
        ("string", ".spec.tags[*]", "x"),
        ("string", ".spec.ports[1].name", "https"),
        ("integer", '.spec.ports[?(@.name=="https")].port', 443),
        ("string", '.status.conditions[?(@.type=="Ready")].status', "True"),
        ("string", ".status.conditions[?(@.type=='Synced')].status", "False"),
        ("string", r".spec.map.a\.b/c", "dotted"),
        ("string", ".spec.map['a.b/c']", "dotted"),
        ("date", ".metadata.creationTimestamp", "60m"),
        ("date", ".spec.size", None),
        ("date", ".metadata.name", "<invalid>"),
        ("string", ".spec.nothing", None),
        ("string", ".spec.nothing.more[0]", None),
        ("integer", ".spec.tags", None),
        ("string", ".spec.[[", None),
    ],
)
def test_a_custom_column_shows_what_its_path_leads_to(kind: str, path: str, cell: Any) -> None:
    columns = (CustomColumn(name="X", type=kind, path=path),)
    custom = Custom(crd="things.example.com", schema={}, columns=columns, scale=None, selectable=frozenset())
    layout = custom_layout(custom, Column("Name"), Column("Age"))
    assert layout.cells(OBJECT, NOW) == ["a", cell]
