"""What the standard library should have had: digests, safe paths, trees of bytes, ignore rules, redaction, seams.

Pure: no I/O, no clock, no chance. The seams are protocols; whoever stands on a higher floor brings the clock, the
randomness, the metrics and the workers. The ignore matcher lives in `fluvial.stdx.ignore`.
"""

from fluvial.stdx.data import package_data
from fluvial.stdx.digests import sha256
from fluvial.stdx.paths import UnsafePath, clean_path, join_inside
from fluvial.stdx.redact import Redactor
from fluvial.stdx.seams import NO_METRICS, Chance, Clock, InlineWorkers, Metrics, Workers
from fluvial.stdx.tree import Tree

__all__ = [
    "NO_METRICS",
    "Chance",
    "Clock",
    "InlineWorkers",
    "Metrics",
    "Redactor",
    "Tree",
    "UnsafePath",
    "Workers",
    "clean_path",
    "join_inside",
    "package_data",
    "sha256",
]
