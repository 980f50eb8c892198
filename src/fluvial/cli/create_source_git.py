"""`create source git`: a GitRepository, and the Secret with its credentials."""

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fluvial.cli import flags, kinds
from fluvial.cli.command import Command
from fluvial.cli.create import object_name, read_labels, skeleton, upsert, wait_ready
from fluvial.cli.errors import Failure, UsageFailure
from fluvial.cli.manifest import document, exported
from fluvial.cli.session import Session
from fluvial.gotext import format_duration
from fluvial.objects import Object, dig

_PROVIDERS = ("generic", "github", "aws", "azure")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitFlags:
    """What was asked for; empty = not given. Fields are named as the flags."""

    interval: float
    export: bool
    label: tuple[str, ...]
    fetch_timeout: float
    url: str
    branch: str
    tag: str
    tag_semver: str
    ref_name: str
    commit: str
    username: str
    password: str
    ssh_key_algorithm: str
    ssh_rsa_bits: int
    ssh_ecdsa_curve: str
    secret_ref: str
    proxy_secret_ref: str
    provider: str
    ca_file: str
    private_key_file: str
    recurse_submodules: bool
    silent: bool
    ignore_paths: tuple[str, ...]
    sparse_checkout_paths: tuple[str, ...]


async def _run(session: Session, arguments: tuple[str, ...], **given: Any) -> None:
    name = object_name(arguments)
    asked = GitFlags(**given)
    scheme = _check(asked)
    spec = make_spec(asked)
    obj = skeleton(session, kinds.GIT_REPOSITORY, name, read_labels(asked.label), spec)
    if asked.export:
        session.print(document(exported(obj)), end="")
        return
    say = session.say
    say.generate("generating GitRepository source")
    if not asked.secret_ref:
        secret = _secret(session, name, scheme, asked)
        if secret:
            say.action("applying secret with repository credentials")
            await _upsert_secret(session, secret)
            spec["secretRef"] = {"name": name}
            say.success("authentication configured")
    say.action("applying GitRepository source")
    await upsert(session, kinds.GIT_REPOSITORY, obj, "GitRepository source")
    say.waiting("waiting for GitRepository source reconciliation")
    ready = await wait_ready(session, kinds.GIT_REPOSITORY, name)
    say.success("GitRepository source reconciliation completed")
    revision = dig(ready, "status", "artifact", "revision", default="")
    if not revision:
        raise Failure("GitRepository source reconciliation completed but no artifact was found")
    say.success(f"fetched revision: {revision}")


def _check(asked: GitFlags) -> str:
    """Return the URL's scheme.

    Raises:
        UsageFailure: what was asked for makes no GitRepository.
    """
    if not asked.url:
        raise UsageFailure("url is required")
    scheme = urlsplit(asked.url).scheme
    if scheme not in ("ssh", "http", "https"):
        raise UsageFailure(f"git URL scheme '{scheme}' not supported, can be: ssh, http and https")
    if not (asked.branch or asked.tag or asked.tag_semver or asked.commit or asked.ref_name):
        raise UsageFailure(
            "a Git ref is required, use one of the following: --branch, --tag, --commit, --ref-name or --tag-semver"
        )
    if asked.ca_file and scheme == "ssh":
        raise UsageFailure("specifying a CA file is not supported for Git over SSH")
    return scheme


def make_spec(asked: GitFlags) -> Object:
    """Return `spec` of the GitRepository that was asked for; of several refs the most exact one holds."""
    spec: Object = {"interval": format_duration(asked.interval), "ref": _reference(asked), "url": asked.url}
    if asked.fetch_timeout > 0:
        spec["timeout"] = format_duration(asked.fetch_timeout)
    if asked.recurse_submodules:
        spec["recurseSubmodules"] = True
    if asked.ignore_paths:
        spec["ignore"] = "\n".join(asked.ignore_paths)
    if asked.sparse_checkout_paths:
        spec["sparseCheckout"] = list(asked.sparse_checkout_paths)
    if asked.secret_ref:
        spec["secretRef"] = {"name": asked.secret_ref}
    if asked.proxy_secret_ref:
        spec["proxySecretRef"] = {"name": asked.proxy_secret_ref}
    if asked.provider:
        spec["provider"] = asked.provider
    return spec


def _reference(asked: GitFlags) -> Object:
    if asked.commit:
        return {"branch": asked.branch, "commit": asked.commit} if asked.branch else {"commit": asked.commit}
    if asked.ref_name:
        return {"name": asked.ref_name}
    if asked.tag_semver:
        return {"semver": asked.tag_semver}
    if asked.tag:
        return {"tag": asked.tag}
    return {"branch": asked.branch}


