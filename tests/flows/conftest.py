"""Each flow runs twice: on the embedded API server, and on a real kube-apiserver (marker `kube`)."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flows.flow import Flow
from tests.flows.servers import play_embedded, play_real

_numbers = itertools.count(1)


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.kube)])
def play_flow(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Flow, dict[str, Any]], None]:
    """A function that plays a flow on this parameter's server."""
    storage = tmp_path / "artifacts"
    storage.mkdir(mode=0o700)
    if request.param == "embedded":
        return lambda flow, settings: play_embedded(flow, settings, storage)
    server = request.getfixturevalue("real_api")
    namespace = f"flow-{next(_numbers)}"
    return lambda flow, settings: play_real(flow, settings, storage, server, namespace)
