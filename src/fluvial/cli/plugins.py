"""Plugins: programs named `flux-NAME` in the plugin folder, which replace this process when they are called."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path


def find_plugin(name: str, environ: Mapping[str, str]) -> Path | None:
    """Return the executable `flux-NAME` in `$FLUXCD_PLUGINS` (`~/.fluxcd/plugins` without it), or None."""
    if not name or "/" in name or name.startswith("."):
        return None
    folder = environ.get("FLUXCD_PLUGINS") or str(Path(environ.get("HOME", "/")) / ".fluxcd" / "plugins")
    path = Path(folder) / f"flux-{name}"
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    return path if stat.S_ISREG(mode) and os.access(path, os.X_OK) else None
