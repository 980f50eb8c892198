"""Which commit a reference means, and how a revision is written (flux-features §2.17, fluxcd/pkg `git/gogit`)."""

from dataclasses import dataclass

DEFAULT_BRANCH = "master"


@dataclass(frozen=True, slots=True)
class Reference:
    """`spec.ref` of a GitRepository. Precedence: commit, name, tag, semver, branch; nothing at all means `master`."""

    branch: str = ""
    tag: str = ""
    semver: str = ""
    name: str = ""
    commit: str = ""

    @property
    def is_cheap(self) -> bool:
        """Whether listing references can tell that nothing changed: for branch, tag and name, as in Flux."""
        return not self.commit and (bool(self.name) or bool(self.tag) or not self.semver)


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
