"""A store in one SQLite file.

Reads are answered from memory; each write is one transaction, durable before it is acknowledged against a kill of the
process (write-ahead log, `synchronous=NORMAL`), and consistent, at worst a few writes behind, after a loss of power.
The log of events is not kept: after a restart older watches get 410 and list again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from bisect import insort

import msgspec

from fluvial.controlplane.errors import NewerStore, StoreError
from fluvial.controlplane.store import Entry, Event, MemoryStore

# Each step leads from the version of its index to the next. Never change one that was released: add another.
_MIGRATIONS = (
    """
    CREATE TABLE objects (
        resource TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL, data BLOB NOT NULL,
        PRIMARY KEY (resource, key)
    ) WITHOUT ROWID;
    CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL);
    INSERT INTO counter VALUES (1, 1);
    """,
)
VERSION = len(_MIGRATIONS)
_APPLICATION = 0x666C7576  # "fluv", tells our files from other SQLite files


class SqliteStore(MemoryStore):
    """A store that outlives the process. One process at a time may open a file."""

    def __init__(self, path: str) -> None:
        """Open or make the file.

        Raises:
            NewerStore: a newer version wrote it; it was not touched.
            StoreError: it is no store of ours, damaged, or open in another process.
        """
        super().__init__()
        self.path = path
        self._connection: sqlite3.Connection | None = None
        try:
            # Secrets lie in it: nobody else may read it, also while SQLite makes it.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=1.0)
            self._prepare(self._connection)
            self._load(self._connection)
        except (OSError, sqlite3.Error, msgspec.DecodeError) as error:
            self.close()
            raise StoreError(f"{path}: {error}") from error
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):  # what was acknowledged is in the write-ahead log
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()
            self._connection = None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != _APPLICATION and (tables or version):
            raise StoreError(f"{self.path}: this is not a control plane's data")
        if version > VERSION:
            raise NewerStore(
                f"{self.path}: written by a newer version (schema {version}, this one knows up to {VERSION});"
                " use that version, or another folder"
            )
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        for step in range(version, VERSION):
            connection.executescript(
                f"BEGIN IMMEDIATE; {_MIGRATIONS[step]} PRAGMA application_id={_APPLICATION};"
                f" PRAGMA user_version={step + 1}; COMMIT;"
            )

    def _load(self, connection: sqlite3.Connection) -> None:
        (self.revision,) = connection.execute("SELECT revision FROM counter").fetchone()
        self._compacted = self.revision
        for resource, key, revision, data in connection.execute("SELECT resource, key, revision, data FROM objects"):
            shelf = self._shelf(resource)
            insort(shelf.keys, key)
            shelf.entries[key] = Entry(key, revision, data, msgspec.json.decode(data))

    def _persist(self, event: Event) -> None:
        connection = self._connection
        if connection is None:
            raise StoreError(f"{self.path}: the store is closed")
        entry = event.entry
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                if event.change == "DELETED":
                    connection.execute("DELETE FROM objects WHERE resource=? AND key=?", (event.resource, entry.key))
                else:
                    connection.execute(
                        "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)",
                        (event.resource, entry.key, entry.revision, entry.data),
                    )
                connection.execute("UPDATE counter SET revision=?", (event.revision,))
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}") from error
