"""Git over real HTTP and HTTPS on loopback: TLS, client certificates, redirects, and Git's own programs."""

import asyncio
import os
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme

from fluvial.api import GitReference, git_credentials
from fluvial.git import (
    AuthenticationFailed,
    Fetched,
    MemoryRepository,
    RefNotFound,
    RepositoryNotFound,
    Snapshot,
    Unreachable,
    connect,
    fetch,
    git_handler,
    resolve,
)
from fluvial.net import (
    Handler,
    Server,
    ServerRequest,
    ServerResponse,
    Transport,
    WebTransport,
    make_client_tls,
    make_server_tls,
    serve,
)
from tests.git.world import TickingClock, repository

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="the git command is not installed")


def run(
    test: Callable[[Server, MemoryRepository], Awaitable[None]],
    *,
    tls: ssl.SSLContext | None = None,
    around: Callable[[Handler], Handler] = lambda handler: handler,
    protocol: int = 2,
) -> None:
    async def main() -> None:
        git = repository()
        git.commit({"a.yaml": "x: 1\n"}, message="one")
        server = await serve(around(git_handler({"fleet": git}, newest_protocol=protocol)), tls=tls)
        try:
            await test(server, git)
        finally:
            await server.close()

    asyncio.run(main())


async def get(url: str, web: Transport, known: Snapshot | None = None, **reference: str) -> Fetched:
    """Resolve and fetch in a conversation of its own."""
    async with connect(url, git_credentials(url), web=web) as remote:
        return await fetch(remote, await resolve(remote, GitReference(**reference)), known=known)


async def get_main(url: str, tls: ssl.SSLContext | None = None, **secret: bytes) -> Fetched:
    """Fetch the branch main over a transport of its own."""
    web = WebTransport(tls=tls)
    try:
        async with connect(url, git_credentials(url, secret), web=web) as remote:
            return await fetch(remote, await resolve(remote, GitReference(branch="main")))
    finally:
        await web.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA, *, clients: bool = False) -> ssl.SSLContext:
    issued = authority.issue_cert("127.0.0.1", "localhost")
    return make_server_tls(
        certificate=b"".join(each.bytes() for each in issued.cert_chain_pems),
        key=issued.private_key_pem.bytes(),
        client_ca=authority.cert_pem.bytes() if clients else b"",
    )


@pytest.mark.parametrize("protocol", [2, 0])
def test_a_commit_is_fetched_over_a_socket(protocol: int) -> None:
    async def test(server: Server, git: MemoryRepository) -> None:
        git.commit({f"dir{n}/file.yaml": f"{n}\n" * 3000 for n in range(100)}, message="many")
        got = await get_main(f"{server.url}/fleet.git")
        assert len(got.tree) == 101

    run(test, protocol=protocol)


def test_a_private_authority_must_be_given(authority: trustme.CA) -> None:
    async def test(server: Server, git: MemoryRepository) -> None:
        url = f"{server.url}/fleet"
        with pytest.raises(Unreachable, match=r"(?i)certificate"):
            await get_main(url)
        trusting = make_client_tls(ca=authority.cert_pem.bytes())
        assert dict((await get_main(url, trusting)).tree) == {"a.yaml": b"x: 1\n"}

    run(test, tls=server_tls(authority))


def test_a_client_certificate_is_shown(authority: trustme.CA) -> None:
    async def test(server: Server, git: MemoryRepository) -> None:
        url = f"{server.url}/fleet"
        ca = authority.cert_pem.bytes()
        with pytest.raises(AuthenticationFailed, match="authorization failed: show a certificate"):
            await get_main(url, make_client_tls(ca=ca))
        issued = authority.issue_cert("fluvial@client.test")
        certificate = b"".join(each.bytes() for each in issued.cert_chain_pems)
        tls = make_client_tls(ca=ca, certificate=certificate, key=issued.private_key_pem.bytes())
        assert (await get_main(url, tls)).commit.message == "one"

    def around(handler: Handler) -> Handler:
        async def answer(request: ServerRequest) -> ServerResponse:
            if not request.certificate:
                return ServerResponse(403, {"Content-Type": "text/plain"}, b"show a certificate")
            return await handler(request)

        return answer

    run(test, tls=server_tls(authority, clients=True), around=around)


def test_a_redirect_is_followed_for_the_whole_conversation() -> None:
    seen: list[str] = []

    def around(handler: Handler) -> Handler:
        async def answer(request: ServerRequest) -> ServerResponse:
            seen.append(f"{request.method} {request.path}")
            if request.path.startswith("/old/"):
                query = f"?{request.query}" if request.query else ""
                return ServerResponse(301, {"Location": request.path.replace("/old/", "/") + query})
            return await handler(request)

        return answer

    async def test(server: Server, git: MemoryRepository) -> None:
        assert (await get_main(f"{server.url}/old/fleet")).commit.message == "one"
        assert seen == [
            "GET /old/fleet/info/refs",
            "GET /fleet/info/refs",
            "POST /fleet/git-upload-pack",
            "POST /fleet/git-upload-pack",
        ]

    run(test, around=around)


