"""Single files by system path: a user's kubeconfig, a pod's token. They are named by a person, so links are
followed."""

import errno
import os
import stat

from fluvial.disk.root import FILE_MODE, DiskError, Root


def read_file(path: str, *, limit: int = 16 << 20) -> bytes:
    """Return the bytes of a file of at most `limit` bytes. Raises OSError; DiskError for what is no regular file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise DiskError(errno.EINVAL, "not a regular file", path)
    with os.fdopen(descriptor, "rb") as file:
        if found.st_size > limit:
            raise DiskError(errno.EFBIG, f"file of {found.st_size} bytes, more than the {limit} allowed", path)
        return file.read()


def write_private(path: str, data: bytes, *, mode: int = FILE_MODE) -> None:
    """Write a file for its owner alone, whole or not at all (fsync, rename, fsync of the folder)."""
    folder, name = os.path.split(os.path.abspath(path))
    with Root(folder) as root:
        root.write_atomic(name, data, mode=mode)


def exposed(path: str) -> str:
    """Tell in words why others can read or change a private file ("" = they can't): wrong owner, mode beyond 0600."""
    found = os.stat(path)
    if found.st_uid != os.geteuid():
        return f"{path} belongs to another user (uid {found.st_uid})"
    if found.st_mode & 0o077:
        return f"{path} is open to others (mode {stat.S_IMODE(found.st_mode):04o}); use chmod 600"
    return ""
