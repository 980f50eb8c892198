"""Random repositories, built here and by the real kustomize."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.kustomize import KustomizeError, NotSupported
from tests.kustomize.repositories import Repository
from tests.kustomize.situations import FLUX, ask_kustomize, built


def outcome(repository: Repository) -> tuple[str, KustomizeError | None]:
    try:
        return built(repository.files, repository.top), None
    except KustomizeError as error:
        return "", error


@given(st.integers(min_value=0, max_value=10**9))
def test_any_repository_ends_in_a_build_or_a_refusal(seed: int) -> None:
    repository = Repository(seed)
    text, error = outcome(repository)
    again, refusal = outcome(repository)
    assert (again, str(refusal)) == (text, str(error))


@given(st.integers(min_value=0, max_value=10**9))
def test_building_what_was_built_changes_nothing(seed: int) -> None:
    text, _ = outcome(Repository(seed))
    if "config.kubernetes.io/" not in text:  # annotations of the build are dropped by the next
        again = built({"kustomization.yaml": "resources: [all.yaml]", "all.yaml": text})
        assert again == text


@pytest.mark.peers
@given(st.integers(min_value=0, max_value=10**9))
def test_the_real_kustomize_gives_the_same_bytes_and_verdicts(peers: Path, seed: int) -> None:
    repository = Repository(seed)
    text, error = outcome(repository)
    real = ask_kustomize(repository.files, repository.top, FLUX)
    assert real is not None
    output, problem = real
    if "panic: " in problem or isinstance(error, NotSupported):
        return  # a bug of the one, a documented gap of the other
    assert (error is not None) == bool(problem), f"seed {seed}: {error or problem}"
    assert text == output, f"seed {seed}"
