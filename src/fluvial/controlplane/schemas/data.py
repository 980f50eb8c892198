"""The vendored data, each file read once and only when asked for; definitions are decoded one by one."""

import gzip
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from fluvial.stdx import package_data

_PACKAGE = "fluvial.controlplane.schemas"


class Definitions(Mapping[str, Any]):
    """Definition name to decoded schema; the text of each is at hand for documents that only copy it."""

    def __init__(self, texts: Mapping[str, msgspec.Raw]) -> None:
        self._texts = texts
        self._decoded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        found = self._decoded.get(name)
        if found is None:
            found = self._decoded[name] = msgspec.json.decode(self._texts[name])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def text(self, name: str) -> bytes:
        """Return the JSON text of the definition `name`."""
        return bytes(self._texts[name])


def _read(name: str) -> bytes:
    return gzip.decompress(package_data(_PACKAGE, f"data/{name}"))


@cache
def definitions() -> Definitions:
    """Return the OpenAPI v3 definitions of all built-in types."""
    return Definitions(msgspec.json.decode(_read("openapi.json.gz"), type=dict[str, msgspec.Raw]))


@cache
def shapes() -> Definitions:
    """Return how Go writes the fields of each type: `{field: "code type"}`; tools/schemas/build.py tells the codes."""
    return Definitions(msgspec.json.decode(_read("shapes.json.gz"), type=dict[str, msgspec.Raw]))


@cache
def groups() -> list[dict[str, Any]]:
    """Return the groups of aggregated discovery, the core group first."""
    return list(msgspec.json.decode(_read("resources.json.gz"))["groups"])
