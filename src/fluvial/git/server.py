"""A Git repository in memory and a handler that serves it: for `fluvial demo`, first looks and tests.

It is not a forge: it reads nothing from disk, keeps no history of references and takes no pushes. Objects and packs are
dulwich's, so that the client beside it is tested against another reading of the formats.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from dulwich.index import commit_tree
from dulwich.object_store import MemoryObjectStore
from dulwich.objects import Blob, Commit, ObjectID, Tag, Tree

from fluvial.git.serving import Advertised, serve_upload_pack
from fluvial.net import Handler, ServerRequest, ServerResponse
from fluvial.stdx import Clock

_BRANCHES = "refs/heads/"
_FILE, _EXECUTABLE = 0o100644, 0o100755
_AUTHOR = b"Fluvial <fluvial@localhost>"


class MemoryRepository:
    """A bare repository whose objects and references live in memory."""

    def __init__(self, clock: Clock, *, branch: str = "main") -> None:
        """`branch` is where HEAD points and where `commit` writes unless told otherwise."""
        self.store = MemoryObjectStore()
        self.head = _BRANCHES + branch
        self._clock = clock
        self._refs: dict[str, str] = {}
        self._files: dict[str, dict[bytes, tuple[int, ObjectID]]] = {}  # of each branch, flat

    @property
    def refs(self) -> Mapping[str, str]:
        """Object hashes by full reference name."""
        return self._refs

    def commit(
        self,
        files: Mapping[str, bytes | str | None],
        *,
        message: str,
        branch: str = "",
        executable: Iterable[str] = (),
        when: datetime | None = None,
        clear: bool = False,
    ) -> str:
        """Commit changes on top of a branch and return the commit's hash.

        Args:
            files: new content by path; None removes a file. Files that are not named stay, unless `clear`.
            branch: short name; made if it does not exist, from the default branch's commit if there is one.
            executable: paths among `files` that get the executable bit.
            when: of author and committer; the clock's present moment if absent.
        """
        name = _BRANCHES + branch if branch else self.head
        parent = self._refs.get(name) or self._refs.get(self.head, "")
        known = self._files.get(name) or self._files.get(self.head, {})
        content = {} if clear else dict(known)
        runnable = frozenset(executable)
        for path, data in files.items():
            key = path.encode()
            if data is None:
                content.pop(key, None)
                continue
            blob = Blob.from_string(data.encode() if isinstance(data, str) else data)
            self.store.add_object(blob)
            content[key] = (_EXECUTABLE if path in runnable else _FILE, blob.id)
        tree = commit_tree(self.store, [(path, sha, mode) for path, (mode, sha) in content.items()])
        self._files[name] = content
        self._refs[name] = self._add_commit(tree, parent, message, when or self._clock.now())
        return self._refs[name]

    def commit_tree(self, tree: str, *, message: str, branch: str = "") -> str:
        """Commit a tree object of the store as it is: for links, submodules and what else `commit` cannot make."""
        name = _BRANCHES + branch if branch else self.head
        parent = self._refs.get(name, "")
        self._refs[name] = self._add_commit(ObjectID(tree.encode()), parent, message, self._clock.now())
        return self._refs[name]

    def tag(self, name: str, target: str = "", *, message: str = "") -> str:
        """Tag a commit (HEAD's if none is given), annotated if there is a message. Returns what the tag points at."""
        target = target or self._refs[self.head]
        if message:
            tag = Tag()
            tag.name = name.encode()
            tag.object = (Commit, ObjectID(target.encode()))
            tag.message = message.encode()
            tag.tagger = _AUTHOR
            tag.tag_time = int(self._clock.now().timestamp())
            tag.tag_timezone = 0
            self.store.add_object(tag)
            target = tag.id.decode()
        self._refs["refs/tags/" + name] = target
        return target

    def set_ref(self, name: str, target: str) -> None:
        """Point a full reference name at an object, or delete it if `target` is ""."""
        if target:
            self._refs[name] = target
        else:
            self._refs.pop(name, None)
        self._files.pop(name, None)
        if name.startswith(_BRANCHES) and target:
            self._files[name] = dict(_flat(self.store, ObjectID(target.encode())))

    def _add_commit(self, tree: ObjectID, parent: str, message: str, when: datetime) -> str:
        commit = Commit()
        commit.tree = tree
        commit.parents = [ObjectID(parent.encode())] if parent else []
        commit.author = commit.committer = _AUTHOR
        commit.author_time = commit.commit_time = int(when.timestamp())
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = message.encode()
        self.store.add_object(commit)
        return commit.id.decode()


def git_handler(
    repositories: Mapping[str, MemoryRepository],
    *,
    allow: Callable[[ServerRequest], bool] | None = None,
    newest_protocol: int = 2,
) -> Handler:
    """Serve repositories over Git's smart HTTP at `/NAME` and `/NAME.git`.

    Args:
        repositories: by name; read at each request, so that one may appear or vanish.
        allow: says whether a request's credentials are good; a refusal is a 401.
        newest_protocol: 0 makes a server of the old days.
    """

    async def handle(request: ServerRequest) -> ServerResponse:
        if allow is not None and not allow(request):
            return _plain(401, "credentials are needed", {"WWW-Authenticate": 'Basic realm="git"'})
        name, tail = _split(request.path)
        repository = repositories.get(name) or repositories.get(name.removesuffix(".git"))
        if repository is None or not tail:
            return _plain(404, "Repository not found.")
        advertised = Advertised(repository.store, repository.refs, repository.head)
        return serve_upload_pack(request, tail, advertised, newest_protocol)

    return handle


def _split(path: str) -> tuple[str, str]:
    for tail in ("info/refs", "git-upload-pack", "git-receive-pack"):
        if path.endswith("/" + tail):
            return path[1 : -len(tail) - 1], tail
    return path[1:], ""


def _plain(status: int, text: str, headers: Mapping[str, str] | None = None) -> ServerResponse:
    return ServerResponse(status, {"Content-Type": "text/plain; charset=utf-8", **(headers or {})}, text.encode())


def _flat(
    store: MemoryObjectStore, commit: ObjectID, prefix: bytes = b""
) -> Iterable[tuple[bytes, tuple[int, ObjectID]]]:
    """Yield path, mode and blob of every file of a commit (or of a tree, when called for a folder)."""
    found = store[commit]
    tree = store[found.tree] if isinstance(found, Commit) else found
    if not isinstance(tree, Tree):
        return
    for path, mode, sha in tree.iteritems():
        if mode == 0o40000:
            yield from _flat(store, sha, prefix + path + b"/")
        else:
            yield prefix + path, (mode, sha)
