"""Patches and selectors as the API server was recorded to treat them."""

import json
from pathlib import Path
from typing import Any

from fluvial.objects import FieldSelector, LabelSelector, PatchError, apply_json_patch, strategic_merge

VECTORS = Path(__file__).parents[1] / "vectors" / "objects"


def rows(name: str) -> Any:
    return json.loads((VECTORS / name).read_text())


class Schema:
    """What strategic merge asks, answered by an OpenAPI schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self.merge_key: str = schema.get("x-kubernetes-patch-merge-key", "")
        self.strategy: str = schema.get("x-kubernetes-patch-strategy", "")

    def field(self, name: str) -> "Schema":
        fields = self._schema.get("items", self._schema).get("properties", {})
        return Schema(fields.get(name, {}))


def answer(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except ValueError as error:
        return {"error": str(error)}


def test_label_selectors_are_read_and_refused_as_by_the_server() -> None:
    wrong = [
        (text, expected, got) for text, expected in rows("labels.json") if (got := parsed_labels(text)) != expected
    ]
    assert wrong == []


def parsed_labels(text: str) -> Any:
    return answer(lambda: str(LabelSelector.parse(text)))


def test_field_selectors_are_read_and_refused_as_by_the_server() -> None:
    def parsed(text: str) -> Any:
        return answer(lambda: str(FieldSelector.parse(text)))

    assert [(text, expected, parsed(text)) for text, expected in rows("fields.json") if parsed(text) != expected] == []


def test_json_patches_change_and_fail_as_on_the_server() -> None:
    wrong = []
    for row in rows("jsonpatch.json"):
        before = json.dumps(row["doc"])
        got = answer(apply_json_patch, row["doc"], row["patch"])
        if got != row.get("result", {"error": row.get("error")}) or json.dumps(row["doc"]) != before:
            wrong.append((row, got))
    assert wrong == []


def test_strategic_merge_patches_change_and_fail_as_on_the_server() -> None:
    schema = Schema(rows("strategic-schema.json"))
    wrong = []
    for row in rows("strategic.json"):
        got = answer(strategic_merge, row["live"], row["patch"], schema)
        if got != row.get("result", {"error": row.get("error")}):
            wrong.append((row, got))
    assert wrong == []


def test_a_refused_patch_is_a_patch_error() -> None:
    assert issubclass(PatchError, ValueError)
