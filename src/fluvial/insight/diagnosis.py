"""The one cause why an object is not as it should be: a decision on what was read, without reading anything itself.

The way is that of a commit: source, artifact, build, apply, prune, health; before the source come the dependencies, and
after the health of a child Kustomization comes the child's own way. The first broken link that has no broken link
behind it is the cause. Links are walked at most once, so that a cycle of dependencies ends, and is named.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fluvial.api import inventory, names
from fluvial.gotext import parse_rfc3339
from fluvial.health import State, assess
from fluvial.insight.answers import Answer, Ask, Known, Stage, Step, Unanswered
from fluvial.insight.workloads import unhealthy
from fluvial.objects import Object, Ref, dig, get_condition, labels

_SOURCES = {"GitRepository", "OCIRepository", "Bucket", "HelmRepository", "HelmChart", "ExternalArtifact"}
_UNSEEN_FOR = 60.0  # seconds without any condition after which a controller is taken to be absent


@dataclass(slots=True)
class _Walk:
    """One diagnosis under way."""

    known: Known
    now: datetime
    seen: set[Ref] = field(default_factory=set)


def diagnose(ref: Ref, known: Known, now: datetime) -> Answer | Ask:
    """Return the cause, or what has to be read before it can be told."""
    try:
        return _any(_Walk(known, now), ref)
    except Unanswered as more:
        return Ask(more.questions)


def _any(walk: _Walk, ref: Ref) -> Answer:
    obj = walk.known.object(ref)
    if obj is None:
        return _answer(
            Stage.OBJECT, ref, f"{ref} does not exist", next=f"fluvial get all -n {ref.namespace or 'flux-system'}"
        )
    if ref in walk.seen:
        return _answer(Stage.SPEC, ref, f"{ref} depends on itself, through the objects above", next=_export(ref))
    walk.seen.add(ref)
    if ref.group == names.KUSTOMIZE_GROUP and ref.kind == "Kustomization":
        return _kustomization(walk, ref, obj)
    if ref.kind in _SOURCES and ref.group == names.SOURCE_GROUP:
        return _source(walk, ref, obj)
    if ref.group == names.HELM_GROUP:
        return _helm_release(walk, ref, obj)
    if ref.group.endswith("toolkit.fluxcd.io"):
        return _by_condition(walk, ref, obj, Stage.SPEC) or _fine(ref, obj)
    return _applied(walk, ref, obj)


# -- objects that Flux applied


def _applied(walk: _Walk, ref: Ref, obj: Object) -> Answer:
    mine = labels(obj)
    for group, kind in ((names.KUSTOMIZE_GROUP, "Kustomization"), (names.HELM_GROUP, "HelmRelease")):
        if mine.get(f"{group}/name"):
            version = "v1" if kind == "Kustomization" else "v2"
            owner = Ref(group, version, kind, mine.get(f"{group}/namespace", ""), mine[f"{group}/name"])
            above = _any(walk, owner)
            if above.stage not in (Stage.FINE, Stage.WORKING) and not _is_about(above, ref):
                return above.by("managed by").after(Step(ref))
            break
    else:
        if not _health(walk, ref, obj):
            return _answer(Stage.OBJECT, ref, f"{ref} is not managed by Flux", next="")
    return _health(walk, ref, obj) or _fine(ref, obj)


def _is_about(answer: Answer, ref: Ref) -> bool:
    return any(step.ref == ref for step in answer.path)


def _health(walk: _Walk, ref: Ref, obj: Object) -> Answer | None:
    verdict = assess(obj, now=walk.now)
    if verdict.state is State.CURRENT:
        return None
    return unhealthy(ref, obj, verdict.message, walk.known)


# -- Kustomization


def _kustomization(walk: _Walk, ref: Ref, obj: Object) -> Answer:
    if dig(obj, "spec", "suspend", default=False):
        return _suspended(ref)
    ready = get_condition(obj, "Ready")
    if _is_ready(obj, ready):
        return _behind(walk, ref, obj) or _fine(ref, obj)
    stalled = _stalled(ref, obj)
    if stalled is not None:
        return stalled
    for check in (_dependencies, _own_source):
        found = check(walk, ref, obj)
        if found is not None:
            return found.after(Step(ref))
    if ready is None:
        return _unseen(walk, ref, obj, "kustomize-controller")
    return _kustomization_stage(walk, ref, obj, ready)


def _dependencies(walk: _Walk, ref: Ref, obj: Object) -> Answer | None:
    """Return the cause in the first dependency that is not ready."""
    wanted = [
        Ref(ref.group, ref.version, ref.kind, each.get("namespace") or ref.namespace, each["name"])
        for each in dig(obj, "spec", "dependsOn", default=[])
    ]
    for dependency, found in walk.known.objects(wanted):
        if found is None:
            return _answer(
                Stage.SPEC,
                dependency,
                f"{ref} depends on {dependency}, which does not exist",
                evidence=_evidence(obj),
                next=_export(ref),
            ).by("depends on")
        if not _is_ready(found, get_condition(found, "Ready")):
            return _any(walk, dependency).by("depends on")
    return None


def _source_ref(ref: Ref, obj: Object) -> Ref | None:
    given = dig(obj, "spec", "sourceRef", default={})
    if not given.get("name"):
        return None
    return Ref(names.SOURCE_GROUP, "v1", str(given.get("kind")), given.get("namespace") or ref.namespace, given["name"])


def _own_source(walk: _Walk, ref: Ref, obj: Object) -> Answer | None:
    """Return the cause in the source, if it is the source that stops the Kustomization."""
    source_ref = _source_ref(ref, obj)
    if source_ref is None:
        return None
    source = walk.known.object(source_ref)
    if source is None:
        return _answer(
            Stage.SOURCE,
            source_ref,
            f"the source {source_ref} does not exist",
            evidence=_evidence(obj),
            next=f"fluvial create source git {source_ref.name} -n {source_ref.namespace} --url=... --branch=...",
        ).by("reads from")
    # A source that failed its last fetch still serves what it had: then it is not what stops the Kustomization.
    if dig(source, "status", "artifact", "revision", default=""):
        return None
    return _any(walk, source_ref).by("reads from")


def _kustomization_stage(walk: _Walk, ref: Ref, obj: Object, ready: Object) -> Answer:
    reason, message = str(ready.get("reason", "")), str(ready.get("message", ""))
    stage, words, follow = _STAGES.get(reason, (Stage.WORKING, "is being reconciled", _wait_command))
    if reason == names.Reason.HEALTH_CHECK_FAILED or stage is Stage.WORKING:
        found = _inventory_health(walk, ref, obj)
        if found is not None:
            return found.after(Step(ref))
    return _answer(stage, ref, f"{ref} {words}: {message}", evidence=_evidence(obj), next=follow(ref, obj))


def _inventory_health(walk: _Walk, ref: Ref, obj: Object) -> Answer | None:
    """Return the cause in the first object of the inventory that is not Current, children of Flux first."""
    refs = [each for each in inventory.read_inventory(obj) if each != ref]
    found = sorted(walk.known.objects(refs), key=lambda pair: not pair[0].group.endswith("toolkit.fluxcd.io"))
    for each, live in found:
        if live is None or assess(live, now=walk.now).state is State.CURRENT:
            continue
        if each.group.endswith("toolkit.fluxcd.io"):
            return _any(walk, each).by("waits for")
        health = _health(walk, each, live)
        if health is not None:
            return health.by("waits for")
    return None


def _behind(walk: _Walk, ref: Ref, obj: Object) -> Answer | None:
    """Return an answer when a ready Kustomization has not yet seen its source's newest revision."""
    source_ref = _source_ref(ref, obj)
    source = walk.known.object(source_ref) if source_ref is not None else None
    if source_ref is None or source is None:
        return None
    fetched = dig(source, "status", "artifact", "revision", default="")
    applied = dig(obj, "status", "lastAppliedRevision", default="")
    if not _is_ready(source, get_condition(source, "Ready")):
        answer = _any(walk, source_ref).by("reads from").after(Step(ref))
        return answer if answer.stage is not Stage.FINE else None
    if fetched and applied and fetched != applied:
        return _answer(
            Stage.WORKING,
            ref,
            f"{ref} is ready at {applied}; its source has {fetched} since",
            next=f"fluvial reconcile kustomization {ref.name} -n {ref.namespace}",
        )
    return None


