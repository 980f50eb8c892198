"""What can go wrong on a connection, one class per reaction.

```
NetError
├── ConnectFailed   nothing reached the other side: repeating is safe
├── ReplyLost       the request may have been carried out: repeat only what is idempotent
├── TimedOut        `sent` tells which of the two it is
├── BadReply        the other side does not speak HTTP: repeating will not help
├── TooLarge        a limit of ours was passed: repeating will not help
└── Refused         a rule of ours forbids it (redirect, scheme, address): repeating will not help
```

No text of these errors holds a query string or the user part of a URL, since both carry credentials.
"""

from urllib.parse import urlsplit


class NetError(Exception):
    """The exchange failed.

    Attributes:
        sent: False when it is certain that the other side has not seen the request.
    """

    sent = True


class ConnectFailed(NetError):
    """No connection: name not found, refused, TLS not agreed, proxy said no. Nothing was sent."""

    sent = False


class ReplyLost(NetError):
    """The connection broke after the request had left and before the reply was complete."""


class TimedOut(NetError):
    """The request's own time is over."""

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class BadReply(NetError):
    """What came back is not HTTP/1.1."""


class TooLarge(NetError):
    """The reply is longer than the caller or the transport allows."""


class Refused(NetError):
    """A rule of this transport forbids the request or its redirect; nothing was sent to the refused place."""

    sent = False


def public_url(url: str) -> str:
    """Return `url` without user, password, query and fragment, fit for errors and logs."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
