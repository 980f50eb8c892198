"""What can go wrong with a remote repository, one class per reaction.

```
GitError
├── AuthenticationFailed   wait for other credentials (or another known_hosts)
├── RepositoryNotFound     wait for the repository, or for its right to be seen
├── RefNotFound            wait for the branch, tag or commit
├── EmptyRepository        wait for the first commit
├── Unreachable            the network or the server: try again
└── ProtocolError          the answer is not Git's, or passes a limit of ours: trying again will hardly help
```

Texts are go-git's where Flux shows them, since alerts match on them. No text holds a credential.
"""


class GitError(Exception):
    """The remote repository could not be read."""


class AuthenticationFailed(GitError):
    """The server refused the credentials, or the server is not the one that the credentials name."""


class RepositoryNotFound(GitError):
    """There is no such repository; several hosts say so for private ones when credentials lack, too."""


class RefNotFound(GitError):
    """The branch, tag, reference name, version range or commit matches nothing in the repository."""


class EmptyRepository(GitError):
    """The repository has no references at all."""


class Unreachable(GitError):
    """No connection, a connection that broke, or a server error (5xx)."""


class ProtocolError(GitError):
    """The server's answer breaks the protocol, carries wrong hashes, or is larger than the limits."""
