"""`tree`: what a Kustomization manages."""

import json

from fluvial.cli import flags, kinds
from fluvial.cli.command import Command, Group, unbuilt
from fluvial.cli.errors import UsageFailure
from fluvial.cli.fetch import fetch
from fluvial.cli.session import Session
from fluvial.insight import draw_tree, kustomization_tree, tree_as_data
from fluvial.yamldoc import dump


async def _run(session: Session, arguments: tuple[str, ...], compact: bool, output: str) -> None:
    if not arguments:
        raise UsageFailure("kustomization name is required")
    kustomization = await fetch(session, kinds.KUSTOMIZATION, arguments[0])
    node = await kustomization_tree(await session.client(), kustomization, compact=compact)
    if output == "json":
        session.print(json.dumps(tree_as_data(node), indent=2, ensure_ascii=False))
    elif output == "yaml":
        session.print(dump(tree_as_data(node)))
    else:
        session.print(draw_tree(node))


command = Group(
    "tree",
    "Print the resources reconciled by Flux",
    [
        Command(
            "kustomization",
            "Print the resource inventory of a Kustomization",
            _run,
            usage="[name]",
            aliases=("ks",),
            long="The tree command prints the resource list reconciled by a Kustomization.",
            example="""
  # Print the resources managed by the root Kustomization
  @ tree kustomization flux-system

  # Print the Flux resources managed by the root Kustomization
  @ tree kustomization flux-system --compact
""",
            own=[
                flags.boolean("compact", "list Flux resources only."),
                flags.text(
                    "output", "the format in which the tree should be printed. can be 'json' or 'yaml'", letter="o"
                ),
            ],
        ),
        unbuilt("artifact"),
    ],
    long="The tree command shows the list of resources reconciled by Flux.",
)
