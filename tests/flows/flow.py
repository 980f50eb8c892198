"""The decorator that turns a flow into a test: `@flow("4.4 Build")` above an `async def` that takes a World."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.flows.world import World

Flow = Callable[[World], Awaitable[None]]


def flow(*rows: str, **settings: Any) -> Callable[[Flow], Callable[..., None]]:
    """Run the flow on every server.

    Args:
        rows: the rows of the parity table that it proves, such as "4.4 Build".
        settings: fields of the kustomize controller's settings that differ from Flux's defaults.
    """

    def wrap(play: Flow) -> Callable[..., None]:
        def test(play_flow: Callable[[Flow, dict[str, Any]], None]) -> None:
            play_flow(play, settings)

        test.__name__ = play.__name__
        test.__doc__ = play.__doc__
        test.__module__ = play.__module__
        test.rows = rows  # type: ignore[attr-defined]
        return test

    return wrap


def config_map(name: str, data: dict[str, str] | None = None, **metadata: Any) -> str:
    """Return a ConfigMap as JSON text, which is YAML too; "@ns" becomes the flow's namespace when it is committed."""
    given = {"name": name, "namespace": "@ns"} | metadata
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": given, "data": data or {"key": "value"}})


def kustomization(*resources: str, **fields: Any) -> str:
    """Return a kustomization.yaml as JSON text."""
    kind = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return json.dumps(kind | {"resources": list(resources)} | fields)
