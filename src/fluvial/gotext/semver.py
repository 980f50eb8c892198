"""Semantic versions and ranges as Masterminds/semver v3 has them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Version:
    major: int
    minor: int
    patch: int
    prerelease: str = ""
    metadata: str = ""
    original: str = ""

    @classmethod
    def parse(cls, text: str) -> "Version":
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Constraint:
    text: str

    @classmethod
    def parse(cls, text: str) -> "Constraint":
        raise NotImplementedError

    def check(self, version: Version) -> bool:
        raise NotImplementedError
