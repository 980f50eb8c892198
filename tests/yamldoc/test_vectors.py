"""Reading and writing as Go's libraries were recorded to do."""

import json
from pathlib import Path
from typing import Any

import pytest

from fluvial.gotext import go_json
from fluvial.yamldoc import YamlError, dump, dump_all, load, load_all

VECTORS = Path(__file__).parents[1] / "vectors" / "yamldoc"


def rows(name: str) -> list[Any]:
    return json.loads((VECTORS / name).read_text())


@pytest.mark.parametrize(("column", "options"), [("v2", {}), ("strict", {"strict": True}), ("v3", {"rules": "v3"})])
def test_text_has_the_value_that_go_gives_it(column: str, options: dict[str, Any]) -> None:
    wrong = []
    for row in rows("load.json"):
        if column not in row or (column == "v3" and row[column] == {"json": "{}"}):
            continue  # go-yaml v3 drops a null key of the outermost map without a word; we refuse it
        try:
            got = as_json_reads_it(go_json(load(row["yaml"], **options)))
        except YamlError as error:
            got = f"error: {error}"
        expected = row[column]
        if "error" in expected:
            if not got.startswith("error: yaml: "):
                wrong.append((row["yaml"], expected, got))
        elif got != as_json_reads_it(expected["json"]):
            wrong.append((row["yaml"], expected, got))
    assert wrong == []


def as_json_reads_it(text: str) -> Any:
    """A JSON number `-0` is the integer 0 to the API machinery."""
    return text.replace(":-0}", ":0}").replace("[-0,", "[0,")


def test_values_are_written_as_go_writes_them() -> None:
    wrong = [(row["json"], row["yaml"], got) for row in rows("dump.json") if (got := dump(row["json"])) != row["yaml"]]
    assert wrong == []


def test_what_go_wrote_reads_back_as_the_same_value() -> None:
    for row in rows("dump.json"):
        if row["json"] != {"<<": "<<"}:
            assert go_json(load(row["yaml"])) == go_json(load(dump(row["json"])))


def test_the_output_of_kustomize_survives_reading_and_writing() -> None:
    for text in rows("kustomize-output.json"):
        assert dump_all(document.value for document in load_all(text)) == text


def test_a_key_named_like_the_merge_key_is_written_as_go_writes_it_although_go_cannot_read_that() -> None:
    assert dump({"<<": "x"}) == "<<: x\n"
    with pytest.raises(YamlError, match="map merge requires map"):
        load("<<: x\n")
