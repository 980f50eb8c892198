"""Files under a root that cannot be left: openat-style, fsync, locks, atomic rename.

`Root` is the only way to a folder's files; `read_file` and `write_private` are for the single files that a person names
(a kubeconfig). All calls block for the time of the disk and are short; nothing here is asynchronous.
"""

from fluvial.disk.private import exposed, read_file, write_private
from fluvial.disk.root import DiskError, Entry, Root, Usage

__all__ = ["DiskError", "Entry", "Root", "Usage", "exposed", "read_file", "write_private"]
