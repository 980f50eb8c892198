"""The embedded server answers as kube-apiserver was recorded to (tests/vectors/apiserver/record.py)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fluvial.yamldoc import load

VECTORS = Path(__file__).parents[1] / "vectors/apiserver"
SCENARIOS = load((VECTORS / "exchanges.yaml").read_bytes())
RECORDED = {recorded["name"]: recorded["answers"] for recorded in json.loads((VECTORS / "exchanges.json").read_text())}

# Differences that stay, with their reason.
KNOWN = {
    # go-yaml counts lines of parser errors from 0, our reader from 1.
    'body.message\n  real: "error decoding YAML: error converting YAML to JSON: yaml: line 1: did not find',
}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z")
_MASKED = {
    "uid": "<uid>",
    "resourceVersion": "<revision>",
    "continue": "<token>",
    "clusterIP": "<address>",
    "storageVersionHash": "<hash>",
}


def mask(value: Any, key: str = "") -> Any:
    """Return `value` with what no two servers agree on replaced: uids, revisions, times, addresses, tokens."""
    if isinstance(value, dict):
        return {k: mask(v, k) for k, v in value.items()}
    if isinstance(value, list):
        if key == "clusterIPs":
            return ["<address>" if item != "None" else item for item in value]
        if key == "cells":
            return [re.sub(r"^[0-9]+s$", "<age>", item) if isinstance(item, str) else item for item in value]
        return [mask(item) for item in value]
    if isinstance(value, str):
        if key in _MASKED and value not in ("None", ""):
            return _MASKED[key]
        if key == "name" and value.startswith("gen-"):
            return "gen-<random>"
        value = re.sub(r"resourceVersion: \"[0-9]+\"", "resourceVersion: <revision>", value)
        value = _TIME.sub("<time>", _UUID.sub("<uid>", value))
        return re.sub(r"(in object meta: |in record )\S+", r"\1<masked>", value)
    return value


def answer_of(reply: Any, raw: bytes) -> dict[str, Any]:
    text = raw.decode()
    try:
        body: Any = json.loads(text)
    except ValueError:
        try:
            body = [json.loads(line) for line in text.splitlines()]
        except ValueError:
            body = text
    found = {"status": reply.code, "type": reply.headers.get("content-type", ""), "body": body}
    if "warning" in reply.headers:
        said = re.findall(r'299 - "(?:[^"\\]|\\.)*"', reply.headers["warning"])
        # What has no effect here is warned of; a real server has nothing to warn of.
        if own := [text for text in said if "this control plane" not in text]:
            found["warnings"] = own
    return found


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"].replace(" ", "-"))
def test_the_recorded_exchange(drive: Any, scenario: dict[str, Any]) -> None:
    differences: list[str] = []

    async def replay(api: Any) -> None:
        recorded = iter(RECORDED[scenario["name"]])
        for request in scenario["requests"]:
            if "wait" in request:
                await asyncio.sleep(request["wait"])
                continue
            wanted = next(recorded)
            assert wanted["send"] == request["send"], "exchanges.yaml was changed: record again"
            reply = await send(api, request)
            raw = reply.raw if isinstance(reply.raw, bytes) else b"".join([chunk async for chunk in reply.raw])
            compare(request, wanted, answer_of(reply, raw), differences)

    drive(replay, enabled=False)
    assert not differences, "\n".join(differences)


async def send(api: Any, request: dict[str, Any]) -> Any:
    method, target = request["send"].split(" ", 1)
    headers = {"user_agent": "recorder/1", "accept": request.get("as", "application/json")}
    body = request["text"].encode() if "text" in request else None
    if "body" in request:
        body = json.dumps(request["body"]).encode()
    if body is not None:
        headers["content_type"] = request.get("type", "application/json")
    return await api.send(method, target, body, **headers)


def compare(request: dict[str, Any], wanted: dict[str, Any], found: dict[str, Any], differences: list[str]) -> None:
    for part in ("status", "type", "warnings", "body"):
        there, here = mask(wanted.get(part), part), mask(found.get(part), part)
        found_unequal = [text for text in unequal(there, here, part) if not text.startswith(tuple(KNOWN))]
        differences += [f"{request['send']}: {text}" for text in found_unequal]


def unequal(there: Any, here: Any, path: str) -> Iterator[str]:
    """Yield where two values differ; what is not said is "nothing"."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted(there.keys() | here.keys()):
            yield from unequal(there.get(key, "nothing"), here.get(key, "nothing"), f"{path}.{key}")
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for index, pair in enumerate(zip(there, here, strict=True)):
            yield from unequal(*pair, f"{path}[{index}]")
    elif there != here:
        yield f"{path}\n  real: {json.dumps(there)}\n  ours: {json.dumps(here)}"
