"""`controller source|kustomize`: one controller as a process of its own, against any cluster."""

from typing import Any

from fluvial.cli.command import Command, Group
from fluvial.cli.controller_flags import (
    kustomize_flags,
    process_flags,
    read_process,
    read_settings,
    source_flags,
)
from fluvial.cli.session import Session


async def _source(session: Session, arguments: tuple[str, ...], **given: Any) -> None:
    from fluvial.cli.process import run_source
    from fluvial.controllers.source import Settings

    environ = session.world.environ
    settings = Settings(**read_settings("source", given, environ))
    await run_source(session, settings, read_process(given, environ, source=True))


async def _kustomize(session: Session, arguments: tuple[str, ...], **given: Any) -> None:
    from fluvial.cli.process import run_kustomize
    from fluvial.controllers.kustomize import Settings

    environ = session.world.environ
    settings = Settings(**read_settings("kustomize", given, environ))
    await run_kustomize(session, settings, read_process(given, environ, source=False))


command = Group(
    "controller",
    "Run a controller",
    [
        Command(
            "source",
            "Run source-controller",
            _source,
            max_args=0,
            long="Runs source-controller with Flux's flags, in a pod or against a kubeconfig, until it is stopped.",
            example="""
  # Against the current kubeconfig, with artifacts under ./data
  @ controller source --storage-path=./data --storage-addr=127.0.0.1:9790 --metrics-addr=0 --health-addr=0
""",
            own=[*source_flags(), *process_flags()],
            endless=True,
            fast_loop=True,
        ),
        Command(
            "kustomize",
            "Run kustomize-controller",
            _kustomize,
            max_args=0,
            long="Runs kustomize-controller with Flux's flags, in a pod or against a kubeconfig, until it is stopped.",
            example="""
  # Against the current kubeconfig, with a source-controller on this machine
  SOURCE_CONTROLLER_LOCALHOST=127.0.0.1:9790 @ controller kustomize --metrics-addr=0 --health-addr=0
""",
            own=[*kustomize_flags(), *process_flags()],
            endless=True,
            fast_loop=True,
        ),
    ],
    long="The controller sub-commands run one controller each, as the Deployments of `install` do.",
)