# -- sources and Helm releases


def _source(walk: _Walk, ref: Ref, obj: Object) -> Answer:
    if dig(obj, "spec", "suspend", default=False):
        return _suspended(ref)
    secret = dig(obj, "spec", "secretRef", "name", default="")
    if not _is_ready(obj, get_condition(obj, "Ready")) and secret:
        secret_ref = Ref("", "v1", "Secret", ref.namespace, secret)
        if walk.known.object(secret_ref) is None:
            return _answer(
                Stage.SOURCE,
                secret_ref,
                f"{ref} needs the Secret {ref.namespace}/{secret}, which does not exist",
                evidence=_evidence(obj),
                next=f"kubectl -n {ref.namespace} create secret generic {secret} ...",
            ).after(Step(ref))
    found = _by_condition(walk, ref, obj, Stage.SOURCE)
    if found is not None:
        return found
    if get_condition(obj, "Ready") is None:
        return _unseen(walk, ref, obj, "source-controller")
    return _fine(ref, obj)


def _helm_release(walk: _Walk, ref: Ref, obj: Object) -> Answer:
    if dig(obj, "spec", "suspend", default=False):
        return _suspended(ref)
    if _is_ready(obj, get_condition(obj, "Ready")):
        return _fine(ref, obj)
    given = dig(obj, "spec", "chartRef") or dig(obj, "spec", "chart", "spec", "sourceRef", default={})
    if given.get("name"):
        source_ref = Ref(
            names.SOURCE_GROUP, "v1", str(given.get("kind")), given.get("namespace") or ref.namespace, given["name"]
        )
        source = walk.known.object(source_ref)
        if source is None or not _is_ready(source, get_condition(source, "Ready")):
            answer = _any(walk, source_ref)
            if answer.stage is not Stage.FINE:
                return answer.by("reads from").after(Step(ref))
    return _by_condition(walk, ref, obj, Stage.HEALTH) or _unseen(walk, ref, obj, "helm-controller")


