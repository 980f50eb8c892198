"""What can keep a question about a fleet from being answered.

InsightError
├── UnknownKind   the question names a kind that the server does not have
├── TraceError    the chain from an object to its source is broken, or Flux does not manage the object
└── TreeError     something that an inventory names is gone or unreadable
"""


class InsightError(Exception):
    """A question that cannot be answered; the text says why, in the user's words."""
