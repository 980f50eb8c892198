"""What of a source goes into its artifact."""

import pytest

from fluvial.stdx import Tree
from fluvial.stdx.ignore import Pattern, apply_ignore, default_matcher, load_ignore_file


def kept(paths: list[str], spec_ignore: str | None = None, **files: str) -> list[str]:
    named = {path.replace("__", "/").replace("sourceignore", ".sourceignore"): text for path, text in files.items()}
    source = Tree({**dict.fromkeys(paths, b"x"), **{path: text.encode() for path, text in named.items()}})
    return [path for path in apply_ignore(source, spec_ignore) if not path.endswith(".sourceignore")]


def test_without_rules_of_ones_own_the_built_in_excludes_apply() -> None:
    paths = ["a.yaml", ".gitignore", "img/x.png", ".github/ci.yml", "a/.sops.yaml", ".flux.yaml", "x/appveyor.yml"]
    assert kept([*paths, "docs/x.zip", "x.tar.gz", "b/.github/c"]) == ["a.yaml"]


def test_with_any_rule_of_ones_own_only_version_control_stays_excluded() -> None:
    paths = ["a.yaml", ".gitignore", "img/x.png", ".github/ci.yml", "drop.txt"]
    assert kept(paths, "drop.txt\n") == [".github/ci.yml", "a.yaml", "img/x.png"]
    assert kept(paths, sourceignore="drop.txt\n") == [".github/ci.yml", "a.yaml", "img/x.png"]


def test_comments_and_blank_lines_are_no_rules() -> None:
    assert kept(["a.yaml", "x.png"], "# nothing\n\n   \n") == ["a.yaml"]


def test_the_example_of_the_documentation_keeps_only_the_deploy_folder() -> None:
    rules = """
    ## exclude all
    /*
    ## include deploy dir
    !/deploy
    ## exclude file extensions from deploy dir
    /deploy/**/*.md
    /deploy/**/*.txt
    """
    rules = "\n".join(line.strip() for line in rules.splitlines())
    paths = ["README.md", "src/main.go", "deploy/app.yaml", "deploy/a/b.yaml", "deploy/a/NOTES.md", "deploy/x.txt"]
    assert kept(paths, rules) == ["deploy/a/b.yaml", "deploy/app.yaml"]


def test_a_file_is_included_again_below_an_excluded_folder() -> None:
    assert kept(["vendor/a.yaml", "vendor/keep/b.yaml"], "vendor/\n!vendor/keep\n") == ["vendor/keep/b.yaml"]


def test_a_sourceignore_counts_in_its_own_folder_and_spec_ignore_outranks_it() -> None:
    paths = ["a/x.md", "b/x.md", "a/y.md"]
    assert kept(paths, a__sourceignore="*.md\n") == ["b/x.md"]
    assert kept(paths, "!y.md\n", a__sourceignore="*.md\n") == ["a/y.md", "b/x.md"]


def test_an_inner_sourceignore_outranks_an_outer_one() -> None:
    assert kept(["a/x.md", "x.md"], sourceignore="*.md\n", a__sourceignore="!*.md\n") == ["a/x.md"]


RULES = [
    ("*.md", ["x.md", "a/x.md"], ["x.mdx"]),
    ("/x", ["x", "x/y"], ["a/x"]),
    ("a/x", ["a/x"], ["b/a/x"]),
    ("x/", ["x/y"], ["x"]),
    ("**/x", ["x", "a/x", "a/b/x/c"], ["a/xy"]),
    ("a/**", ["a/b", "a/b/c"], ["b/a"]),
    ("a/**/x", ["a/x", "a/b/x", "a/b/c/x"], ["x"]),
    ("a**b", ["axb"], ["x"]),
    ("/a**b", [], ["axb"]),
    ("x?", ["xy"], ["x", "xyz"]),
    ("[a-c]x", ["ax", "d/bx"], ["dx"]),
    ("[^a]x", ["bx"], ["ax"]),
    ("[!a]x", ["!x", "ax"], ["bx"]),
    ("[", [], ["["]),
    ("\\#x", ["#x"], ["x"]),
    ("x\\ ", ["x "], ["x"]),
    ("x  ", ["x"], ["x  "]),
]


@pytest.mark.parametrize(("rule", "excluded", "left"), RULES)
def test_rules_exclude_what_they_exclude_in_flux(rule: str, excluded: list[str], left: list[str]) -> None:
    matcher = load_ignore_file(rule)
    assert [path for path in excluded if not matcher.excludes(path)] == []
    assert [path for path in left if matcher.excludes(path)] == []


def test_a_folder_itself_matches_a_rule_for_folders() -> None:
    assert load_ignore_file("x/").excludes("x", is_dir=True)


def test_the_last_rule_that_matches_decides() -> None:
    assert not load_ignore_file("*.md\n!x.md\n").excludes("a/x.md")
    assert load_ignore_file("!x.md\n*.md\n").excludes("a/x.md")
    assert not default_matcher([Pattern.parse("!*.png")]).excludes("a/x.png")


def test_lines_may_end_as_on_windows_and_hold_bytes_that_are_no_text() -> None:
    assert load_ignore_file(b"a.md\r\nb\xff\r\n").excludes("a.md")


def test_reading_stops_at_a_line_longer_than_flux_reads() -> None:
    matcher = load_ignore_file("a\n" + "x" * 70000 + "\nb\n")
    assert matcher.excludes("a")
    assert not matcher.excludes("b")


def test_many_asterisks_take_no_time() -> None:
    assert not load_ignore_file("*a" * 60 + "b").excludes("a" * 250)


def test_executable_bits_stay_with_what_is_kept() -> None:
    source = Tree({"run.sh": b"", "x.md": b""}, frozenset({"run.sh"}))
    assert apply_ignore(source, "*.md").executable == {"run.sh"}
    assert apply_ignore(source, "nothing") is source