# -- what all share


def _by_condition(walk: _Walk, ref: Ref, obj: Object, stage: Stage) -> Answer | None:
    stalled = _stalled(ref, obj)
    if stalled is not None:
        return stalled
    ready = get_condition(obj, "Ready")
    if ready is None or _is_ready(obj, ready):
        return None
    message = str(ready.get("message", ""))
    if ready.get("status") == "Unknown":
        return _answer(
            Stage.WORKING,
            ref,
            f"{ref} is being reconciled: {message}",
            evidence=_evidence(obj),
            next=_wait_command(ref, obj),
        )
    words = f"{ref} failed with {ready.get('reason', '')}: {message}"
    return _answer(stage, ref, words, evidence=_evidence(obj), next=_reconcile(ref))


def _is_ready(obj: Object, ready: Object | None) -> bool:
    if ready is None or ready.get("status") != "True":
        return False
    return int(ready.get("observedGeneration") or dig(obj, "metadata", "generation", default=0)) == int(
        dig(obj, "metadata", "generation", default=0)
    )


def _stalled(ref: Ref, obj: Object) -> Answer | None:
    stalled = get_condition(obj, "Stalled")
    if stalled is None or stalled.get("status") != "True":
        return None
    text = f"{ref} is stalled and will not be tried again before it changes: {stalled.get('message', '')}"
    return _answer(Stage.SPEC, ref, text, evidence=_evidence(obj), next=_export(ref))


def _suspended(ref: Ref) -> Answer:
    words = _command_words(ref)
    return _answer(
        Stage.SUSPENDED, ref, f"{ref} is suspended", next=f"fluvial resume {words} {ref.name} -n {ref.namespace}"
    )


def _unseen(walk: _Walk, ref: Ref, obj: Object, controller: str) -> Answer:
    created = dig(obj, "metadata", "creationTimestamp", default="")
    age = (walk.now - parse_rfc3339(created)).total_seconds() if created else _UNSEEN_FOR
    if age < _UNSEEN_FOR:
        return _answer(
            Stage.WORKING, ref, f"{ref} is {int(age)} seconds old: {controller} has not looked at it yet", next=""
        )
    text = f"no controller has ever looked at {ref}: {controller} is not running, or does not watch this namespace"
    return _answer(
        Stage.CONTROLLER, ref, text, evidence=(f"created {created}, no condition since",), next="fluvial check"
    )


