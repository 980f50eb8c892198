"""Which layout a resource has."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from fluvial.controlplane.columns import configuration, core, workloads
from fluvial.controlplane.columns.custom import custom_layout
from fluvial.controlplane.columns.layout import BodyCells, Layout
from fluvial.controlplane.resources import Resource
from fluvial.objects import Object
from fluvial.stdx import package_data
from fluvial.wire import Column

_CELLS: dict[str, BodyCells] = {**core.CELLS, **workloads.CELLS, **configuration.CELLS}


def columns_of(resource: Resource) -> Layout:
    """Return the layout of a resource."""
    if resource.custom is not None:
        return custom_layout(resource.custom, _definitions()["v1/configmaps"][0], _age_column())
    api_version = resource.api_version
    columns = _definitions().get(f"{api_version}/{resource.plural}")
    cells = _CELLS.get(resource.storage)
    if columns is None or cells is None:
        name, created = _definitions()["v1/limitranges"]
        return Layout((name, created), _name_and_time)
    return Layout(columns, cells)


def _age_column() -> Column:
    """Return the column of custom resources that declare none: a date by its type, an age by its cells."""
    return replace(_definitions()["v1/configmaps"][-1], type="date")


def _name_and_time(obj: Object, now: datetime) -> list[Any]:
    return [obj["metadata"].get("name", ""), obj["metadata"].get("creationTimestamp")]


@lru_cache(maxsize=1)
def _definitions() -> dict[str, tuple[Column, ...]]:
    """Read the recorded column definitions; see data/ORIGIN.md."""
    data = msgspec.json.decode(package_data("fluvial.controlplane.columns", "data/columns.json"))
    texts = data["descriptions"]
    return {
        key: tuple(Column(name, kind, form, texts[text], priority) for name, kind, form, text, priority in rows)
        for key, rows in data["columns"].items()
    }
