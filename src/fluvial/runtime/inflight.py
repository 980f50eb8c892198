"""Which objects were being reconciled when the process died: the memory behind the poison rule (architecture §5.9)."""

from typing import Protocol

import msgspec

from fluvial.disk import DiskError, Root


class InFlight(Protocol):
    """Remembers across crashes. Names are the controller's ("kustomization/flux-system/apps")."""

    limit: int

    def crashes(self, name: str) -> int:
        """Return at how many crashes in a row `name` was in flight."""
        ...

    def begin(self, name: str) -> None:
        """A look at `name` begins; if the process dies before `end`, that counts against it."""
        ...

    def end(self, name: str) -> None:
        """The look is over, well or not: the process lives."""
        ...

    def forgive(self, name: str) -> None:
        """Forget the crashes of `name`."""
        ...


class NoInFlight:
    """Remembers nothing: no object is ever suspect."""

    limit = 3

    def crashes(self, name: str) -> int:
        return 0

    def begin(self, name: str) -> None:
        pass

    def end(self, name: str) -> None:
        pass

    def forgive(self, name: str) -> None:
        pass


class DiskInFlight:
    """Remembers in a small file, rewritten at each begin and end.

    Not fsynced: it must outlive the process, not the machine, whose death is nobody's fault.
    """

    limit = 3

    def __init__(self, root: Root, path: str = "in-flight.json") -> None:
        """Read the file of the process before; whoever it names was in flight when that process died.

        A file that cannot be read counts as none: it must never keep the controller from starting.
        """
        self._root = root
        self._path = path
        before = _read(root, path)
        self._counts = dict(before.suspects)
        for name in before.running:
            self._counts[name] = self._counts.get(name, 0) + 1
        self._running: set[str] = set()

    def crashes(self, name: str) -> int:
        return self._counts.get(name, 0)

    def begin(self, name: str) -> None:
        self._running.add(name)
        self._save()

    def end(self, name: str) -> None:
        self._running.discard(name)
        self._counts.pop(name, None)
        self._save()

    def forgive(self, name: str) -> None:
        if self._counts.pop(name, None) is not None:
            self._save()

    def _save(self) -> None:
        record = _Record(self._counts, sorted(self._running))
        self._root.write_atomic(self._path, msgspec.json.encode(record), durable=False)


class _Record(msgspec.Struct):
    suspects: dict[str, int]
    running: list[str]


def _read(root: Root, path: str) -> _Record:
    try:
        return msgspec.json.decode(root.read(path, limit=1 << 20), type=_Record)
    except (FileNotFoundError, DiskError, msgspec.DecodeError):
        return _Record({}, [])