def _fine(ref: Ref, obj: Object) -> Answer:
    ready = get_condition(obj, "Ready")
    text = f"nothing is wrong with {ref}" + (f": {ready.get('message', '')}" if ready else "")
    return _answer(Stage.FINE, ref, text)


def _answer(stage: Stage, ref: Ref, text: str, *, evidence: Sequence[str] = (), next: str = "") -> Answer:
    return Answer(stage=stage, path=(Step(ref),), text=text, evidence=tuple(evidence), next=next)


def _evidence(obj: Object) -> Sequence[str]:
    ref = Ref.of(obj)
    found = [
        f"{ref} {c['type']}={c.get('status')} {c.get('reason', '')} since {c.get('lastTransitionTime', '?')}: "
        f"{c.get('message', '')}"
        for c in dig(obj, "status", "conditions", default=[])
        if c.get("type") in ("Ready", "Stalled", "FetchFailed", "Healthy")
    ]
    attempted = dig(obj, "status", "lastAttemptedRevision", default="")
    applied = dig(obj, "status", "lastAppliedRevision", default="")
    if attempted and attempted != applied:
        found.append(f"{ref} attempted {attempted}, last applied {applied or 'nothing'}")
    return found


# -- commands that take a person further


def _command_words(ref: Ref) -> str:
    sources = {
        "GitRepository": "git",
        "OCIRepository": "oci",
        "HelmRepository": "helm",
        "Bucket": "bucket",
        "HelmChart": "chart",
    }
    return f"source {sources[ref.kind]}" if ref.kind in sources else ref.kind.lower()


def _export(ref: Ref) -> str:
    return f"fluvial export {_command_words(ref)} {ref.name} -n {ref.namespace}"


def _reconcile(ref: Ref) -> str:
    return f"fluvial reconcile {_command_words(ref)} {ref.name} -n {ref.namespace}"


def _wait_command(ref: Ref, obj: Object) -> str:
    return f"fluvial events --for {ref.kind}/{ref.name} -n {ref.namespace}"


def _build_command(ref: Ref, obj: Object) -> str:
    path = dig(obj, "spec", "path", default="./") or "./"
    return f"fluvial build kustomization {ref.name} -n {ref.namespace} --path {path}   (in a clone of its source)"


def _diff_command(ref: Ref, obj: Object) -> str:
    path = dig(obj, "spec", "path", default="./") or "./"
    return f"fluvial diff kustomization {ref.name} -n {ref.namespace} --path {path}   (in a clone of its source)"


def _artifact_command(ref: Ref, obj: Object) -> str:
    return f"fluvial reconcile kustomization {ref.name} -n {ref.namespace} --with-source"


def _tree_command(ref: Ref, obj: Object) -> str:
    return f"fluvial tree kustomization {ref.name} -n {ref.namespace}"


_Follow = Callable[[Ref, Object], str]
_R = names.Reason

# The stage that a Ready reason of a Kustomization means, the words for it, and where to look next.
_STAGES: dict[str, tuple[Stage, str, _Follow]] = {
    _R.ARTIFACT_FAILED: (Stage.ARTIFACT, "cannot get the artifact of its source", _artifact_command),
    _R.BUILD_FAILED: (Stage.BUILD, "cannot be built", _build_command),
    _R.RECONCILIATION_FAILED: (Stage.APPLY, "cannot be applied", _diff_command),
    _R.PRUNE_FAILED: (Stage.PRUNE, "cannot remove what left its source", _tree_command),
    _R.HEALTH_CHECK_FAILED: (Stage.HEALTH, "waits for objects that do not become healthy", _tree_command),
    _R.DEPENDENCY_NOT_READY: (Stage.WORKING, "looks at its dependencies again soon", _wait_command),
    _R.ACCESS_DENIED: (Stage.SPEC, "may not read its source", lambda ref, obj: _export(ref)),
    _R.INVALID_CEL_EXPRESSION: (Stage.SPEC, "has an expression that cannot be read", lambda ref, obj: _export(ref)),
}
