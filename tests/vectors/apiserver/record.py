"""Record what a real kube-apiserver answers to `exchanges.yaml`: python tests/vectors/apiserver/record.py

Needs the binaries of `make peers`. No controllers run, so nobody but the requests changes an object.
"""

import http.client
import json
import ssl
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "support"))

from realserver import peers_folder, real_server  # noqa: E402

from fluvial.yamldoc import load  # noqa: E402


def main() -> None:
    peers = peers_folder()
    if peers is None:
        raise SystemExit("build the peers first: make peers")
    with real_server(peers, controllers=False) as server:
        recorded = [
            record(scenario, server.url, server.token) for scenario in load((HERE / "exchanges.yaml").read_bytes())
        ]
    text = json.dumps(recorded, indent=1, ensure_ascii=False)
    (HERE / "exchanges.json").write_text(text + "\n")


def record(scenario: dict, url: str, token: str) -> dict:
    answers = []
    for request in scenario["requests"]:
        if "wait" in request:
            time.sleep(request["wait"])
            continue
        answers.append(send(request, url, token))
    return {"name": scenario["name"], "answers": answers}


def send(request: dict, url: str, token: str) -> dict:
    method, path = request["send"].split(" ", 1)
    headers = {
        "Authorization": f"Bearer {token}",
        "User-Agent": "recorder/1",
        "Accept": request.get("as", "application/json"),
    }
    body = request.get("text")
    if body is None and "body" in request:
        body = json.dumps(request["body"])
    if body is not None:
        headers["Content-Type"] = request.get("type", "application/json")
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=ssl._create_unverified_context())
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    found = {"send": request["send"], "status": reply.status, "type": reply.headers.get("Content-Type", "")}
    if warnings := reply.headers.get_all("Warning"):
        found["warnings"] = warnings
    return {**found, "body": parse(text)}


def parse(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in text.splitlines()]
    except ValueError:
        return text


main()
