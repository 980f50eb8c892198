"""`install`: the controllers into a cluster, or their manifests to standard output."""

import base64
import json
from typing import Any

from fluvial import __version__
from fluvial.cli import flags
from fluvial.cli.command import Command
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.rollout import rolled_out
from fluvial.cli.session import Session
from fluvial.install import (
    COMPONENTS,
    PLANNED,
    ClusterInfo,
    InstallError,
    Options,
    apply,
    cluster_info,
    render,
    render_text,
)
from fluvial.objects import Object

_LEVELS = ("debug", "info", "error")
_OWN = f"v{__version__}"


async def _run(session: Session, arguments: tuple[str, ...], **given: Any) -> None:
    export = bool(given["export"])
    credentials = _credentials(given["registry_creds"], given["image_pull_secret"])
    options = _options(session, given)
    say = session.say
    if export:
        session.print(render_text(options), end="")
        return
    say.generate("generating manifests")
    if session.globals.verbose:
        session.print(render_text(options), end="")
    say.success("manifests build completed")
    say.warning(f"not part of this version, and not installed: {', '.join(PLANNED)}")
    if not given["image"] and not given["registry"]:
        say.warning(
            f"no image is published: the nodes must have {options.image} (see deploy/Containerfile), or give --image"
        )
    say.action(f"installing components in {session.namespace} namespace")
    client = await session.client()
    info = await cluster_info(client)
    if info is not None:
        _agree(session, info, force=bool(given["force"]))
    try:
        outcomes = await apply(client, render(options), session.world.clock)
    except InstallError as error:
        raise Failure(f"install failed: {error}") from error
    session.print("\n".join(map(str, outcomes)))
    if credentials:
        say.action(f"generating image pull secret {options.image_pull_secret}")
        await _pull_secret(session, options, given["registry"], credentials)
    say.waiting("verifying installation")
    if not await rolled_out(session, options.components):
        raise Failure("install failed")
    say.success("install finished")


def _options(session: Session, given: dict[str, Any]) -> Options:
    if given["manifests"]:
        raise UsageFailure("--manifests is not supported: the manifests of this program are part of it")
    if given["version"] not in ("", _OWN):
        raise UsageFailure(
            f"targeted version '{given['version']}' is not supported: this program installs itself, {_OWN}"
        )
    image = given["image"] or f"fluvial:{_OWN}"
    try:
        return Options(
            version=_OWN,
            image=f"{given['registry'].rstrip('/')}/{image}" if given["registry"] else image,
            namespace=session.namespace,
            components=tuple(dict.fromkeys([*given["components"], *given["components_extra"]])),
            watch_all_namespaces=given["watch_all_namespaces"],
            network_policy=given["network_policy"],
            log_level=given["log_level"],
            cluster_domain=given["cluster_domain"],
            image_pull_secret=given["image_pull_secret"],
            toleration_keys=given["toleration_keys"],
        )
    except InstallError as error:
        raise UsageFailure(str(error)) from error


def _credentials(text: str, secret: str) -> tuple[str, str] | None:
    if not text:
        return None
    if not secret:
        raise UsageFailure("--registry-creds requires --image-pull-secret to be set")
    parts = text.split(":")
    if len(parts) != 2:
        raise UsageFailure("invalid --registry-creds format, expected 'user:password'")
    return parts[0], parts[1]


def _agree(session: Session, info: ClusterInfo, *, force: bool) -> None:
    """Name the installation that is there, and ask before another's is replaced.

    Raises:
        Failure: it is bootstrapped, or the answer is no.
    """
    if info.bootstrapped:
        raise Failure(
            f"this cluster has already been bootstrapped with Flux {info.version}! "
            "Please use 'flux bootstrap' to upgrade"
        )
    if info.is_fluvial or force:
        return
    version = info.version or "of an unknown version"
    if info.is_foreign:
        session.world.err.write(f"Flux {version} has been installed on this cluster with {info.managed_by}!\n")
        question = f"Are you sure you want to override the {info.managed_by} installation? Y/N"
    else:
        session.world.err.write(f"Flux {version} is installed on this cluster!\n")
        question = "Are you sure you want to replace its controllers by Fluvial's"
    session.confirm(question.removesuffix("? Y/N"), refusal="installation cancelled")


async def _pull_secret(session: Session, options: Options, registry: str, credentials: tuple[str, str]) -> None:
    user, password = credentials
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    host = registry.partition("/")[0]
    config = {"auths": {host: {"username": user, "password": password, "auth": token}}}
    secret: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": options.image_pull_secret, "namespace": options.namespace},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(json.dumps(config).encode()).decode()},
    }
    await (await session.client()).apply(secret, field_manager="flux", force=True)


command = Command(
    "install",
    "Install or upgrade Flux",
    _run,
    max_args=0,
    long="""The install command deploys the controllers in the specified namespace.
If a previous version is installed, then an in-place upgrade will be performed.

No container image is published: build your own from deploy/Containerfile and name it with --registry or --image.""",
    example="""
  # Install with an image of your own
  @ install --registry=registry.example.com/platform

  # Write install manifests to file
  @ install --export > flux-system.yaml
""",
    own=[
        flags.boolean("export", "write the install manifests to stdout and exit"),
        flags.text("version", f"toolkit version; only this program's own, {_OWN}", letter="v"),
        flags.strings("components", "list of components, accepts comma-separated values", COMPONENTS),
        flags.strings(
            "components-extra",
            "list of components in addition to those supplied or defaulted, accepts comma-separated values",
        ),
        flags.text("manifests", "path to the manifest directory", hidden=True),
        flags.text("registry", "container registry where your image is"),
        flags.text("image", f"name and tag of the image in the registry (default fluvial:{_OWN})"),
        flags.text(
            "registry-creds",
            "container registry credentials in the format 'user:password', requires --image-pull-secret to be set",
        ),
        flags.text(
            "image-pull-secret",
            "Kubernetes secret name used for pulling the toolkit images from a private registry",
        ),
        flags.boolean(
            "watch-all-namespaces",
            "watch for custom resources in all namespaces, if set to false it will only watch the namespace where the "
            "toolkit is installed",
            True,
        ),
        flags.choice(
            "log-level",
            "log level, available options are: (debug, info, error)",
            _LEVELS,
            lambda value: f"log level '{value}' is not supported, must be one of: {', '.join(_LEVELS)}",
            "info",
        ),
        flags.boolean(
            "network-policy",
            "deny ingress access to the toolkit controllers from other namespaces using network policies",
            True,
        ),
        flags.text("cluster-domain", "internal cluster domain", "cluster.local"),
        flags.strings(
            "toleration-keys",
            "list of toleration keys used to schedule the components pods onto nodes with matching taints",
        ),
        flags.boolean("force", "override an existing Flux installation without asking"),
    ],
)
