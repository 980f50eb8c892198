"""Stores: what was acknowledged is there after a restart, and revisions can be looked back at."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fluvial.controlplane import MemoryStore, NewerStore, SqliteStore, StoreError
from fluvial.controlplane.errors import Compacted


def obj(name: str, **data: str) -> dict[str, Any]:
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name, "uid": name}, "data": data}


def names(entries: Any) -> list[str]:
    return [entry.name for entry in entries]


def test_entries_are_sorted_as_etcd_sorts_them() -> None:
    store = MemoryStore()
    for key in ("a-b/x", "a/y", "a/x", "b/x"):
        store.put("configmaps", key, obj(key.partition("/")[2]))
    assert [entry.key for entry in store.scan("configmaps")] == ["a-b/x", "a/x", "a/y", "b/x"]
    assert [entry.key for entry in store.scan("configmaps", "a")] == ["a/x", "a/y"]
    assert [entry.key for entry in store.scan("configmaps", "a", after="a/x")] == ["a/y"]
    assert store.count("configmaps", "a") == 2


def test_an_earlier_revision_can_be_listed_until_it_is_compacted() -> None:
    store = MemoryStore()
    for name in "abc":
        store.put("configmaps", f"n/{name}", obj(name, v="1"))
    then = store.revision
    store.put("configmaps", "n/a", obj("a", v="2"))
    store.delete("configmaps", "n/b")
    store.put("configmaps", "n/d", obj("d"))
    assert names(store.scan("configmaps", "n")) == ["a", "c", "d"]
    before = store.scan_at(then, "configmaps", "n")
    assert names(before) == ["a", "b", "c"]
    assert before[0].object()["data"] == {"v": "1"}
    store.compact()
    with pytest.raises(Compacted):
        store.scan_at(then, "configmaps", "n")


def test_a_log_that_grew_too_long_forgets_its_oldest_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluvial.controlplane.store.LOG_EVENTS", 8)
    store = MemoryStore()
    for number in range(30):
        store.put("configmaps", "n/a", obj("a", v=str(number)))
    log = store.log("configmaps")
    with pytest.raises(Compacted):
        log.position(2)
    assert len(log.read(log.position(store.revision - 5), 100)) == 5


def test_a_sqlite_store_is_there_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    store = SqliteStore(path)
    store.put("configmaps", "n/a", obj("a"))
    store.put("configmaps", "n/b", obj("b"))
    store.delete("configmaps", "n/a")
    revision = store.revision
    store.close()
    again = SqliteStore(path)
    assert names(again.scan("configmaps")) == ["b"]
    assert again.revision == revision
    with pytest.raises(Compacted):  # the log starts anew: older watches list again
        again.log("configmaps").position(revision - 1)
    assert again.log("configmaps").position(revision) == 0
    again.close()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    SqliteStore(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(NewerStore, match="written by a newer version"):
        SqliteStore(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (99,)
    connection.close()


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to look at", None])
def test_a_file_that_is_no_store_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "state.db"
    if content is not None:
        path.write_bytes(content)
    else:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE notes (text TEXT)")
        connection.close()
    with pytest.raises(StoreError):
        SqliteStore(str(path))


def test_a_store_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    store = SqliteStore(path)
    store.put("configmaps", "n/a", obj("a"))
    with pytest.raises(StoreError, match="locked"):
        SqliteStore(path)
    store.close()


WRITER = """
import sys
from fluvial.controlplane import SqliteStore
store = SqliteStore(sys.argv[1])
for number in range(100000):
    store.put("configmaps", f"n/{number}", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": str(number)}})
    print(number, flush=True)
"""


def test_every_acknowledged_write_survives_a_kill(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(200)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout.read().split()]
    writer.wait()
    writer.stdout.close()
    store = SqliteStore(path)
    assert {int(name) for name in names(store.scan("configmaps"))} >= set(acknowledged)
    store.close()
