"""The only code that clones, verifies, commits and pushes.

A client of Git's protocol (version 2, version 0 where a server knows no other) over HTTP and SSH that works in memory:
no disk, no foreign program, no dumb HTTP, no `git://`. What is fetched is one commit and its tree, not a history.
Behaviour and message texts: fluxcd/pkg `git/gogit`. dulwich and asyncssh are at home here.

```python
async with connect(url, auth, web=transport) as remote:
    found = await resolve(remote, Reference(branch="main"))
    fetched = await fetch(remote, found)
```

Built so far: reading. Signatures, submodules, sparse checkouts, commits and pushes are not.
"""

from fluvial.git.auth import Auth, SshAlgorithms
from fluvial.git.client import Limits, fetch, resolve
from fluvial.git.commit import Commit, Fetched, Person, Snapshot
from fluvial.git.errors import (
    AuthenticationFailed,
    EmptyRepository,
    GitError,
    ProtocolError,
    RefNotFound,
    RepositoryNotFound,
    Unreachable,
)
from fluvial.git.reference import Found, Reference
from fluvial.git.server import MemoryRepository, git_handler
from fluvial.git.session import Remote, RemoteRef, connect, ls_remote

__all__ = [
    "Auth",
    "AuthenticationFailed",
    "Commit",
    "EmptyRepository",
    "Fetched",
    "Found",
    "GitError",
    "Limits",
    "MemoryRepository",
    "Person",
    "ProtocolError",
    "RefNotFound",
    "Reference",
    "Remote",
    "RemoteRef",
    "RepositoryNotFound",
    "Snapshot",
    "SshAlgorithms",
    "Unreachable",
    "connect",
    "fetch",
    "git_handler",
    "ls_remote",
    "resolve",
]
