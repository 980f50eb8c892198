"""`kustomize build`: what `kustomize build DIR` prints, without the binary and without a cluster."""

from fluvial.cli import flags
from fluvial.cli.command import Command, Group
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.localfiles import read_tree
from fluvial.cli.session import Session
from fluvial.kustomize import KustomizeError, Options, build, render

_RESTRICTIONS = ("LoadRestrictionsRootOnly", "LoadRestrictionsNone")


def _run(session: Session, arguments: tuple[str, ...], load_restrictor: str, output: str) -> int:
    if len(arguments) > 1:
        raise UsageFailure("specify one path to kustomization.yaml")
    folder = session.path(arguments[0] if arguments else ".")
    if not folder.is_dir():
        raise UsageFailure(f"'{folder}' doesn't exist or is not a directory")
    tree, path = read_tree(folder)
    options = Options(order="legacy", root_only=load_restrictor == _RESTRICTIONS[0], keep_built_in_schema=False)
    try:
        text = render(build(tree, path, options=options))
    except KustomizeError as error:
        raise Failure(str(error)) from error
    if output:
        session.path(output).write_text(text)
    else:
        session.print(text, end="")
    return 0


command = Group(
    "kustomize",
    "Build a kustomization without a cluster",
    [
        Command(
            "build",
            "Print what kustomize builds from a folder",
            _run,
            usage="DIR",
            long="The build command prints what `kustomize build` prints for the folder, with our own engine.",
            own=[
                flags.choice(
                    "load-restrictor",
                    "if set to LoadRestrictionsNone, files outside of the folder may be used",
                    _RESTRICTIONS,
                    lambda value: f"illegal flag value --load-restrictor {value}; legal values: {list(_RESTRICTIONS)}",
                    _RESTRICTIONS[0],
                ),
                flags.text("output", "If specified, write output to this path.", letter="o"),
            ],
        )
    ],
    long="Commands of kustomize that need no cluster.",
)
