from tests.flows.listing import PARITY, flows, table


def test_docs_parity_lists_every_flow() -> None:
    assert table() in PARITY.read_text(), "run: python -m tests.flows.listing"


def test_there_are_at_least_sixty_flows() -> None:
    assert len({(file, name) for _, file, name in flows()}) >= 60
