"""Replays what tools/vectors/record.py recorded of a real API server against the embedded one."""

import asyncio
import gzip
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fluvial.controlplane import ControlPlane, Settings, Simulation
from fluvial.net import ServerRequest

START = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


class SteppedClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request and answer, and what the embedded server answered."""

    situation: str
    step: int
    request: dict[str, Any]
    expected: dict[str, Any]
    answered: dict[str, Any]


_UID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def comparable(answer: dict[str, Any], *, timeless: bool = False) -> Any:
    """Return an answer less what the real server leaves to chance.

    That are uids inside texts, the order of several causes (and of the message that lists them) and, in a recording
    without a second for each step, time stamps and the order of managedFields that follows from them.
    """
    content = _UID.sub("UID", json.dumps(answer, ensure_ascii=False))
    plain = json.loads(content)
    # The embedded server says of some kinds that nobody acts on them; a real one with all its parts need not.
    warnings = [text for text in plain.pop("warnings", []) if "this control plane" not in text]
    if warnings:
        plain["warnings"] = warnings
    body = plain["body"]
    if isinstance(body, dict):
        causes = (body.get("details") or {}).get("causes") or []
        if len(causes) > 1:
            causes.sort(key=lambda cause: (cause["field"], cause["message"]))
            body["message"] = sorted(re.split("[ \n\\[\\],]+", body["message"]))
        managed = (body.get("metadata") or {}).get("managedFields") or []
        if timeless:
            for entry in managed:
                entry["time"] = "time" in entry
            managed.sort(key=lambda entry: json.dumps(entry, sort_keys=True))
    return plain


def replay(recording: Path) -> Iterator[Exchange]:
    """Yield all exchanges of a recording, masked as the recorder masks them."""
    content = recording.read_bytes()
    recorded = json.loads(gzip.decompress(content) if recording.suffix == ".gz" else content)
    yield from asyncio.run(_replay(recorded))


async def _replay(recorded: dict[str, Any]) -> list[Exchange]:
    clock = SteppedClock()
    plane = ControlPlane(
        clock=clock, chance=random.Random(1), settings=Settings(simulation=Simulation(workloads=False))
    )
    await plane.start()
    exchanges = []
    try:
        for obj in recorded["setup"]:
            code, body, _ = await _send(plane, _creation(obj))
            assert code == 201, body
            for version in obj["spec"]["versions"]:
                await _wait_served(plane, obj["spec"], version["name"])
        for situation in recorded["situations"]:
            mask = Mask()
            for step, exchange in enumerate(situation["exchanges"], 1):
                clock.moment += timedelta(seconds=1)
                mask.moments.append(clock.moment)
                code, body, warnings = await _send(plane, exchange["request"])
                answered = {"code": code, "body": mask.body(body)}
                if warnings:
                    answered["warnings"] = warnings
                exchanges.append(Exchange(situation["name"], step, exchange["request"], exchange["answer"], answered))
            clock.moment += timedelta(minutes=1)
    finally:
        await plane.stop()
    return exchanges


async def _wait_served(plane: ControlPlane, spec: dict[str, Any], version: str) -> None:
    path = f"/apis/{spec['group']}/{version}/{spec['names']['plural']}"
    for _ in range(100):
        code, _, _ = await _send(plane, {"method": "GET", "path": path, "media": "application/json", "body": None})
        if code == 200:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{path} is not served")


def _creation(obj: dict[str, Any]) -> dict[str, Any]:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    return {"method": "POST", "path": path, "media": "application/json", "body": obj}


async def _send(plane: ControlPlane, request: dict[str, Any]) -> tuple[int, Any, list[str]]:
    path, _, query = request["path"].partition("?")
    body = request["body"]
    content = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    headers = {"content-type": request["media"], "accept": "application/json"}
    answer = await plane.handle(ServerRequest(request["method"], path, query, headers, content, "127.0.0.1"))
    assert isinstance(answer.body, bytes)
    warning = answer.headers.get("warning", "")
    warnings = re.findall(r'299 - "(?:[^"\\]|\\.)*"', warning)
    try:
        return answer.status, json.loads(answer.body), warnings
    except ValueError:
        return answer.status, answer.body.decode(), warnings


class Mask:
    """The recorder's mask, with the replay's own clock."""

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self.moments: list[datetime] = []

    def body(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.body(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {key: self._field(key, content) for key, content in value.items()}

    def _field(self, key: str, content: Any) -> Any:
        if key == "resourceVersion" and isinstance(content, str) and content:
            return self.versions.setdefault(content, str(len(self.versions) + 1))
        if key == "uid" and isinstance(content, str):
            return "UID"
        if key == "creationTimestamp" and isinstance(content, str):
            return "CREATED"
        if key == "time" and isinstance(content, str):
            return self._time(content)
        if key == "clusterIP" and isinstance(content, str) and content not in ("None", ""):
            return "IP"
        if key == "clusterIPs" and content and content != ["None"]:
            return ["IP"]
        return 30000 if key == "nodePort" else self.body(content)

    def _time(self, text: str) -> str:
        moment = datetime.fromisoformat(text)
        step = max((i for i, begun in enumerate(self.moments) if begun <= moment), default=None)
        return text if step is None else f"step {step + 1}"
