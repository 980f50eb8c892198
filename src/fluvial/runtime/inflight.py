"""Which objects were being reconciled when the process died: the memory behind `Controller`'s poison rule."""

from contextlib import suppress
from typing import Protocol

from fluvial.disk import DiskError, Root

_LINES = 10_000  # after which the journal is written anew


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
    """Remembers in a small journal: a line for each begin and end, behind lines that count the suspects.

    Not fsynced: it must outlive the process, not the machine, whose death is nobody's fault.

    ```
    =2 kustomization/flux-system/apps      in flight at two crashes in a row
    + kustomization/flux-system/apps       a look began
    - kustomization/flux-system/apps       and ended
    ```
    """

    limit = 3

    def __init__(self, root: Root, path: str = "in-flight.journal") -> None:
        """Read the journal of the process before; whoever had begun and not ended was in flight when it died.

        What cannot be read counts as nothing: it must never keep the controller from starting.
        """
        self._root = root
        self._path = path
        self._counts, running = _replay(root, path)
        for name in running:
            self._counts[name] = self._counts.get(name, 0) + 1
        self._running: set[str] = set()
        self._begin_anew()

    def crashes(self, name: str) -> int:
        return self._counts.get(name, 0)

    def begin(self, name: str) -> None:
        self._running.add(name)
        self._note(f"+ {name}")

    def end(self, name: str) -> None:
        self._running.discard(name)
        self._counts.pop(name, None)
        self._note(f"- {name}")

    def forgive(self, name: str) -> None:
        if self._counts.pop(name, None) is not None:
            self._note(f"- {name}")

    def _note(self, line: str) -> None:
        # A full disk costs the memory of crashes, which is no reason to stop reconciling.
        with suppress(OSError):
            self._root.append(self._path, f"{line}\n".encode())
            self._lines += 1
            if self._lines >= _LINES:
                self._begin_anew()

    def _begin_anew(self) -> None:
        """Replace the journal by what it comes to."""
        lines = [f"={count} {name}\n" for name, count in sorted(self._counts.items())]
        lines += [f"+ {name}\n" for name in sorted(self._running)]
        self._root.write_atomic(self._path, "".join(lines).encode(), durable=False)
        self._lines = 0


def _replay(root: Root, path: str) -> tuple[dict[str, int], set[str]]:
    """Return the counts of the suspects and who was in flight."""
    counts: dict[str, int] = {}
    running: set[str] = set()
    try:
        text = root.read(path, limit=16 << 20).decode("utf-8", "replace")
    except (FileNotFoundError, DiskError):
        return counts, running
    for line in text.split("\n")[:-1]:  # what has no line end was cut by the crash
        mark, _, name = line.partition(" ")
        if mark == "+":
            running.add(name)
        elif mark == "-":
            running.discard(name)
            counts.pop(name, None)
        elif mark[:1] == "=" and mark[1:].isdecimal():
            counts[name] = int(mark[1:])
    return counts, running
