import pytest

from fluvial.stdx import Tree


def test_a_tree_lists_its_folders() -> None:
    tree = Tree({"a/b/c.yaml": b"1", "a/d.yaml": b"2", "e.yaml": b"3"})
    assert tree.listdir() == ["a", "e.yaml"]
    assert tree.listdir("a") == ["b", "d.yaml"]
    assert tree.is_dir("a/b")
    assert not tree.is_dir("a/d.yaml")
    assert tree.listdir("nowhere") == []


def test_a_subtree_has_paths_relative_to_it() -> None:
    tree = Tree({"a/b/run.sh": b"1", "c": b"2"}, frozenset({"a/b/run.sh"}))
    assert dict(tree.subtree("./a")) == {"b/run.sh": b"1"}
    assert tree.subtree("a").executable == {"b/run.sh"}
    assert len(tree.subtree("none")) == 0


def test_equal_trees_have_equal_digests_whatever_the_order() -> None:
    assert Tree({"a": b"1", "b": b"2"}).digest() == Tree({"b": b"2", "a": b"1"}).digest()
    assert Tree({"a": b"1"}).digest() != Tree({"a": b"1"}, frozenset({"a"})).digest()


@pytest.mark.parametrize("path", ["../a", "/a", "a/./b", "a//b", "", ".."])
def test_a_path_that_is_not_clean_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a clean relative path"):
        Tree({path: b""})


def test_a_path_cannot_be_a_file_and_a_folder() -> None:
    with pytest.raises(ValueError, match="both a file and a folder"):
        Tree({"a": b"", "a/b": b""})
