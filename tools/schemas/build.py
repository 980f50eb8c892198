"""Makes the data of `fluvial.controlplane.schemas` from a real kube-apiserver: kinds, resources, OpenAPI, Go shapes.

usage: PYTHONPATH=. python tools/schemas/build.py       (needs `make peers` and Go; a minute)

Writes src/fluvial/controlplane/schemas/data/:
  openapi.json.gz    {definition: OpenAPI v3 schema} of all groups that the server serves by default
  resources.json.gz  {"groups": discovery's groups in order, "operations": {path: {method: [kind, parameters…]}}}
  shapes.json.gz     {definition: {field: "code type"}} from tools/peers/shapes: what encoding/json does with a field.
     code: s scalar, p pointer, l slice or map, t struct, m struct with its own JSON form, i interface;
     a capital letter is written even when empty, a small one is left out.
"""

import gzip
import http.client
import json
import os
import ssl
import subprocess
from pathlib import Path
from typing import Any

from tests.support.realserver import peers_folder, real_server

ROOT = Path(__file__).parents[2]
DATA = ROOT / "src/fluvial/controlplane/schemas/data"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def get(url: str, token: str, path: str, accept: str = "application/json") -> Any:
    """Return the decoded answer to one GET."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(url.removeprefix("https://"), context=context, timeout=60)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}", "Accept": accept})
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {answer.read()!r}")
    return json.loads(answer.read())


def definitions_of(documents: dict[str, Any]) -> dict[str, Any]:
    """Return all definitions of the documents; the kinds that a shared one stands for are those of all documents."""
    definitions: dict[str, Any] = {}
    for document in documents.values():
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            known = definitions.setdefault(name, schema)
            kinds = known.get("x-kubernetes-group-version-kind")
            for kind in schema.get("x-kubernetes-group-version-kind", ()):
                if kinds is not None and kind not in kinds:
                    kinds.append(kind)
    return definitions


def write(name: str, value: Any) -> None:
    """Write one file so that the same data gives the same bytes."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=name != "resources.json.gz")
    (DATA / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(name, (DATA / name).stat().st_size)


def main() -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    peers = peers_folder()
    if peers is None:
        raise SystemExit("no kube-apiserver: run `make peers`")
    with real_server(peers, controllers=False) as server:
        groups = [
            item for root in ("/api", "/apis") for item in get(server.url, server.token, root, AGGREGATED)["items"]
        ]
        index = get(server.url, server.token, "/openapi/v3")["paths"]
        documents = {
            path: get(server.url, server.token, entry["serverRelativeURL"])
            for path, entry in index.items()
            if path.startswith(("api/", "apis/")) and path.count("/") >= path.startswith("apis/") + 1
        }
    definitions = definitions_of(documents)
    write("openapi.json.gz", definitions)
    write("resources.json.gz", {"groups": groups, "documents": sorted(documents)})
    shapes = json.loads(
        subprocess.check_output(
            ["go", "run", "./shapes"],
            cwd=ROOT / "tools/peers",
            env={**os.environ, "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"},
        )
    )
    write("shapes.json.gz", {name: fields for name, fields in shapes.items() if name in definitions})


if __name__ == "__main__":
    main()
