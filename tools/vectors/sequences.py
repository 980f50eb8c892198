"""Makes random sequences of writes by several managers for tools/vectors/record.py.

usage: python tools/vectors/sequences.py SEED COUNT SITUATIONS.yaml > OUT.yaml
       (the kinds of SITUATIONS.yaml's `setup` are used: the custom kind Widget, beside ConfigMaps)
"""

import random
import sys
from pathlib import Path
from typing import Any

import yaml

MANAGERS = ("ann", "bob", "kubectl")
STEPS = 8


def some(chance: random.Random, values: list[Any]) -> list[Any]:
    """Return some of the values in any order."""
    return chance.sample(values, chance.randint(0, len(values)))


def ports(chance: random.Random) -> list[dict[str, Any]]:
    """Return items of a list with keys, one of which has a default."""
    items = []
    for port, protocol in some(chance, [(80, None), (80, "UDP"), (81, "TCP"), (9, None)]):
        item: dict[str, Any] = {"port": port}
        if protocol:
            item["protocol"] = protocol
        if chance.random() < 0.5:
            item["name"] = chance.choice("pq")
        if chance.random() < 0.2:
            item["weight"] = chance.choice((1, 1.5))
        items.append(item)
    return items


def free(chance: random.Random, depth: int = 2) -> Any:
    """Return any value."""
    kind = chance.randint(0, 5 if depth else 3)
    if kind == 4:
        return {key: free(chance, depth - 1) for key in some(chance, ["a", "b"])}
    if kind == 5:
        return [free(chance, depth - 1) for _ in range(chance.randint(0, 2))]
    return chance.choice((1, "1", True, "x"))


FIELDS: dict[str, Any] = {
    "name": lambda c: c.choice("xy"),
    "replicas": lambda c: c.choice((1, 2)),
    "ports": ports,
    "tags": lambda c: some(c, ["a", "b", "c"]),
    "numbers": lambda c: some(c, [1, 2.5, 10]),
    "args": lambda c: some(c, ["s", "t"]),
    "rules": lambda c: some(c, [{"a": "1"}, {"b": "2"}]),
    "settings": lambda c: {key: c.choice("12") for key in some(c, ["k", "l", "m"])},
    "selector": lambda c: {key: c.choice("12") for key in some(c, ["k", "l"])},
    "nested": lambda c: {"one": c.choice("12"), **({"two": {"deep": c.choice("12")}} if c.random() < 0.5 else {})},
    "target": lambda c: c.choice((80, "80")),
    "values": lambda c: {"v": free(c)} if c.random() < 0.8 else {},
    "anything": free,
    "maybe": lambda c: c.choice((None, "m")),
    "enabled": lambda c: c.choice((True, False)),
}


def spec(chance: random.Random) -> dict[str, Any]:
    """Return a spec with some of the fields."""
    return {name: FIELDS[name](chance) for name in some(chance, sorted(FIELDS))[:6]}


def patch(chance: random.Random) -> dict[str, Any]:
    """Return a merge patch that sets some fields and removes others."""
    changed = spec(chance)
    for name in some(chance, ["name", "ports", "settings", "nested", "values"])[:2]:
        changed[name] = None
    return {"spec": changed}


def step(chance: random.Random, name: str, *, first: bool) -> dict[str, Any]:
    """Return one request."""
    version = "v1" if chance.random() < 0.9 else "v1beta1"
    metadata: dict[str, Any] = {"name": name, "namespace": "default"}
    if chance.random() < 0.4:
        metadata["labels"] = {key: chance.choice("12") for key in some(chance, ["k", "l"])}
    manager = chance.choice(MANAGERS)
    if first or chance.random() < 0.65:
        body = {"apiVersion": f"example.dev/{version}", "kind": "Widget", "metadata": metadata, "spec": spec(chance)}
        return {"apply": body, "manager": manager, "force": chance.random() < 0.6}
    at = f"/apis/example.dev/{version}/namespaces/default/widgets/{name}"
    return {"merge": patch(chance), "at": at, "manager": manager}


def main(seed: int, count: int, source: Path) -> None:
    chance = random.Random(seed)
    situations = []
    for number in range(count):
        name = f"r{seed}-{number}"
        steps = [step(chance, name, first=i == 0) for i in range(STEPS)]
        situations.append({"name": f"random writes {number}", "steps": steps})
    setup = yaml.safe_load(source.read_text())["setup"]
    yaml.dump({"timeless": True, "setup": setup, "situations": situations}, sys.stdout, sort_keys=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
