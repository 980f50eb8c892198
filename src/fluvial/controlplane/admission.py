"""The admission chain: mutating and checking steps in their order."""

from __future__ import annotations

from functools import partial

from fluvial.controlplane.core import Core
from fluvial.controlplane.lifecycle import namespace_lifecycle


def install_admission(core: Core) -> None:
    """Set up the steps that every control plane has."""
    core.admission.append(partial(namespace_lifecycle, core))
