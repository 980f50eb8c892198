"""One build: the request, its result, and the order of the steps."""

from collections import Counter
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from fluvial.build.errors import BuildError, NotBuilt, PathNotFound
from fluvial.build.generate import Looked, generate
from fluvial.build.inputs import Inputs
from fluvial.build.substitution import describe_changes, failed, is_switched_off, substituted, wrong_name
from fluvial.build.variables import merge_variables
from fluvial.kustomize import Built, KustomizeError, NotSupported, build_tracked, render
from fluvial.objects import Object, Ref
from fluvial.stdx import Tree, clean_path, sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What one build depends on, and nothing else.

    Args:
        tree: the artifact's files.
        path: `spec.path`; it cannot leave the tree.
        spec: the Kustomization's spec as it is stored, old fields (`patchesStrategicMerge`, `patchesJson6902`) too.
        variables: what `substituteFrom` gave (`merge_variables` without the inline part, which is read from `spec`).
        strict: a variable neither defined nor given a default is an error (Flux's gate StrictPostBuildSubstitutions).
        ignore: None in a controller, whose source is filtered already; the ignore patterns of the command line else,
            which also obeys the `.sourceignore` files below `path`.
    """

    tree: Tree
    path: str
    spec: Mapping[str, Any]
    variables: Mapping[str, str]
    strict: bool = True
    ignore: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """The objects to apply, in order, and what is worth remembering of the build.

    Args:
        text: the manifests as Flux renders them; what `digest` (`sha256:…`, for `status.history`) is taken of.
        inputs: what of the tree was used; `inputs.read` are the files. `read_digest` is `inputs.digest` of the tree
            of this build: if that of another tree is the same, so is the result (with equal spec and variables).
        warnings: one sentence for each object whose identity or set of keys a substitution changed.
    """

    objects: list[Object]
    text: str
    digest: str
    inputs: Inputs
    read_digest: str
    warnings: tuple[str, ...]

    @property
    def read(self) -> frozenset[str]:
        """The files that were read."""
        return self.inputs.read


def build(request: BuildRequest, *, parsed: MutableMapping[bytes, Any] | None = None) -> BuildResult:
    """Generate the kustomization file where there is none, lay the spec over it, build, and substitute variables.

    Args:
        parsed: parsed files by content, kept by the caller between builds (bound it); the values are opaque.
    Raises:
        BuildError: with Flux's message. The request must change before a retry can help.
    """
    folder = _folder(request)
    known: MutableMapping[bytes, Any] = {} if parsed is None else parsed
    looked = Looked()
    kustomization = generate(request.tree, folder, request.spec, ignore=request.ignore, parsed=known, looked=looked)
    built = _kustomized(request.tree, folder, kustomization, known)
    objects, warnings = _substituted(built.objects, request)
    text = render(objects)
    inputs = Inputs(built.read | looked.read, frozenset(looked.scanned), frozenset(looked.missing))
    return BuildResult(
        objects=[obj for obj in objects if _is_applied(obj)],
        text=text,
        digest=sha256(text.encode("utf-8", "surrogatepass")),
        inputs=inputs,
        read_digest=inputs.digest(request.tree),
        warnings=tuple(warnings),
    )


def _folder(request: BuildRequest) -> str:
    folder = clean_path("/" + request.path)  # as upstream: `..` stops at the root
    if not request.tree.is_dir(folder):
        raise PathNotFound(
            f"kustomization path not found: stat {folder}: no such file or directory", file=folder, field="spec.path"
        )
    return folder


def _kustomized(tree: Tree, folder: str, kustomization: Mapping[str, Any], parsed: MutableMapping[bytes, Any]) -> Built:
    try:
        built = build_tracked(tree, folder, kustomization=kustomization, parsed=parsed)
    except KustomizeError as cause:
        kind = NotBuilt if isinstance(cause, NotSupported) else BuildError
        raise kind(f"kustomize build failed: {cause}", file=cause.file, line=cause.line, field=cause.field) from cause
    for obj in built.objects:
        ref = Ref.of(obj)
        if not (ref.name and ref.kind and ref.api_version):
            raise BuildError(
                f"failed to decode Kubernetes apiVersion, kind and name from: {ref} (apiVersion {ref.api_version!r}):"
                " each must be a text: quote numbers"
            )
    return built


def _substituted(objects: list[Object], request: BuildRequest) -> tuple[list[Object], list[str]]:
    post_build = request.spec.get("postBuild")
    if post_build is None:
        return objects, []
    variables = merge_variables([request.variables], post_build.get("substitute") or {})
    if not variables and post_build.get("substituteStrategy") != "Always":
        return objects, []
    wrong = wrong_name(variables)
    results: list[Object] = []
    warnings: list[str] = []
    known = Counter(map(_identity, objects))
    for obj in objects:
        if is_switched_off(obj):
            results.append(obj)
            continue
        if wrong:
            raise failed(obj, f"envsubst error: {wrong}")
        result = substituted(obj, variables, strict=request.strict)
        results.append(result)
        if result != obj:
            known[_identity(obj)] -= 1
            known[_identity(result)] += 1
            if known[_identity(result)] > 1:
                raise BuildError(
                    f"in Replace: id matched {known[_identity(result)]} resources: after variable substitution"
                    f" {Ref.of(obj)} is called {Ref.of(result)}, and so is another object",
                    field="spec.postBuild",
                )
            warnings += filter(None, [describe_changes(obj, result)])
    return results, warnings


def _identity(obj: Object) -> tuple[str, str, str, str]:
    ref = Ref.of(obj)
    return ref.api_version, ref.kind, ref.namespace or "default", ref.name


def _is_applied(obj: Object) -> bool:
    """Tell whether the object goes to the cluster: kustomize's own configs don't, nor what lost its identity."""
    ref = Ref.of(obj)
    is_config = ref.kind.lower() == "kustomization" and ref.group == "kustomize.config.k8s.io"
    return bool(ref.name and ref.kind and ref.api_version) and not is_config
