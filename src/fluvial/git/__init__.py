"""The only code that clones, verifies, commits and pushes.

A client of Git's protocol (version 2, version 0 where a server knows no other) over HTTP and SSH that works in memory:
no disk, no foreign program, no dumb HTTP, no `git://`. What is fetched is one commit and its tree, not a history.
Behaviour and message texts: fluxcd/pkg `git/gogit`. dulwich and asyncssh are at home here.

```python
async with connect(url, credentials, web=transport) as remote:
    found = await resolve(remote, GitReference(branch="main"))
    fetched = await fetch(remote, found)
```

Built so far: reading. Signatures, submodules, sparse checkouts, commits and pushes are not.
"""

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
from fluvial.git.protocol import RemoteRef
from fluvial.git.reference import Found, is_cheap
from fluvial.git.server import MemoryRepository, git_handler
from fluvial.git.session import Remote, connect, ls_remote
from fluvial.git.ssh import SshAlgorithms, is_encrypted

__all__ = [
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
    "Remote",
    "RemoteRef",
    "RepositoryNotFound",
    "Snapshot",
    "SshAlgorithms",
    "Unreachable",
    "connect",
    "fetch",
    "git_handler",
    "is_cheap",
    "is_encrypted",
    "ls_remote",
    "resolve",
]
