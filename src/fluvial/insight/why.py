"""Reads what the diagnosis asks for, until it has an answer."""

import asyncio
from datetime import datetime
from typing import Any

from fluvial.insight.answers import Answer, Ask, Known, PodsOf, Question, WarningsOf
from fluvial.insight.diagnosis import diagnose
from fluvial.kube import ApiError, Client, NotServed
from fluvial.objects import LabelSelector, Object, Ref, dig


async def why(client: Client, ref: Ref, now: datetime) -> Answer:
    """Return the one cause why the object that `ref` names is not as it should be.

    Raises:
        ApiError, Unreachable: something that the answer depends on cannot be read.
    """
    facts: dict[Question, Any] = {}
    while True:
        step = diagnose(ref, Known(facts), now)
        if isinstance(step, Answer):
            return step
        await _read(client, step, facts)


async def _read(client: Client, ask: Ask, facts: dict[Question, Any]) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [
            (question, group.create_task(_one(client, question, facts), name=f"read {question}"))
            for question in ask.questions
        ]
    for question, task in tasks:
        facts[question] = task.result()


async def _one(client: Client, question: Question, facts: dict[Question, Any]) -> Any:
    if isinstance(question, Ref):
        try:
            return await client.get(question.api_version, question.kind, question.namespace, question.name)
        except NotServed:
            return None  # its kind is gone, and so is it
    if isinstance(question, PodsOf):
        return await _pods(client, question.ref, facts.get(question.ref))
    return await _warnings(client, question)


async def _pods(client: Client, ref: Ref, workload: Object | None) -> list[Object]:
    selector = dig(workload, "spec", "selector", default=None)
    if not selector:
        return []
    chosen = LabelSelector.from_object(selector)
    listed = await client.list("v1", "Pod", ref.namespace)
    return [pod for pod in listed.items if chosen.matches(dig(pod, "metadata", "labels", default={}))]


async def _warnings(client: Client, question: WarningsOf) -> list[str]:
    ref = question.ref
    fields = f"involvedObject.kind={ref.kind},involvedObject.name={ref.name},type=Warning"
    try:
        listed = await client.list("v1", "Event", ref.namespace or "default", fields=fields)
    except ApiError as error:
        if error.is_forbidden:
            return []  # evidence that we may not see; the cause stands without it
        raise
    events = sorted(listed.items, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return [f"Warning {event.get('reason', '')}: {event.get('message', '')}" for event in events]
