"""`envsubst`: post-build substitution on standard input, with the environment's variables."""

from fluvial.build import lookup_in, substitute
from fluvial.cli import flags
from fluvial.cli.command import Command
from fluvial.cli.errors import Failure
from fluvial.cli.session import Session


def _run(session: Session, arguments: tuple[str, ...], strict: bool) -> int:
    lookup = lookup_in(session.world.environ, strict=strict)
    for line in session.world.inp:
        try:
            session.print(substitute(line.rstrip("\n"), lookup))
        except ValueError as error:
            raise Failure(str(error)) from error
    return 0


command = Command(
    "envsubst",
    "envsubst substitutes the values of environment variables",
    _run,
    max_args=0,
    long="""The envsubst command substitutes the values of environment variables
in the string piped as standard input and writes the result to the standard output. This command can be used
to replicate the behavior of the Flux Kustomization post-build substitutions.""",
    example="""
  # Run env var substitutions on the kustomization build output
  export cluster_region=eu-central-1
  kustomize build . | @ envsubst

  # Run env var substitutions and error out if a variable is not set
  kustomize build . | @ envsubst --strict
""",
    own=[
        flags.boolean(
            "strict",
            "fail if a variable without a default value is declared in the input but is missing from the environment",
        )
    ],
)
