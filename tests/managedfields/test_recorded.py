"""What a real kube-apiserver did, replayed through the embedded one: managedFields byte for byte."""

from pathlib import Path

from tests.support.replay import comparable, replay

VECTORS = Path(__file__).parent.parent / "vectors/managedfields"

# Upstream stores a custom resource without the defaults that its status got, so that the first write after its
# creation changes the stored bytes even when it changes nothing else. Ours keeps its resourceVersion.
FIRST_WRITE = {"a custom resource with every sort of field applied"}
# Not this package's: the embedded server takes the kind from the path.
KIND_IN_BODY = {("an apply of another name or kind or version", 2)}


def test_recorded_situations_give_the_same_answers() -> None:
    exchanges = list(replay(VECTORS / "recorded.json"))
    assert len(exchanges) > 240
    differing = [
        (e.situation, e.step)
        for e in exchanges
        if comparable(e.answered) != comparable(e.expected) and (e.situation, e.step) not in KIND_IN_BODY
    ]
    assert {situation for situation, _ in differing} <= FIRST_WRITE


def test_random_writes_of_three_managers_give_the_same_answers() -> None:
    exchanges = list(replay(VECTORS / "random.json.gz"))
    assert len(exchanges) == 1200
    differing = [
        f"{e.situation} step {e.step}"
        for e in exchanges
        if _less_version(comparable(e.answered, timeless=True)) != _less_version(comparable(e.expected, timeless=True))
    ]
    assert differing == []


def _less_version(answer: dict) -> dict:
    """Return an answer without its resourceVersion (see FIRST_WRITE)."""
    metadata = answer["body"].get("metadata") or {}
    metadata.pop("resourceVersion", None)
    return answer
