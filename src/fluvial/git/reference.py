"""Which commit a reference means (fluxcd/pkg `git/gogit/clone.go`). Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fluvial.api import GitReference, git_revision
from fluvial.git.errors import RefNotFound
from fluvial.git.protocol import RemoteRef
from fluvial.gotext import Constraint, Version

DEFAULT_BRANCH = "master"
BRANCHES = "refs/heads/"
TAGS = "refs/tags/"
_PEELED = "^{}"
_STRICT = re.compile(r"v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)([-+]|\Z)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """The commit that a reference means now.

    Attributes:
        hash: 40 hexadecimal digits of the commit (annotated tags are peeled).
        reference: full reference name, "" for a bare commit.
        revision: as in `status.artifact.revision`: `main@sha1:…`, `sha1:…`, or with `spec.ref.name`
            `refs/heads/main@sha1:…`.
        advertised: whether a reference points at it; else servers may refuse to send it alone.
    """

    hash: str
    reference: str
    revision: str
    advertised: bool = True


def is_cheap(reference: GitReference) -> bool:
    """Tell whether listing references shows that nothing changed: for branch, tag and name, as in Flux."""
    return not reference.commit and bool(reference.name or reference.tag or not reference.semver)


def pinned(reference: GitReference) -> Found:
    """Return what `spec.ref.commit` says; nobody needs to be asked.

    Raises:
        RefNotFound: it is not a whole hash.
    """
    commit = reference.commit.lower()
    if len(commit) != 40 or commit.strip("0123456789abcdef"):
        raise RefNotFound(f"unable to resolve commit object for '{reference.commit}': not a full commit hash")
    full = BRANCHES + reference.branch if reference.branch else ""
    return Found(commit, full, git_revision(reference.branch, commit), advertised=False)


def wanted_name(reference: GitReference) -> str:
    """Return the full name of the one reference to look up, "" for a semver range.

    Raises:
        RefNotFound: `spec.ref.name` cannot be a reference name.
    """
    if reference.name:
        if reference.name.startswith("/") or reference.name.endswith("/"):
            raise RefNotFound(f"ref {reference.name} is invalid; Git refs cannot begin or end with a slash '/'")
        return reference.name.removesuffix(_PEELED)
    if reference.tag:
        return TAGS + reference.tag
    if reference.semver:
        return ""
    return BRANCHES + (reference.branch or DEFAULT_BRANCH)


def look_up(reference: GitReference, refs: Iterable[RemoteRef]) -> Found:
    """Find the reference that `wanted_name` names.

    Raises:
        RefNotFound: it isn't there; the text is Flux's.
    """
    name = wanted_name(reference)
    for ref in refs:
        if ref.name == name:
            short = reference.name or reference.tag or reference.branch or DEFAULT_BRANCH
            return Found(ref.commit, reference.name or name, git_revision(short, ref.commit))
    if reference.name:
        raise RefNotFound(f"unable to resolve ref '{name}' to a specific commit")
    raise RefNotFound(f'couldn\'t find remote ref "{name}"')


def matching_tags(semver: str, refs: Iterable[RemoteRef]) -> list[RemoteRef]:
    """Return the tags of the highest version in a range; several if they differ in build metadata or a leading v only.

    Raises:
        RefNotFound: the range is not one, or nothing is in it.
    """
    try:
        allowed = Constraint.parse(semver)
    except ValueError as error:
        raise RefNotFound(f"semver parse error: {error}") from error
    best: list[RemoteRef] = []
    highest: Version | None = None
    for ref in refs:
        version = _version(ref.name.removeprefix(TAGS))
        if not ref.name.startswith(TAGS) or version is None or not allowed.check(version):
            continue
        order = 1 if highest is None else version.compare(highest)
        if order > 0:
            best, highest = [ref], version
        elif order == 0:
            best.append(ref)
    if not best:
        raise RefNotFound(f"no match found for semver: {semver}")
    return best


def newest(tags: Iterable[RemoteRef], times: Mapping[str, float]) -> Found:
    """Return the tag whose commit is the latest.

    Args:
        times: seconds since 1970 by commit hash.
    """

    tag = max(tags, key=lambda tag: (times.get(tag.commit, 0.0), tag.name))
    return Found(tag.commit, tag.name, git_revision(tag.name.removeprefix(TAGS), tag.commit))


def _version(tag: str) -> Version | None:
    """Return a tag's version: strict, but for a leading `v` (fluxcd/pkg `version.ParseVersion`)."""
    if not _STRICT.match(tag):
        return None
    try:
        return Version.parse(tag)
    except ValueError:
        return None
