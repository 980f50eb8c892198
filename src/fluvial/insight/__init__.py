"""Reads a fleet and answers: why, tree, trace, what differs, what would change.

Decisions are functions of what was read (`diagnose`, `report`); the thin readers around them bring it. The command line
and the user interface print what these functions return.
"""

from fluvial.insight.answers import Answer, Ask, Known, Stage, Step
from fluvial.insight.changes import Planned, planned, stale
from fluvial.insight.diagnosis import diagnose
from fluvial.insight.encrypted import masked
from fluvial.insight.errors import InsightError
from fluvial.insight.report import report
from fluvial.insight.resolve import resolve
from fluvial.insight.trace import draw_trace, trace
from fluvial.insight.tree import draw_tree, kustomization_tree, tree_as_data
from fluvial.insight.why import why

__all__ = [
    "Answer",
    "Ask",
    "InsightError",
    "Known",
    "Planned",
    "Stage",
    "Step",
    "diagnose",
    "draw_trace",
    "draw_tree",
    "kustomization_tree",
    "masked",
    "planned",
    "report",
    "resolve",
    "stale",
    "trace",
    "tree_as_data",
    "why",
]
