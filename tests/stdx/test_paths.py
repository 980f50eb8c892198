import pytest

from fluvial.stdx import UnsafePath, clean_path, join_inside


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("", "."),
        (".", "."),
        ("./", "."),
        ("/", "."),
        ("./a//b/", "a/b"),
        ("a/../b", "b"),
        ("../a", "../a"),
        ("/../a", "a"),
    ],
)
def test_a_path_is_cleaned_as_go_does(path: str, cleaned: str) -> None:
    assert clean_path(path) == cleaned


def test_a_path_joins_below_its_root() -> None:
    assert join_inside("apps", "./podinfo") == "apps/podinfo"
    assert join_inside(".", "apps") == "apps"
    assert join_inside("apps", "/") == "apps"


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x"])
def test_a_path_that_leaves_its_root_is_refused(path: str) -> None:
    with pytest.raises(UnsafePath, match="leaves its root"):
        join_inside("apps", path)
