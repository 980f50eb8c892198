"""Files under one folder, reached only through its descriptor: no path, link or race leads outside.

Every step of a path is opened with O_NOFOLLOW relative to the folder before it (openat), so a symbolic link anywhere in
a path is an error, not a way out. Paths are relative, "/"-separated, without empty, "." or ".." parts.
"""

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class DiskError(OSError):
    """A path that this root does not take: absolute, with "..", or through a link or a foreign file type."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder found by `walk`."""

    path: str
    size: int  # bytes
    modified: float  # seconds since the epoch
    is_folder: bool
    is_link: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """How full the file system under a root is; bytes."""

    total: int
    free: int


class Root:
    """A folder as the whole world. Open until `close`; usable as a context manager."""

    def __init__(self, path: str, *, create: bool = True, private: bool = False) -> None:
        """Open the folder at `path`, a path of the system.

        Args:
            create: make it (and its parents) with mode 0700 if it is missing.
            private: refuse a link, and a folder that is another user's or that others may write to; for folders in
                places like /tmp.
        Raises:
            OSError: it can't be opened or made, or is no folder; DiskError for what `private` refuses.
        """
        if create:
            os.makedirs(path, FOLDER_MODE, exist_ok=True)
        self.path = path
        try:
            self._descriptor = os.open(path, _FOLDER_FLAGS if private else _FOLDER_FLAGS & ~os.O_NOFOLLOW)
        except OSError as error:
            if private and error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise DiskError(error.errno, "a link or a file where a private folder is needed", path) from error
            raise
        found = os.fstat(self._descriptor)
        if private and (found.st_uid != os.geteuid() or found.st_mode & 0o022):
            self.close()
            raise DiskError(errno.EPERM, "this folder is another user's, or others may write to it", path)

    def close(self) -> None:
        """Give the descriptor back. Repeatable."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, path: str, *, limit: int = 1 << 30) -> bytes:
        """Return a regular file's bytes.

        Raises:
            FileNotFoundError: there is none.
            DiskError: the path leads through a link, is no regular file, or the file is longer than `limit` bytes.
        """
        with self._parent(path) as (folder, name):
            descriptor = _open_file(folder, name, os.O_RDONLY, path)
            with os.fdopen(descriptor, "rb") as file:
                size = os.fstat(descriptor).st_size
                if size > limit:
                    raise DiskError(errno.EFBIG, f"file of {size} bytes, more than the {limit} allowed", path)
                return file.read()

    def write_atomic(
        self, path: str, data: bytes, *, mode: int = FILE_MODE, modified: float | None = None, durable: bool = True
    ) -> None:
        """Write the file whole or not at all; it is fsynced, its folder too, so that it would survive a power cut.

        Missing folders are made with mode 0700.

        Args:
            modified: seconds since the epoch, for callers whose clock is not the system's.
            durable: False fsyncs nothing: the file survives this process, but not a power cut.
        """
        with self._parent(path, create=True) as (folder, name):
            temporary = f".{name}.{secrets.token_hex(6)}.tmp"
            descriptor = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=folder
            )
            try:
                with os.fdopen(descriptor, "wb") as file:
                    os.fchmod(descriptor, mode)
                    file.write(data)
                    file.flush()
                    if modified is not None:
                        os.utime(descriptor, (modified, modified))
                    if durable:
                        os.fsync(descriptor)
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                _unlink_if_there(folder, temporary)
                raise
            if durable:
                os.fsync(folder)

    def append(self, path: str, data: bytes) -> None:
        """Add to the end of a file, made if missing, without fsync: for journals that only outlive the process."""
        with self._parent(path, create=True) as (folder, name):
            descriptor = _open_file(folder, name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, path)
            with os.fdopen(descriptor, "ab", buffering=0) as file:
                file.write(data)

    def link(self, path: str, target: str) -> None:
        """Make or atomically replace a symbolic link at `path` to `target`, a bare file name in the same folder.

        `read` does not follow it; it is for people and for servers that list the folder.
        """
        _parts(target)
        if "/" in target:
            raise DiskError(errno.EINVAL, "a link may only name a file beside it", target)
        with self._parent(path, create=True) as (folder, name):
            temporary = f".{name}.{secrets.token_hex(6)}.tmp"
            os.symlink(target, temporary, dir_fd=folder)
            try:
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                _unlink_if_there(folder, temporary)
                raise
            os.fsync(folder)

    def read_link(self, path: str) -> str:
        """Return what a link names. Raises FileNotFoundError, or DiskError where `path` is no link."""
        with self._parent(path) as (folder, name):
            try:
                return os.readlink(name, dir_fd=folder)
            except OSError as error:
                if error.errno == errno.EINVAL:
                    raise DiskError(errno.EINVAL, "not a link", path) from error
                raise

    def stat(self, path: str) -> Entry | None:
        """Return what is at `path` (a link itself, not its target), or None."""
        try:
            with self._parent(path) as (folder, name):
                return _entry(path, os.stat(name, dir_fd=folder, follow_symlinks=False))
        except FileNotFoundError:
            return None

    def make_folder(self, path: str) -> None:
        """Make a folder and its parents, mode 0700. One that is there is not an error."""
        with self._folder(_parts(path), create=True):
            pass

    def delete(self, path: str) -> bool:
        """Remove a file or link, and tell whether there was one. A folder is an error (`delete_tree`)."""
        try:
            with self._parent(path) as (folder, name):
                os.unlink(name, dir_fd=folder)
                os.fsync(folder)
                return True
        except FileNotFoundError:
            return False

    def delete_tree(self, path: str) -> bool:
        """Remove a folder and all in it, links unfollowed, and tell whether there was one."""
        try:
            with self._parent(path) as (folder, name):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    _delete_folder(folder, name)
                else:
                    os.unlink(name, dir_fd=folder)
                os.fsync(folder)
                return True
        except FileNotFoundError:
            return False

    def listdir(self, path: str = "") -> list[str]:
        """Return the sorted names in a folder ("" = the root). Raises FileNotFoundError or NotADirectoryError."""
        with self._folder(_parts(path) if path else []) as folder:
            return sorted(os.listdir(folder))

    def walk(self, path: str = "", *, limit: int = 0) -> Iterator[Entry]:
        """Yield everything under a folder, sorted by name, folders before what they hold, links unfollowed.

        `limit` ends the walk after so many entries (0 = never). What vanishes meanwhile is left out.
        """
        count = 0
        pending = [path]
        while pending:
            folder_path = pending.pop()
            entries = self._entries(folder_path)
            for entry in entries:
                yield entry
                count += 1
                if limit and count >= limit:
                    return
            pending += [entry.path for entry in reversed(entries) if entry.is_folder]

    def usage(self) -> Usage:
        """Return how full the file system is."""
        found = os.fstatvfs(self._descriptor)
        return Usage(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)

    @contextmanager
    def lock(self, path: str) -> Iterator[None]:
        """Hold an exclusive lock on the file at `path`, made if missing and left behind.

        Raises:
            BlockingIOError: another process (or another holder in this one) has it.
        """
        with self._parent(path, create=True) as (folder, name):
            descriptor = _open_file(folder, name, os.O_RDWR | os.O_CREAT, path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(descriptor)

    def _entries(self, path: str) -> list[Entry]:
        try:
            with self._folder(_parts(path) if path else []) as folder:
                found = []
                for name in sorted(os.listdir(folder)):
                    full = f"{path}/{name}" if path else name
                    try:
                        found.append(_entry(full, os.stat(name, dir_fd=folder, follow_symlinks=False)))
                    except FileNotFoundError:
                        continue
                return found
        except FileNotFoundError:
            return []

    @contextmanager
    def _parent(self, path: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        """Open the folder that holds `path`; yields its descriptor and the last name."""
        *folders, name = _parts(path)
        with self._folder(folders, create=create) as folder:
            yield folder, name

    @contextmanager
    def _folder(self, parts: list[str], *, create: bool = False) -> Iterator[int]:
        if self._descriptor < 0:
            raise ValueError("this root is closed")
        descriptor = os.dup(self._descriptor)
        try:
            for part in parts:
                below = _open_folder(descriptor, part, create)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    if "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise DiskError(errno.EINVAL, "not a plain relative path", path)
    return parts


def _open_folder(parent: int, name: str, create: bool) -> int:
    try:
        return os.open(name, _FOLDER_FLAGS, dir_fd=parent)
    except FileNotFoundError:
        if not create:
            raise
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise DiskError(error.errno, "a link or a file where a folder is needed", name) from error
        raise
    try:
        os.mkdir(name, FOLDER_MODE, dir_fd=parent)
        os.fsync(parent)
    except FileExistsError:
        pass  # made by somebody else in between; the open below judges it
    return os.open(name, _FOLDER_FLAGS, dir_fd=parent)


def _open_file(folder: int, name: str, flags: int, path: str) -> int:
    try:
        # O_NONBLOCK: a FIFO in the place of a file must not make us wait for its writer.
        descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, FILE_MODE, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR):
            raise DiskError(error.errno, "not a regular file", path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DiskError(errno.EINVAL, "not a regular file", path)
    return descriptor


def _delete_folder(parent: int, name: str) -> None:
    descriptor = os.open(name, _FOLDER_FLAGS, dir_fd=parent)
    try:
        for inner in os.listdir(descriptor):
            if stat.S_ISDIR(os.stat(inner, dir_fd=descriptor, follow_symlinks=False).st_mode):
                _delete_folder(descriptor, inner)
            else:
                os.unlink(inner, dir_fd=descriptor)
    finally:
        os.close(descriptor)
    os.rmdir(name, dir_fd=parent)


def _unlink_if_there(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _entry(path: str, found: os.stat_result) -> Entry:
    return Entry(path, found.st_size, found.st_mtime, stat.S_ISDIR(found.st_mode), stat.S_ISLNK(found.st_mode))
