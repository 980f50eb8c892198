"""Builds: what they depend on, where they run, and their key.

A build of some size runs in a worker process; bytes go in and come out. Files parsed here are shared by content.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fluvial.api import Artifact, Kustomization
from fluvial.apply import digest_of
from fluvial.build import BuildError, BuildRequest, BuildResult, build, variables_of
from fluvial.controllers.kustomize.memory import Inputs
from fluvial.controllers.kustomize.world import World
from fluvial.kube import Client
from fluvial.objects import Object, dig
from fluvial.stdx import Tree, UnsafePath, clean_path

# Fields of the spec that neither the manifests nor the way they are applied depend on.
_ELSEWHERE: Final = frozenset(
    {
        "deletionPolicy",
        "dependsOn",
        "force",
        "healthChecks",
        "interval",
        "prune",
        "retryInterval",
        "serviceAccountName",
        "sourceRef",
        "suspend",
        "timeout",
        "validation",
        "wait",
    }
)
_INLINE_BYTES: Final = 32 << 10  # of files below spec.path: some milliseconds of work
_PARSED_FILES: Final = 512  # parsed files kept for builds in this process

Versions = tuple[tuple[str, str, str], ...]


def inputs_of(
    ks: Kustomization, artifact: Artifact, variables: tuple[tuple[str, str, str], ...], account: str
) -> Inputs:
    """What the build of `ks` is made from."""
    spec = {key: value for key, value in ks.spec.items() if key not in _ELSEWHERE}
    return Inputs(
        artifact=artifact.digest or artifact.revision, spec=digest_of(spec), variables=variables, identity=account
    )


def key_of_build(inputs: Inputs, tree: Tree, read: frozenset[str], uid: str) -> str:
    """The key of a build that read `read` of `tree`: equal keys mean equal manifests.

    The names of all files take part: a new file may belong to a generated kustomization.
    """
    whole = hashlib.sha256(f"{uid}\0{inputs.spec}\0{inputs.variables}\0{inputs.identity}\0".encode())
    for path in tree:
        whole.update(path.encode() + b"\0")
    for path in sorted(read):
        content = tree.get(path)
        whole.update(path.encode() + b"\0" + (hashlib.sha256(content).digest() if content is not None else b"-"))
    return whole.hexdigest()


def find_path(tree: Tree, path: str) -> str:
    """The folder `spec.path` of `tree`, cleaned.

    Raises:
        FileNotFoundError: there is no such folder; the text is Flux's.
    """
    try:
        found = clean_path(path.strip().lstrip("/") or ".")
    except UnsafePath:
        found = ""
    while found.startswith("../"):  # as securejoin does: the way up ends at the root
        found = found[3:]
    if found in ("", ".."):
        found = "."
    if not tree.is_dir(found) and not (found == "." and not tree):
        raise FileNotFoundError(f"kustomization path not found: stat {path}: no such file or directory")
    return found


class VariablesError(Exception):
    """An object of `substituteFrom` cannot be had; the text is Flux's."""


async def read_variables(ks: Kustomization, client: Client) -> list[tuple[Object, Mapping[str, str]]]:
    """The objects of `substituteFrom` that exist, in order, each with its variables.

    Raises:
        VariablesError: one that is not optional is missing, or cannot be read as variables.
        KubeError
    """
    found: list[tuple[Object, Mapping[str, str]]] = []
    for wanted in ks.substitute_from:
        obj = await client.get("v1", wanted.kind, ks.ref.namespace, wanted.name)
        if obj is None:
            if wanted.optional:
                continue
            plural = wanted.kind.lower() + "s"
            name = f"{ks.ref.namespace}/{wanted.name}"
            raise VariablesError(f"substitute from '{wanted.kind}/{name}' error: {plural} \"{wanted.name}\" not found")
        try:
            found.append((obj, variables_of(obj)))
        except ValueError as error:
            raise VariablesError(f"substitute from '{wanted.kind}/{wanted.name}' error: {error}") from error
    return found


def versions_of(objects: list[Object]) -> Versions:
    """(kind/name, uid, resourceVersion) of each."""
    return tuple(
        (
            f"{obj.get('kind')}/{dig(obj, 'metadata', 'name', default='')}",
            str(dig(obj, "metadata", "uid", default="")),
            str(dig(obj, "metadata", "resourceVersion", default="")),
        )
        for obj in objects
    )


async def run_build(world: World, request: BuildRequest) -> BuildResult:
    """Build here when that takes some milliseconds, else in a worker.

    Raises:
        BuildError
    """
    folder = request.tree.subtree(request.path)
    if folder.size <= _INLINE_BYTES:
        while len(world.parsed) > _PARSED_FILES:
            world.parsed.pop(next(iter(world.parsed)))
        return build(request, parsed=world.parsed)
    payload = msgspec.msgpack.encode(
        {
            "files": dict(request.tree),
            "path": request.path,
            "spec": request.spec,
            "variables": request.variables,
            "strict": request.strict,
        }
    )
    answer = msgspec.msgpack.decode(await world.deps.workers.run(build_job, payload))
    if "error" in answer:
        raise BuildError(answer["error"], file=answer["file"], line=answer["line"])
    return BuildResult(
        objects=answer["objects"],
        read=frozenset(answer["read"]),
        read_digest=answer["read_digest"],
        digest=answer["digest"],
        warnings=tuple(answer["warnings"]),
    )


def build_job(payload: bytes) -> bytes:
    """`build` in a worker process: a request in, a result or an error out."""
    asked: dict[str, Any] = msgspec.msgpack.decode(payload)
    try:
        result = build(
            BuildRequest(
                tree=Tree(asked["files"]),
                path=asked["path"],
                spec=asked["spec"],
                variables=asked["variables"],
                strict=asked["strict"],
            )
        )
    except BuildError as error:
        return msgspec.msgpack.encode({"error": error.message, "file": error.file, "line": error.line})
    return msgspec.msgpack.encode(
        {
            "objects": result.objects,
            "read": sorted(result.read),
            "read_digest": result.read_digest,
            "digest": result.digest,
            "warnings": result.warnings,
        }
    )
