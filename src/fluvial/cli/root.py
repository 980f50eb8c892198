"""The tree of commands: names, one line each, and the modules that hold them."""

from collections.abc import Mapping

from fluvial.cli import flags
from fluvial.cli.command import Child, Group, unbuilt
from fluvial.cli.globals import global_flags

_LONG = "Command line utility for assembling Kubernetes CD pipelines the GitOps way."

_EXAMPLE = """
  # A control plane and the controllers in this process, and a fleet that they keep in sync
  @ demo

  # Check prerequisites
  @ check --pre

  # Create a source for a public Git repository
  @ create source git webapp-latest \\
    --url=https://github.com/stefanprodan/podinfo \\
    --branch=master \\
    --interval=3m

  # List GitRepository sources and their status
  @ get sources git

  # Create a Kustomization for deploying a series of microservices
  @ create kustomization webapp-dev \\
    --source=webapp-latest \\
    --path="./deploy/webapp/" \\
    --prune=true \\
    --interval=5m

  # Trigger a git sync of the Kustomization's source and apply changes
  @ reconcile kustomization webapp-dev --with-source

  # Ask for the one cause why something is not as it should be
  @ why kustomization/webapp-dev
"""

_CHILDREN = (
    Child("alias", "Install a flux command that runs this program", "fluvial.cli.alias"),
    Child("build", "Build a flux resource", "fluvial.cli.build"),
    Child("check", "Check requirements and installation", "fluvial.cli.check"),
    Child("completion", "Generates completion scripts for various shells", "fluvial.cli.completion"),
    Child("controller", "Run a controller", "fluvial.cli.controller"),
    Child("create", "Create or update sources and resources", "fluvial.cli.create"),
    Child("debug", "Debug a flux resource", "fluvial.cli.debug"),
    Child("delete", "Delete sources and resources", "fluvial.cli.delete"),
    Child("demo", "Show the main job as it happens, in this process", "fluvial.cli.demo"),
    Child("diff", "Diff a flux resource", "fluvial.cli.diff"),
    Child("envsubst", "envsubst substitutes the values of environment variables", "fluvial.cli.envsubst"),
    Child("events", "Display Kubernetes events for Flux resources", "fluvial.cli.events"),
    Child("export", "Export resources in YAML format", "fluvial.cli.export"),
    Child("get", "Get the resources and their status", "fluvial.cli.get"),
    Child("install", "Install or upgrade Flux", "fluvial.cli.install"),
    Child("kustomize", "Build a kustomization without a cluster", "fluvial.cli.kustomize"),
    Child("logs", "Display formatted logs for Flux components", "fluvial.cli.logs"),
    Child("reconcile", "Reconcile sources and resources", "fluvial.cli.reconcile"),
    Child("resume", "Resume suspended resources", "fluvial.cli.suspend", "resume"),
    Child("stats", "Stats of Flux reconciles", "fluvial.cli.stats"),
    Child("suspend", "Suspend resources", "fluvial.cli.suspend", "suspend"),
    Child("trace", "Trace in-cluster objects throughout the GitOps delivery pipeline", "fluvial.cli.trace"),
    Child("tree", "Print the resources reconciled by Flux", "fluvial.cli.tree"),
    Child("uninstall", "Uninstall Flux and its custom resource definitions", "fluvial.cli.uninstall"),
    Child("up", "Run an API server and all controllers in this process", "fluvial.cli.up"),
    Child("version", "Print the client and server-side components version information.", "fluvial.cli.version"),
    Child("why", "Name the one cause why an object is not as it should be", "fluvial.cli.why"),
    *(unbuilt(name) for name in ("bootstrap", "list", "migrate", "plugin", "pull", "push", "tag", "trigger")),
    Child("__complete", "Answer a shell that asks for completions", "fluvial.cli.complete", hidden=True),
)


def make_root(environ: Mapping[str, str]) -> Group:
    """Return the root command; the environment may change the default of `--namespace`."""
    version = flags.boolean("version", "version for this command", letter="v")
    return Group(
        "fluvial",
        "Command line utility for assembling Kubernetes CD pipelines",
        _CHILDREN,
        long=_LONG,
        example=_EXAMPLE,
        shared=global_flags(environ),
        own=[version],
    )
