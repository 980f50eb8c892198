"""Commits, tags and folders out of raw objects. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from dulwich.objects import Commit as DulwichCommit

from fluvial.git.commit import Commit, Person, Snapshot
from fluvial.git.errors import ProtocolError
from fluvial.git.pack import BLOB, COMMIT, TAG, TREE, RawObject
from fluvial.stdx import Tree

_FOLDER, _LINK, _SUBMODULE = b"40000", b"120000", b"160000"
_MOST_NAME = 4096  # bytes of one path; longer ones fit no file system


class MissingObject(ProtocolError):
    """An object that the commit needs is neither in the pack nor known from before."""


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """Bounds of one checked-out tree: files, bytes of all files together, nested folders.

    They are beside the pack's bounds since one object may appear in a tree any number of times.
    """

    files: int
    size: int
    depth: int


def read_commit(name: str, reference: str, objects: Mapping[bytes, RawObject]) -> tuple[Commit, bytes]:
    """Return a commit and the name of its tree.

    Raises:
        ProtocolError: missing, no commit, or damaged.
    """
    kind, content = _need(objects, bytes.fromhex(name))
    if kind != COMMIT:
        raise ProtocolError(f"object {name} is not a commit")
    try:
        parsed = DulwichCommit.from_string(content)
        author = _person(parsed.author, parsed.author_time, parsed.author_timezone)
        committer = _person(parsed.committer, parsed.commit_time, parsed.commit_timezone)
        encoding = (parsed.encoding or b"utf-8").decode("ascii", "replace")
        tree = bytes.fromhex(parsed.tree.decode())
    except (ValueError, AssertionError, OverflowError, TypeError, AttributeError) as error:
        raise ProtocolError(f"commit {name} is damaged: {error}") from error
    try:
        message = parsed.message.decode(encoding, "replace")
    except LookupError:
        message = parsed.message.decode("utf-8", "replace")
    return Commit(name, reference, message, author, committer), tree


def peel(name: str, objects: Mapping[bytes, RawObject]) -> str:
    """Follow annotated tags to what they tag."""
    for _ in range(10):
        kind, content = _need(objects, bytes.fromhex(name))
        if kind != TAG:
            return name
        head = content[:47]
        if not head.startswith(b"object "):
            break
        name = head[7:47].decode("ascii", "replace")
    raise ProtocolError("a tag is damaged")


def read_tree(
    commit: str, root: bytes, objects: Mapping[bytes, RawObject], limits: TreeLimits
) -> tuple[Tree, Snapshot]:
    """Return the regular files below a tree object, and the objects that were needed for them.

    Links and submodules are left out; a name that would leave its folder is refused.

    Raises:
        MissingObject: an object is not there.
        ProtocolError: damaged, unsafe, or a limit passed.
    """
    used: dict[bytes, RawObject] = {}
    for name in (bytes.fromhex(commit), root):
        used[name] = _need(objects, name)
    files: dict[str, bytes] = {}
    executable: set[str] = set()
    size = 0
    for path, mode, name in _walk(root, objects, used, limits.depth):
        kind, content = used[name] = _need(objects, name)
        if kind != BLOB:
            raise ProtocolError(f"{path} is not a file object")
        size += len(content)
        if len(files) >= limits.files or size > limits.size:
            raise ProtocolError(
                f"the commit holds more than {limits.files} files or {limits.size} bytes, the most that is read"
            )
        if path in files:
            raise ProtocolError(f"the commit holds a path that is not safe: {path!r} is there twice")
        files[path] = content
        if mode == b"100755":
            executable.add(path)
    try:
        tree = Tree(files, frozenset(executable))
    except ValueError as error:
        raise ProtocolError(f"the commit holds a path that is not safe: {error}") from error
    return tree, Snapshot(commit, used, sum(len(content) for _, content in used.values()))


def _walk(
    root: bytes, objects: Mapping[bytes, RawObject], used: dict[bytes, RawObject], deepest: int
) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield path, mode and object name of every file, in no particular order."""
    folders: list[tuple[str, bytes, int]] = [("", root, 0)]
    seen = 0
    while folders:
        prefix, folder, depth = folders.pop()
        kind, content = used[folder] = _need(objects, folder)
        if kind != TREE:
            raise ProtocolError(f"{prefix or 'the root'} is not a folder object")
        for mode, name, target in _entries(content):
            path = prefix + _name(prefix, name)
            if mode == _FOLDER:
                seen += 1
                if depth >= deepest or len(path) > _MOST_NAME or seen > _MOST_FOLDERS:
                    raise ProtocolError(f"the folders of the commit are nested too deep or too many: {path[:200]}")
                folders.append((path + "/", target, depth + 1))
            elif mode not in (_LINK, _SUBMODULE):
                yield path, mode, target


_MOST_FOLDERS = 500_000  # a commit can name one folder object many times over


def _entries(tree: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield mode, name and object name of each entry of a tree object."""
    at, end = 0, len(tree)
    while at < end:
        nul = tree.find(b"\0", at)
        mode, space, name = tree[at:nul].partition(b" ")
        at = nul + 21
        if nul < 0 or not space or at > end:
            raise ProtocolError("a folder object is damaged")
        yield mode, name, tree[nul + 1 : at]


def _name(prefix: str, raw: bytes) -> str:
    if raw in (b"", b".", b"..") or b"/" in raw or raw.lower() == b".git":
        raise ProtocolError(f"the commit holds a path that is not safe: {prefix + raw.decode('utf-8', 'replace')!r}")
    return raw.decode("utf-8", "replace")


def _need(objects: Mapping[bytes, RawObject], name: bytes) -> RawObject:
    found = objects.get(name)
    if found is None:
        raise MissingObject(f"the server did not send object {name.hex()}")
    return found


def _person(raw: bytes, seconds: int, offset: int) -> Person:
    name, _, rest = raw.decode("utf-8", "replace").partition("<")
    when = datetime.fromtimestamp(seconds, timezone(timedelta(seconds=offset)))
    return Person(name.strip(), rest.partition(">")[0], when)
