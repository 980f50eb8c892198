"""Query options: parsed as the server does, built as a client does."""

import pytest

from fluvial.wire import DeleteOptions, ListOptions, OptionsError, WriteOptions, parse_query


def test_list_options_survive_a_query_string() -> None:
    options = ListOptions(
        label_selector="a in (b,c)",
        field_selector="metadata.name=x",
        resource_version="5",
        limit=7,
        watch=True,
        allow_watch_bookmarks=True,
        timeout_seconds=30,
    )
    assert ListOptions.parse(parse_query(options.query())) == options


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("limit=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("resourceVersionMatch=Exact", "resourceVersionMatch is forbidden unless resourceVersion is provided"),
        ("watch=1&sendInitialEvents=true", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
        ("sendInitialEvents=true", "sendInitialEvents is forbidden for list"),
    ],
)
def test_a_wrong_list_option_is_refused_with_the_servers_words(query: str, text: str) -> None:
    with pytest.raises(OptionsError) as caught:
        ListOptions.parse(parse_query(query))
    assert text in caught.value.status["message"]


def test_an_apply_must_name_its_manager() -> None:
    with pytest.raises(OptionsError) as caught:
        WriteOptions.parse({}, name="PatchOptions", apply=True)
    assert caught.value.status["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )


def test_force_is_for_apply_alone() -> None:
    with pytest.raises(OptionsError):
        WriteOptions.parse({"force": "true"}, name="PatchOptions")
    assert WriteOptions.parse({"force": "true", "fieldManager": "m"}, name="PatchOptions", apply=True).force


def test_the_body_of_a_deletion_wins_over_its_query() -> None:
    body = DeleteOptions(uid="u", propagation="Orphan", grace_seconds=0).body()
    options = DeleteOptions.parse({"propagationPolicy": "Background"}, body)
    assert options == DeleteOptions(uid="u", propagation="Orphan", grace_seconds=0)
