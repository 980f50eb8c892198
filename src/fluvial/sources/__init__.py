"""Turns each source kind into a revision and a tree of files.

So far: GitRepository. What a source holds is decided here (credentials, reference, ignore rules); when to look, where
to keep it and what to tell is its controller's.
"""

from fluvial.sources.errors import SourceFailure
from fluvial.sources.git import Checkout, Unchanged, checkout, git_secret
from fluvial.sources.snapshots import Snapshots
from fluvial.sources.web import Web

__all__ = ["Checkout", "Snapshots", "SourceFailure", "Unchanged", "Web", "checkout", "git_secret"]
