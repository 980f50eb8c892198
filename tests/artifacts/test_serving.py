"""The artifact server shows what is in storage, and nothing else."""

import asyncio
from pathlib import Path

import pytest

from fluvial.artifacts import artifact_handler
from fluvial.disk import Root
from fluvial.net import ServerRequest, ServerResponse


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    deep = root / "gitrepository" / "default" / "fleet"
    deep.mkdir(parents=True)
    (deep / "abc.tar.gz").write_bytes(b"0123456789")
    (deep / ".abc.tmp").write_bytes(b"half")
    (deep / "latest.tar.gz").symlink_to("abc.tar.gz")
    (deep / "out").symlink_to("/etc/passwd")
    (deep / "up").symlink_to("../../../../secret")
    (deep / "we <b>ird").write_bytes(b"x")
    (tmp_path / "secret").write_text("secret")
    return root


def ask(folder: Path, path: str, method: str = "GET", **headers: str) -> ServerResponse:
    with Root(str(folder)) as root:
        request = ServerRequest(method, path, headers={key.replace("_", "-"): value for key, value in headers.items()})
        return asyncio.run(artifact_handler(root)(request))  # type: ignore[arg-type]


FILE = "/gitrepository/default/fleet/abc.tar.gz"


def test_a_file_is_served_whole_or_in_part(folder: Path) -> None:
    whole = ask(folder, FILE)
    assert (whole.status, whole.body, whole.headers["Content-Type"]) == (200, b"0123456789", "application/x-gzip")
    for asked, status, body in (
        ("bytes=2-4", 206, b"234"),
        ("bytes=8-", 206, b"89"),
        ("bytes=-3", 206, b"789"),
        ("bytes=5-100", 206, b"56789"),
        ("bytes=20-", 416, b"invalid range\n"),
        ("lines=1-2", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
    ):
        reply = ask(folder, FILE, range=asked)
        assert (reply.status, reply.body) == (status, body), asked
    assert ask(folder, FILE, range="bytes=2-4").headers["Content-Range"] == "bytes 2-4/10"


def test_head_tells_the_length_alone(folder: Path) -> None:
    reply = ask(folder, FILE, "HEAD")
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, b"", "10")


def test_what_has_not_changed_is_not_sent_again(folder: Path) -> None:
    first = ask(folder, FILE)
    assert ask(folder, FILE, if_none_match=first.headers["ETag"]).status == 304
    assert ask(folder, FILE, if_modified_since=first.headers["Last-Modified"]).status == 304
    assert ask(folder, FILE, if_none_match='"other"').status == 200
    assert ask(folder, FILE, if_modified_since="Thu, 01 Jan 1970 00:00:00 GMT").status == 200
    assert ask(folder, FILE, if_modified_since="nonsense").status == 200


def test_a_link_is_followed_to_a_file_beside_it_only(folder: Path) -> None:
    assert ask(folder, "/gitrepository/default/fleet/latest.tar.gz").body == b"0123456789"
    assert ask(folder, "/gitrepository/default/fleet/out").status == 404
    assert ask(folder, "/gitrepository/default/fleet/up").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/gitrepository/default/fleet/nope",
        "/gitrepository/default/fleet/.abc.tmp",
        "/../secret",
        "/gitrepository/%2e%2e/%2e%2e/secret",
        "/gitrepository/..%2f..%2fsecret",
        "/a%00b",
        FILE + "/below",
        "//etc/passwd",
    ],
)
def test_nothing_outside_is_reached(folder: Path, path: str) -> None:
    reply = ask(folder, path)
    assert (reply.status, reply.body) == (404, b"404 page not found\n")


def test_folders_are_listed(folder: Path) -> None:
    reply = ask(folder, "/gitrepository/default/fleet/")
    assert isinstance(reply.body, bytes)
    text = reply.body.decode()
    assert '<a href="abc.tar.gz">abc.tar.gz</a>' in text
    assert '<a href="we%20%3Cb%3Eird">we &lt;b&gt;ird</a>' in text
    assert ".abc.tmp" not in text
    top = ask(folder, "/")
    assert isinstance(top.body, bytes)
    assert '<a href="gitrepository/">gitrepository/</a>' in top.body.decode()
    moved = ask(folder, "/gitrepository/default")
    assert (moved.status, moved.headers["Location"]) == (301, "default/")


def test_nothing_can_be_written(folder: Path) -> None:
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        assert ask(folder, FILE, method).status == 405
