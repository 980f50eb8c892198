"""A GitRepository to a commit and its files (source-controller `gitrepository_controller.go`, `reconcileSource`)."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from fluvial.api import (
    GitCredentials,
    GitRepository,
    InvalidObject,
    Reason,
    git_credentials,
    normal_revision,
    secret_data,
)
from fluvial.git import (
    Commit,
    EmptyRepository,
    Found,
    GitError,
    Limits,
    RefNotFound,
    Remote,
    Snapshot,
    SshAlgorithms,
    connect,
    fetch,
    is_cheap,
    is_encrypted,
    resolve,
)
from fluvial.kube import Client, KubeError
from fluvial.sources.errors import SourceFailure
from fluvial.sources.web import Web
from fluvial.stdx import Tree, Workers
from fluvial.stdx.ignore import apply_ignore

_GITHUB_APP_ID = "githubAppID"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The reference still leads to the commit that was seen last; no file was fetched."""

    found: Found


@dataclass(frozen=True, slots=True)
class Checkout:
    """A commit and its files.

    Attributes:
        tree: after the ignore rules of the repository and of `spec.ignore`.
        received: bytes of the pack that came over the wire.
    """

    found: Found
    commit: Commit
    tree: Tree
    snapshot: Snapshot
    received: int


async def git_secret(client: Client, source: GitRepository) -> GitCredentials:
    """Read the credentials that `spec.secretRef` and `spec.url` give.

    Raises:
        SourceFailure: Secret missing, unreadable, or not fit for the transport.
    """
    data = await _secret(client, source) if source.secret_name else {}
    where = f"{source.ref.namespace}/{source.secret_name}"
    try:
        credentials = git_credentials(source.url, data)
        _check_port(source.url)
    except InvalidObject as error:
        raise SourceFailure(
            Reason.AUTHENTICATION_FAILED, f"failed to configure authentication options: {error.problem}"
        ) from error
    except ValueError as error:  # from the URL's parts
        raise SourceFailure(
            Reason.URL_INVALID, f"failed to parse url '{_without_user(source.url)}': {error}", stalls=True
        ) from error
    if credentials.transport == "ssh" and not credentials.password and is_encrypted(credentials.identity):
        raise SourceFailure(
            Reason.AUTHENTICATION_FAILED,
            f"SSH identity key is encrypted but no 'password' field was provided in the secret '{where}'",
        )
    if data.get(_GITHUB_APP_ID):
        raise SourceFailure(
            Reason.INVALID_PROVIDER_CONFIGURATION,
            f"secretRef '{where}' has github app data but provider is not set to github",
        )
    return credentials


def _check_port(url: str) -> None:
    try:
        _ = urlsplit(url).port
    except ValueError:  # whose text would quote what may be part of a password
        raise ValueError("invalid port after host") from None


async def _secret(client: Client, source: GitRepository) -> dict[str, bytes]:
    namespace, name = source.ref.namespace, source.secret_name
    try:
        secret = await client.get("v1", "Secret", namespace, name)
        if secret is not None:
            return secret_data(secret)
        problem = f'secrets "{name}" not found'
    except (KubeError, InvalidObject) as error:
        problem = str(error)
    # Flux's controller wraps the text twice.
    said = f"failed to get secret '{namespace}/{name}': "
    raise SourceFailure(Reason.AUTHENTICATION_FAILED, said + said + problem)


async def checkout(
    source: GitRepository,
    credentials: GitCredentials,
    *,
    web: Web,
    ssh: SshAlgorithms,
    seen: str = "",
    known: Snapshot | None = None,
    limits: Limits | None = None,
    workers: Workers | None = None,
) -> Unchanged | Checkout:
    """Look where `spec.ref` leads and fetch the commit, within `spec.timeout`.

    Args:
        seen: the revision of the artifact in storage: when the reference still leads there, nothing is fetched (Flux
            fetches commits and version ranges all the same). "" fetches in any case.
        known: the outcome of the fetch before.
    Raises:
        SourceFailure: what goes into `FetchFailed`.
    """
    listing = bool(source.reference.name) or (bool(seen) and is_cheap(source.reference))
    try:
        async with (
            asyncio.timeout(source.timeout),
            web.carry(credentials) as transport,
            connect(source.url, credentials, web=transport, ssh=ssh) as remote,
        ):
            found = await _resolve(remote, source, listing)
            if seen and found.revision == normal_revision(seen):
                await remote.hello()  # a pinned commit is found without asking; that its home is there must be seen
                return Unchanged(found)
            listing = False
            fetched = await fetch(remote, found, known=known, limits=limits, workers=workers)
    except TimeoutError as error:
        raise _failure(source, listing, "context deadline exceeded") from error
    except (GitError, ValueError) as error:
        raise _failure(source, listing, error) from error
    tree = apply_ignore(fetched.tree, source.ignore)
    return Checkout(found, fetched.commit, tree, fetched.snapshot, fetched.received)


async def _resolve(remote: Remote, source: GitRepository, listing: bool) -> Found:
    try:
        return await resolve(remote, source.reference)
    except EmptyRepository as error:
        reference = source.reference
        if listing or reference.tag or reference.semver:
            raise
        raise SourceFailure(Reason.EMPTY_GIT_REPOSITORY, "git repository is empty") from error


def _failure(source: GitRepository, listing: bool, error: Exception | str) -> SourceFailure:
    """Say what went wrong as Flux does: where depends on whether it was listing or cloning."""
    text, url = str(error), _without_user(source.url)
    if isinstance(error, EmptyRepository) and not listing:
        text = f"unable to clone: {text}: git repository: '{url}'"
    elif not isinstance(error, RefNotFound) or text.startswith("couldn't find remote ref"):
        text = f"{'unable to list remote for' if listing else 'unable to clone'} '{url}': {text}"
    return SourceFailure(Reason.GIT_OPERATION_FAILED, f"failed to checkout and determine revision: {text}")


def _without_user(url: str) -> str:
    """Return the URL without a password in it; Flux shows it."""
    scheme, _, rest = url.partition("://")
    head, slash, tail = rest.partition("/")
    return f"{scheme}://{head.rpartition('@')[2]}{slash}{tail}"