def _secret(session: Session, name: str, scheme: str, asked: GitFlags) -> Object | None:
    """Return the Secret with the credentials given as flags, or None without any."""
    if scheme == "ssh":
        raise Failure(
            "making SSH keys and a Secret for them is not supported yet: make the Secret "
            "(keys identity, identity.pub, known_hosts) and name it with --secret-ref"
        )
    if scheme == "http":
        session.say.warning("insecure configuration: credentials configured for an HTTP URL")
    text: dict[str, bytes] = {}
    if asked.username and asked.password:
        text = {"username": asked.username.encode(), "password": asked.password.encode()}
    if asked.ca_file and scheme == "https":
        text["ca.crt"] = _read(session, asked.ca_file)
    if not text:
        return None
    data = {key: base64.b64encode(value).decode() for key, value in text.items()}
    metadata = {"name": name, "namespace": session.namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data, "type": "Opaque"}


def _read(session: Session, path: str) -> bytes:
    try:
        return session.path(path).read_bytes()
    except OSError as error:
        raise Failure(f"unable to read TLS CA file: {error}") from error


async def _upsert_secret(session: Session, secret: Object) -> None:
    client = await session.client()
    existing = await client.get("v1", "Secret", session.namespace, secret["metadata"]["name"])
    if existing is None:
        await client.create(secret, field_manager="flux")
    else:
        await client.update({**existing, "data": secret["data"]})


def _wrong_provider(value: str) -> str:
    return f"source Git provider '{value}' is not supported, must be one of: {'|'.join(_PROVIDERS)}"


def _one_of(name: str, what: str, options: tuple[str, ...], default: str, text: str) -> flags.Flag:
    return flags.choice(
        name,
        text,
        options,
        lambda value: f"{what} '{value}' is not supported, must be one of: {', '.join(options)}",
        default,
    )


command = Command(
    "git",
    "Create or update a GitRepository source",
    _run,
    usage="[name]",
    long="The create source git command generates a GitRepository resource and waits for it to sync.\n"
    "For private Git repositories, the basic authentication credentials are stored in a Kubernetes secret.",
    example="""
  # Create a source from a public Git repository master branch
  @ create source git podinfo \\
    --url=https://github.com/stefanprodan/podinfo \\
    --branch=master

  # Create a source from a public Git repository tag that matches a semver range
  @ create source git podinfo \\
    --url=https://github.com/stefanprodan/podinfo \\
    --tag-semver=">=3.2.0 <3.3.0"

  # Create a source for a Git repository using basic authentication
  @ create source git podinfo \\
    --url=https://github.com/stefanprodan/podinfo \\
    --branch=master \\
    --username=username \\
    --password=password
""",
    own=[
        flags.text("url", "git address, e.g. ssh://git@host/org/repository"),
        flags.text("branch", "git branch"),
        flags.text("tag", "git tag"),
        flags.text("tag-semver", "git tag semver range"),
        flags.text("ref-name", "git reference name"),
        flags.text("commit", "git commit"),
        flags.text("username", "basic authentication username", letter="u"),
        flags.text("password", "basic authentication password", letter="p"),
        _one_of(
            "ssh-key-algorithm",
            "SSH public key algorithm",
            ("rsa", "ecdsa", "ed25519"),
            "ecdsa",
            "SSH public key algorithm",
        ),
        flags.integer("ssh-rsa-bits", "SSH RSA public key bit size (multiplies of 8)", 2048),
        _one_of(
            "ssh-ecdsa-curve",
            "SSH ECDSA public key curve",
            ("p256", "p384", "p521"),
            "p384",
            "SSH ECDSA public key curve",
        ),
        flags.text(
            "secret-ref",
            "the name of an existing secret containing SSH or basic credentials or github app authentication",
        ),
        flags.text("proxy-secret-ref", "the name of an existing secret containing the proxy address and credentials"),
        flags.choice("provider", "the Git provider name", _PROVIDERS, _wrong_provider),
        flags.text("ca-file", "path to TLS CA file used for validating self-signed certificates"),
        flags.text(
            "private-key-file",
            "path to a passwordless private key file used for authenticating to the Git SSH server",
        ),
        flags.boolean(
            "recurse-submodules",
            "when enabled, configures the GitRepository source to initialize and include Git submodules in the "
            "artifact "
            "it produces",
        ),
        flags.boolean("silent", "assumes the deploy key is already setup, skips confirmation", letter="s"),
        flags.strings(
            "ignore-paths",
            "set paths to ignore in git resource (can specify multiple paths with commas: path1,path2)",
        ),
        flags.strings(
            "sparse-checkout-paths",
            "set paths to sparse checkout in git resource (can specify multiple paths with commas: path1,path2)",
        ),
    ],
)
