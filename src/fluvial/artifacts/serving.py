"""The artifact server: static files and listings, no credentials, no TLS, as in Flux."""

import hashlib
import html
import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote, unquote

from fluvial.disk import DiskError, Entry, Root
from fluvial.net import Handler, ServerRequest, ServerResponse

_TYPES = {".gz": "application/x-gzip", ".tgz": "application/x-gzip", ".yaml": "application/yaml"}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


def artifact_handler(root: Root) -> Handler:
    """Serve the files of a storage root, and listings of its folders, to GET and HEAD.

    One link is followed, to a file beside it (`latest.tar.gz`). Files under way, whose names begin with a dot, are not
    shown.
    """

    async def handle(request: ServerRequest) -> ServerResponse:
        if request.method not in ("GET", "HEAD"):
            return _plain(405, "method not allowed", {"Allow": "GET, HEAD"})
        reply = _answer(root, request)
        if request.method == "HEAD" and isinstance(reply.body, bytes):
            headers = {"Content-Length": str(len(reply.body)), **reply.headers}
            return ServerResponse(reply.status, headers)
        return reply

    return handle


def _answer(root: Root, request: ServerRequest) -> ServerResponse:
    path = unquote(request.path).strip("/")
    if any(part.startswith(".") for part in path.split("/")):
        return _plain(404, "404 page not found")
    try:
        entry = root.stat(path) if path else Entry("", 0, 0.0, is_folder=True, is_link=False)
        if entry is not None and entry.is_link:
            path = f"{path.rpartition('/')[0]}/{root.read_link(path)}"
            entry = root.stat(path)
        if entry is None or entry.is_link:
            return _plain(404, "404 page not found")
        if entry.is_folder:
            return _listing(root, request, path)
        if _unchanged(request, entry):
            return ServerResponse(304, _headers(entry))
        return _file(root.read(path), request, entry)
    except (FileNotFoundError, NotADirectoryError, DiskError):
        return _plain(404, "404 page not found")


def _file(data: bytes, request: ServerRequest, entry: Entry) -> ServerResponse:
    headers = _headers(entry)
    wanted = _RANGE.match(request.headers.get("range", ""))
    if wanted is None or wanted.groups() == ("", ""):
        return ServerResponse(200, headers, data)
    first, last = wanted.groups()
    start = int(first) if first else max(len(data) - int(last), 0)
    end = min(int(last) + 1, len(data)) if first and last else len(data)
    if start >= end:
        return _plain(416, "invalid range", {"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
    return ServerResponse(206, headers, data[start:end])


def _listing(root: Root, request: ServerRequest, path: str) -> ServerResponse:
    if not request.path.endswith("/"):
        return ServerResponse(301, {"Location": quote(path.rpartition("/")[2]) + "/"})
    rows = []
    for name in root.listdir(path):
        if name.startswith("."):
            continue
        entry = root.stat(f"{path}/{name}" if path else name)
        shown = name + "/" if entry is not None and entry.is_folder else name
        rows.append(f'<a href="{quote(shown)}">{html.escape(shown)}</a>\n')
    body = '<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n' + "".join(rows) + "</pre>\n"
    return ServerResponse(200, {"Content-Type": "text/html; charset=utf-8"}, body.encode())


def _headers(entry: Entry) -> dict[str, str]:
    dot = entry.path.rfind(".")
    kind = _TYPES.get(entry.path[dot:], "application/octet-stream")
    return {
        "Content-Type": kind,
        "Last-Modified": format_datetime(datetime.fromtimestamp(int(entry.modified), UTC), usegmt=True),
        "ETag": _tag(entry),
        "Accept-Ranges": "bytes",
    }


def _tag(entry: Entry) -> str:
    seen = f"{entry.path} {entry.size} {entry.modified}".encode()
    return f'"{hashlib.sha256(seen).hexdigest()[:32]}"'


def _unchanged(request: ServerRequest, entry: Entry) -> bool:
    if (tags := request.headers.get("if-none-match")) is not None:
        return _tag(entry) in tags
    if (since := request.headers.get("if-modified-since")) is None:
        return False
    try:
        return int(entry.modified) <= parsedate_to_datetime(since).timestamp()
    except ValueError:
        return False


def _plain(status: int, text: str, headers: dict[str, str] | None = None) -> ServerResponse:
    return ServerResponse(
        status, {"Content-Type": "text/plain; charset=utf-8", **(headers or {})}, text.encode() + b"\n"
    )