def test_credentials_do_not_follow_a_redirect_to_another_server() -> None:
    async def main() -> None:
        seen: list[str | None] = []
        git = repository()
        git.commit({"a.yaml": "1"}, message="one")
        inner = git_handler({"fleet": git})

        async def other(request: ServerRequest) -> ServerResponse:
            seen.append(request.headers.get("authorization"))
            return await inner(request)

        async def first(request: ServerRequest) -> ServerResponse:
            seen.append(request.headers.get("authorization"))
            return ServerResponse(302, {"Location": f"{elsewhere.url}{request.path}?{request.query}"})

        elsewhere = await serve(other)
        here = await serve(first)
        try:
            await get_main(f"{here.url}/fleet", username=b"me", password=b"secret")
        finally:
            await here.close()
            await elsewhere.close()
        assert seen == ["Basic bWU6c2VjcmV0", None, None, None]

    asyncio.run(main())


def git_command(*arguments: str, cwd: Path | None = None) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.test", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_git
@pytest.mark.parametrize("protocol", ["2", "0"])
def test_the_git_command_clones_fetches_and_lists_what_we_serve(protocol: str, tmp_path: Path) -> None:
    async def test(server: Server, git: MemoryRepository) -> None:
        async def call(*arguments: str) -> str:
            return await asyncio.to_thread(git_command, "-c", f"protocol.version={protocol}", *arguments)

        git.tag("v1", message="a tag")
        for number in range(5):
            git.commit({f"dir/{number}.yaml": f"{number}\n" * 500}, message=f"commit {number}")
        url = f"{server.url}/fleet.git"
        assert "refs/tags/v1^{}" in await call("ls-remote", url)
        whole, shallow = str(tmp_path / "whole"), str(tmp_path / "shallow")
        await call("clone", "-q", url, whole)
        assert (await call("-C", whole, "log", "--format=%s")).split("\n")[0] == "commit 4"
        await call("clone", "-q", "--depth", "1", url, shallow)
        assert (await call("-C", shallow, "rev-list", "--count", "HEAD")).strip() == "1"
        git.commit({"dir/new.yaml": "new"}, message="later")
        for clone in (whole, shallow):
            await call("-C", clone, "pull", "-q")
            await call("-C", clone, "fsck", "--strict", "--no-dangling")
            assert (Path(clone) / "dir/new.yaml").read_text() == "new"

    run(test)


class Bridge:
    """`git http-backend` behind a handler: the reference server."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def __call__(self, request: ServerRequest) -> ServerResponse:
        return await asyncio.to_thread(self._answer, request)

    def _answer(self, request: ServerRequest) -> ServerResponse:
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self._root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(["git", "http-backend"], input=request.body, env=env, capture_output=True, check=False)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        return ServerResponse(status, headers, body)


@needs_git
@pytest.mark.parametrize("version", [2, 0])
def test_what_the_git_command_serves_is_read_first_whole_and_then_by_what_changed(version: int, tmp_path: Path) -> None:
    work, bare = tmp_path / "work", tmp_path / "fleet.git"
    git_command("init", "-q", str(work))
    for number in range(200):
        path = work / f"apps/a{number % 50}/file{number}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"name: {number}\n" * 100)
    (work / "run.sh").write_text("#!/bin/sh\n")
    (work / "run.sh").chmod(0o755)
    (work / "link").symlink_to("run.sh")

    def commit(message: str) -> str:
        git_command("add", "-A", cwd=work)
        git_command("commit", "-qm", message, cwd=work)
        git_command("push", "-q", str(bare), "HEAD:main", cwd=work)
        return git_command("rev-parse", "HEAD", cwd=work).strip()

    git_command("init", "-q", "--bare", str(bare))
    first = commit("one")

    def files() -> dict[str, bytes]:
        names = git_command("ls-files", "-z", cwd=work).rstrip("\0").split("\0")
        return {name: (work / name).read_bytes() for name in names if not (work / name).is_symlink()}

    async def main() -> None:
        bridge = Bridge(tmp_path)

        async def answer(request: ServerRequest) -> ServerResponse:
            if version == 0:
                headers = {key: value for key, value in request.headers.items() if key != "git-protocol"}
                request = ServerRequest(request.method, request.path, request.query, headers, request.body)
            return await bridge(request)

        server, web = await serve(answer), WebTransport()
        url = f"{server.url}/fleet.git"
        try:
            whole = await get(url, web, branch="main")
            assert dict(whole.tree) == files()
            assert whole.tree.executable == {"run.sh"}
            (work / "apps/a7/file7.yaml").write_text("changed\n")
            (work / "apps/a8/file8.yaml").unlink()
            (work / "apps/new.yaml").write_text("name: 3\n" * 99)
            git_command("tag", "-am", "release", "v1.0.0", cwd=work)
            commit("two")
            git_command("push", "-q", "--tags", str(bare), cwd=work)
            changed = await get(url, web, whole.snapshot, branch="main")
            assert dict(changed.tree) == files()
            if version == 2:
                assert changed.received < 1500 < whole.received
            assert (await get(url, web, commit=first)).tree == whole.tree
            assert (await get(url, web, semver=">=1.0.0")).tree == whole.tree
            with pytest.raises(RefNotFound):
                await get(url, web, commit="1" * 40)
            with pytest.raises(RepositoryNotFound):
                await get(f"{server.url}/nothing.git", web, branch="main")
        finally:
            await web.close()
            await server.close()

    asyncio.run(main())


def test_a_memory_repository_can_be_read_by_dulwich(tmp_path: Path) -> None:
    """The objects that demo and tests serve are sound to another implementation, too."""
    git = MemoryRepository(TickingClock())
    commit = git.commit({"a/b": "x"}, message="one")
    found = git.store[commit.encode()]  # type: ignore[index]
    found.check()
    git.store[found.tree].check()  # type: ignore[attr-defined]
