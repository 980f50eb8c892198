"""Builds: what they depend on, where they run, and their key.

A build of some size runs in a worker process; bytes go in and come out. Files parsed here are shared by content.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fluvial.api import Artifact, Kustomization
from fluvial.apply import digest_of
from fluvial.build import BuildError, BuildRequest, BuildResult, PathNotFound, build, variables_of
from fluvial.build import Inputs as BuildInputs
from fluvial.controllers.kustomize.memory import Inputs
from fluvial.controllers.kustomize.world import World
from fluvial.kube import Client
from fluvial.objects import Object, dig
from fluvial.stdx import Tree, UnsafePath, join_inside, sha256

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


def key_of_build(inputs: Inputs, used: BuildInputs, tree: Tree, uid: str) -> str:
    """The key of a build that used `used` of `tree`: equal keys mean equal manifests."""
    parts = (uid, inputs.spec, repr(inputs.variables), inputs.identity, used.digest(tree))
    return sha256("\0".join(parts).encode())


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
    try:
        size = request.tree.subtree(join_inside(".", request.path)).size
    except UnsafePath:
        size = 0  # which `build` will say in its own words
    if size <= _INLINE_BYTES:
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
        kind = PathNotFound if answer["path_not_found"] else BuildError
        raise kind(answer["error"], file=answer["file"], line=answer["line"], field=answer["field"])
    return BuildResult(
        objects=answer["objects"],
        text="",
        digest=answer["digest"],
        inputs=BuildInputs(*map(frozenset, answer["inputs"])),
        read_digest=answer["read_digest"],
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
        told = {"error": error.message, "file": error.file, "line": error.line, "field": error.field}
        return msgspec.msgpack.encode({**told, "path_not_found": isinstance(error, PathNotFound)})
    used = result.inputs
    return msgspec.msgpack.encode(
        {
            "objects": result.objects,
            "digest": result.digest,
            "inputs": [sorted(used.read), sorted(used.scanned), sorted(used.missing)],
            "read_digest": result.read_digest,
            "warnings": result.warnings,
        }
    )


def build_error_text(error: BuildError) -> str:
    """Flux's message, and the place where it does not name it."""
    if not error.file or error.file in error.message:
        return error.message
    return f"{error.message} ({error.file}:{error.line})" if error.line else f"{error.message} ({error.file})"
