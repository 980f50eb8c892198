"""Keeping managedFields small: the oldest update entries are merged into one bucket a version."""

from fluvial.managedfields.entries import Managed, identifier
from fluvial.managedfields.updater import Owned

MAX_UPDATE_MANAGERS = 10  # upstream's number
ANCIENT = "ancient-changes"


def cap_update_managers(managed: Managed) -> None:
    """Merge the oldest update entries of `managed`, in place, until at most ten are left where that is possible."""
    owners, times = managed.owners, managed.times
    updaters = [key for key, owned in owners.items() if not owned.applied]
    if len(updaters) <= MAX_UPDATE_MANAGERS:
        return
    updaters.sort(key=lambda key: (times.get(key) or "", key))
    count = len(updaters)
    first_of_version: dict[str, str] = {}
    for key in updaters:
        if count <= MAX_UPDATE_MANAGERS:
            return
        owned = owners[key]
        version = owned.api_version
        first = first_of_version.setdefault(version, key)
        if first == key:
            continue  # alone in its version there is nothing to merge it with
        bucket = identifier(ANCIENT, "Update", version, "")
        if bucket not in owners:
            owners[bucket] = owners.pop(first)
        owners[bucket] = Owned(owned.fields | owners[bucket].fields, version, owned.applied)
        del owners[key]
        times[bucket] = times.get(key)
        count -= 1
