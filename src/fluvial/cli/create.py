"""`create`: make or change Flux objects, or print them with `--export`."""

import re

from fluvial.cli import flags
from fluvial.cli.command import Child, Group, unbuilt
from fluvial.cli.errors import UsageFailure
from fluvial.cli.fetch import reconciled, ref_of, until
from fluvial.cli.kinds import FluxKind
from fluvial.cli.session import Session
from fluvial.objects import Object, dig

_NAME = re.compile(r"[a-z0-9]([a-z0-9\-]){0,61}[a-z0-9]")
_LABEL_NAME = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)")
_LABEL_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def object_name(arguments: tuple[str, ...]) -> str:
    """Return the name given on the command line.

    Raises:
        UsageFailure: there is none, or it is not an RFC 1123 label of two letters or more, as in flux.
    """
    if not arguments:
        raise UsageFailure("name is required")
    name = arguments[0]
    if not _NAME.fullmatch(name):
        raise UsageFailure(
            f"name '{name}' is invalid, it should adhere to standard defined in RFC 1123, the name can only contain "
            "alphanumeric characters or '-'"
        )
    return name


def read_labels(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return the labels given with `--label`.

    Raises:
        UsageFailure: a pair is not `key=value`, or a part of it is not allowed in a label.
    """
    found = {}
    for pair in pairs:
        parts = pair.split("=")
        if len(parts) != 2:
            raise UsageFailure(f"invalid label format '{pair}', must be key=value")
        key, value = parts
        prefix, slash, name = key.rpartition("/")
        good_prefix = not slash or (len(prefix) <= 253 and _LABEL_PREFIX.fullmatch(prefix) is not None)
        if not good_prefix or len(name) > 63 or not _LABEL_NAME.fullmatch(name):
            raise UsageFailure(
                f"invalid label '{key}': name part must consist of alphanumeric characters, '-', '_' or '.'"
            )
        if value and (len(value) > 63 or not _LABEL_NAME.fullmatch(value)):
            raise UsageFailure(
                f"invalid label value '{value}': a valid label must be at most 63 alphanumeric characters"
            )
        found[key] = value
    return found


def skeleton(session: Session, kind: FluxKind, name: str, labels: dict[str, str], spec: Object) -> Object:
    """Return the object to create."""
    metadata: Object = {"name": name, "namespace": session.namespace}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}


async def upsert(session: Session, kind: FluxKind, obj: Object, words: str) -> None:
    """Create the object, or give the one that is there the labels and spec of `obj`, and tell which."""
    client = await session.client()
    name = str(dig(obj, "metadata", "name"))
    existing = await client.get(kind.api_version, kind.kind, session.namespace, name)
    if existing is None:
        await client.create(obj, field_manager="flux")
        session.say.success(f"{words} created")
        return
    metadata = {key: value for key, value in existing["metadata"].items() if key != "labels"}
    if "labels" in obj["metadata"]:
        metadata["labels"] = obj["metadata"]["labels"]
    await client.update({**existing, "metadata": metadata, "spec": obj["spec"]})
    session.say.success(f"{words} updated")


async def wait_ready(session: Session, kind: FluxKind, name: str) -> Object:
    """Wait until the controller has reconciled the object, and return it."""
    client = await session.client()
    return await until(client, ref_of(session, kind, name), lambda obj: reconciled(session, obj))


_SOURCE = Group(
    "source",
    "Create or update sources",
    [
        Child("git", "Create or update a GitRepository source", "fluvial.cli.create_source_git"),
        *(unbuilt(name) for name in ("bucket", "chart", "helm", "oci")),
    ],
    long="The create source sub-commands generate sources.",
    shared=[
        flags.duration(
            "fetch-timeout",
            "set a timeout for fetch operations performed by source-controller "
            "(e.g. 'git clone' or 'helm repo update')",
        )
    ],
)

command = Group(
    "create",
    "Create or update sources and resources",
    [
        Child(
            "kustomization",
            "Create or update a Kustomization resource",
            "fluvial.cli.create_kustomization",
            aliases=("ks",),
        ),
        _SOURCE,
        *(
            unbuilt(name)
            for name in ("alert", "alert-provider", "helmrelease", "hr", "image", "receiver", "secret", "tenant")
        ),
    ],
    long="The create sub-commands generate sources and resources.",
    shared=[
        flags.duration("interval", "source sync interval", "1m0s"),
        flags.boolean("export", "export in YAML format to stdout"),
        flags.strings(
            "label",
            "set labels on the resource (can specify multiple labels with commas: label1=value1,label2=value2)",
        ),
    ],
)
