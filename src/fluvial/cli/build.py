"""`build kustomization`: the manifests that the controller would apply, from local files."""

from pathlib import Path
from typing import Any

from fluvial.cli import flags
from fluvial.cli.command import Command, Group, unbuilt
from fluvial.cli.errors import UsageFailure
from fluvial.cli.flags import Flag
from fluvial.cli.localbuild import LocalBuild, build_local, is_kustomization, is_same
from fluvial.cli.session import Session
from fluvial.objects import Object
from fluvial.yamldoc import dump


async def _run(session: Session, arguments: tuple[str, ...], **given: Any) -> None:
    dry_run = given.pop("dry_run")
    wanted = read_flags(session, arguments, given)
    if dry_run and wanted.file is None:
        raise UsageFailure("dry-run mode requires a kustomization file")
    objects = await _build(session, LocalBuild(**{**_fields(wanted), "dry_run": dry_run, "may_be_new": False}))
    session.print("".join(f"{dump(obj)}---\n" for obj in objects), end="")


def _fields(wanted: LocalBuild) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in LocalBuild.__dataclass_fields__}


async def _build(session: Session, wanted: LocalBuild) -> list[Object]:
    """Build a Kustomization and, if asked, the Kustomizations in it, their objects after its own."""
    result = await build_local(session, wanted)
    objects = list(result.objects)
    if wanted.recursive:
        for obj in result.objects:
            if is_kustomization(obj) and not is_same(obj, result.kustomization):
                objects += await _build(session, wanted.child(obj))
    return objects


def read_flags(session: Session, arguments: tuple[str, ...], given: dict[str, Any]) -> LocalBuild:
    """Return the build that `build` or `diff` was asked for.

    Raises:
        UsageFailure: the name or the path is missing, or a path leads nowhere.
    """
    if not arguments:
        raise UsageFailure("kustomization name is required")
    if not given["path"] or not session.path(given["path"]).is_dir():
        raise UsageFailure(f'invalid resource path "{given["path"]}"')
    file: Path | None = None
    if given["kustomization_file"]:
        file = session.path(given["kustomization_file"])
        if not file.exists() or file.is_dir():
            raise UsageFailure(f'invalid kustomization file "{given["kustomization_file"]}"')
    return LocalBuild(
        name=arguments[0],
        namespace=session.namespace,
        path=session.path(given["path"]),
        file=file,
        ignore=given["ignore_paths"],
        strict=given["strict_substitute"],
        recursive=given["recursive"],
        local_sources={source: session.path(path) for source, path in given["local_sources"].items()},
        may_be_new=given.get("ignore_not_found", False),
    )


def shared_flags(path_text: str, verb: str) -> list[Flag]:
    """Return the flags that `build kustomization` and `diff kustomization` have in common."""
    return [
        flags.text("path", path_text),
        flags.text("kustomization-file", "Path to the Flux Kustomization YAML file."),
        flags.strings("ignore-paths", "set paths to ignore in .gitignore format"),
        flags.boolean(
            "strict-substitute",
            "When enabled, the post build substitutions will fail if a var without a default value is declared in "
            "files but is missing from the input vars.",
        ),
        flags.boolean("recursive", f"Recursively {verb} Kustomizations", letter="r"),
        flags.pairs("local-sources", "Comma-separated list of repositories in format: Kind/namespace/name=path"),
        flags.boolean("in-memory-build", "accepted for flux's sake: every build is in memory"),
    ]


command = Group(
    "build",
    "Build a flux resource",
    [
        Command(
            "kustomization",
            "Build Kustomization",
            _run,
            aliases=("ks",),
            long="""The build command queries the Kubernetes API and fetches the specified Flux Kustomization.
It then builds the local files pointed at by --path as its controller would, and writes the resulting multi-doc YAML
to stdout. Nothing is written to the folder.

It is possible to specify a Flux kustomization file using --kustomization-file.""",
            example="""
  # Build the local manifests as they were built on the cluster
  @ build kustomization my-app --path ./path/to/local/manifests

  # Build in dry-run mode without connecting to the cluster.
  # Note that variable substitutions from Secrets and ConfigMaps are skipped in dry-run mode.
  @ build kustomization my-app --path ./path/to/local/manifests \\
    --kustomization-file ./path/to/local/my-app.yaml \\
    --dry-run
""",
            own=[*shared_flags("Path to the manifests location.", "build"), flags.boolean("dry-run", "Dry run mode.")],
        ),
        unbuilt("artifact"),
    ],
    long="The build command is used to build flux resources.",
)
