"""Carries out a plan of objects on a cluster, in stages, and reports what changed.

    plan = make_plan(objects, owner)                          # pure: final form, order, stages
    resolved = await resolve(cluster, plan)                   # names as the cluster has them
    checked = await preflight(cluster, resolved, options)     # dry-runs; nothing is written
    changes = await carry_out(cluster, checked, options)      # stage by stage
    gone = await prune(cluster, stale, owner)                 # what is no longer in the plan

Behaviour follows fluxcd/pkg `ssa` and kustomize-controller v1.9 (differences: docs/parity.md, "apply"). Absent on
purpose: inventories, conditions and health of what was applied, which are the caller's.
"""

from fluvial.apply.changes import Action, Change, ChangeSet
from fluvial.apply.cluster import Cluster, Record
from fluvial.apply.compare import whole
from fluvial.apply.dryrun import Options
from fluvial.apply.errors import ApplyError, PreflightFailed, PruneFailed, StageFailed, dry_run_text, is_passing
from fluvial.apply.immutable import refused_as_immutable
from fluvial.apply.masking import masked_pair, masked_text
from fluvial.apply.order import rank
from fluvial.apply.ownership import MANAGER, Live, Mark, digest_of, owns_all, packed, taken_over, unpacked
from fluvial.apply.prepare import Owner, Plan, make_plan, staged
from fluvial.apply.prune import prune, until_terminated
from fluvial.apply.run import Preflight, carry_out, preflight
from fluvial.apply.scope import Resolved, resolve
from fluvial.apply.switches import created_only, kept, left_alone, merged

__all__ = [
    "MANAGER",
    "Action",
    "ApplyError",
    "Change",
    "ChangeSet",
    "Cluster",
    "Live",
    "Mark",
    "Options",
    "Owner",
    "Plan",
    "Preflight",
    "PreflightFailed",
    "PruneFailed",
    "Record",
    "Resolved",
    "StageFailed",
    "carry_out",
    "created_only",
    "digest_of",
    "dry_run_text",
    "is_passing",
    "kept",
    "left_alone",
    "make_plan",
    "masked_pair",
    "masked_text",
    "merged",
    "owns_all",
    "packed",
    "preflight",
    "prune",
    "rank",
    "refused_as_immutable",
    "resolve",
    "staged",
    "taken_over",
    "unpacked",
    "until_terminated",
    "whole",
]
