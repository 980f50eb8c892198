"""The admission chain: mutating and checking steps in their order."""

from __future__ import annotations

from functools import partial

from fluvial.controlplane.core import Core
from fluvial.controlplane.lifecycle import namespace_lifecycle
from fluvial.controlplane.podadmission import default_tolerations, priority, storage_in_use
from fluvial.controlplane.unbuilt import warn_of_unbuilt


def install_admission(core: Core) -> None:
    """Set up the steps that every control plane has."""
    core.admission += [
        partial(namespace_lifecycle, core),
        partial(priority, core),
        default_tolerations,
        storage_in_use,
        warn_of_unbuilt,
    ]
