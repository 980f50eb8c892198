"""What was fetched last, so that the next fetch is small."""

from collections import OrderedDict

from fluvial.git import Snapshot


class Snapshots:
    """The last snapshot of each object, bounded in bytes; the least recently used leave first.

    Kept by the object's uid and not by URL: what one tenant's credentials fetched never completes the fetch of another.
    """

    def __init__(self, most: int = 64 << 20) -> None:
        """`most`: bytes of all contents together; a snapshot that is larger alone is not kept."""
        self._most = most
        self._kept: OrderedDict[str, Snapshot] = OrderedDict()
        self._size = 0

    def get(self, uid: str) -> Snapshot | None:
        """Return what was fetched last for an object."""
        snapshot = self._kept.get(uid)
        if snapshot is not None:
            self._kept.move_to_end(uid)
        return snapshot

    def put(self, uid: str, snapshot: Snapshot) -> None:
        """Keep a snapshot in the place of the one before."""
        self.forget(uid)
        if snapshot.size > self._most:
            return
        self._kept[uid] = snapshot
        self._size += snapshot.size
        while self._size > self._most:
            self._size -= self._kept.popitem(last=False)[1].size

    def forget(self, uid: str) -> None:
        """Drop what is kept for an object that is gone."""
        old = self._kept.pop(uid, None)
        if old is not None:
            self._size -= old.size

    def statistics(self) -> dict[str, int]:
        """Return `snapshots` and `bytes`."""
        return {"snapshots": len(self._kept), "bytes": self._size}
