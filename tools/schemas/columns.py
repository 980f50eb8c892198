"""Record the columns of built-in kinds from a real kube-apiserver.

usage: PYTHONPATH=. python tools/schemas/columns.py       (needs `make peers`)

Writes src/fluvial/controlplane/columns/data/columns.json.
"""

import json
from pathlib import Path
from typing import Any

from tests.support.realserver import peers_folder, real_server
from tools.schemas.build import AGGREGATED, get

OUT = Path(__file__).parents[2] / "src/fluvial/controlplane/columns/data/columns.json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def main() -> None:
    peers = peers_folder()
    if peers is None:
        raise SystemExit("build the peers first: make peers")
    with real_server(peers, controllers=False) as server:
        found = dict(columns(server.url, server.token))
    texts: dict[str, int] = {}
    rows = {
        key: [
            [d["name"], d["type"], d["format"], texts.setdefault(d["description"], len(texts)), d["priority"]]
            for d in definitions
        ]
        for key, definitions in found.items()
    }
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(row)}" for key, row in rows.items())
    described = ",\n".join(json.dumps(text) for text in texts)
    OUT.write_text(f'{{"descriptions": [\n{described}\n],\n"columns": {{\n{lines}\n}}}}\n')


def columns(url: str, token: str) -> Any:
    """Yield `group/version/plural` and its column definitions."""
    for root in ("/api", "/apis"):
        for group in get(url, token, root, AGGREGATED)["items"]:
            name = group["metadata"].get("name", "")
            for version in group["versions"]:
                base = f"{name}/{version['version']}" if name else version["version"]
                for resource in version["resources"]:
                    if "list" not in resource["verbs"]:
                        continue
                    path = f"{root}/{base}/{resource['resource']}?limit=1"
                    yield f"{base}/{resource['resource']}", get(url, token, path, TABLE)["columnDefinitions"]


if __name__ == "__main__":
    main()
