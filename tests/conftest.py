"""What every test shares: hypothesis profiles, and the rule that a skip must be on the committed list."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.realserver import RealServer, peers_folder, real_server

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

ALLOWED_SKIPS = Path(__file__).with_name("allowed-skips.txt")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="any skipped test fails the run")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under CI=true a skip that is not on the committed list fails the run; with --no-skips every skip does."""
    strict = session.config.getoption("--no-skips")
    if not strict and os.environ.get("CI") != "true":
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a worker of pytest-xdist; the controlling process judges
        return
    allowed = set() if strict else set(ALLOWED_SKIPS.read_text().split())
    unexpected = sorted({report.nodeid for report in reporter.stats.get("skipped", []) if report.nodeid not in allowed})
    if unexpected:
        reporter.write_line("skipped, and not on tests/allowed-skips.txt: " + ", ".join(unexpected), red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def peers() -> Path:
    """The folder of the peers' binaries."""
    folder = peers_folder()
    if folder is None:
        pytest.skip("the peers are not built (make peers)")
    return folder


@pytest.fixture(scope="session")
def real_api(peers: Path) -> Iterator[RealServer]:
    """One real kube-apiserver for the whole run."""
    with real_server(peers) as server:
        yield server
