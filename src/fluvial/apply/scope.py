"""What a plan itself brings into being, and which of its objects have to wait for that."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from fluvial.apply.cluster import Cluster
from fluvial.apply.dryrun import Finding
from fluvial.apply.order import Stage, stage_of
from fluvial.apply.prepare import Plan
from fluvial.kube import NotServed
from fluvial.objects import GroupKind, Object, Ref, dig, split_api_version
from fluvial.runtime import patiently

_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is not on the cluster yet, or not yet as this plan makes it.

    Args:
        kinds: of CRDs in this plan that are not served, or change.
        namespaces: that this plan creates.
        roles: (kind, namespace, name) that this plan creates or changes.
        absent: kinds that are neither served nor defined here → the server's words.
    """

    kinds: frozenset[GroupKind] = frozenset()
    namespaces: frozenset[str] = frozenset()
    roles: frozenset[tuple[str, str, str]] = frozenset()
    problems: tuple[str, ...] = ()

    def is_definition(self, obj: Object) -> bool:
        """Whether `obj` is examined before all others, since they may depend on it."""
        return stage_of(Ref.of(obj)) is Stage.DEFINITIONS

    def waits(self, obj: Object) -> bool:
        """Whether a dry-run of `obj` would only tell that this plan is not carried out yet."""
        ref = Ref.of(obj)
        return ref.group_kind in self.kinds or ref.namespace in self.namespaces or self.needs_role(obj)

    def needs_role(self, obj: Object) -> bool:
        """Whether `obj` binds a role that this plan creates or changes."""
        ref = Ref.of(obj)
        if ref.group != _RBAC or ref.kind not in ("RoleBinding", "ClusterRoleBinding"):
            return False
        kind = str(dig(obj, "roleRef", "kind", default=""))
        namespace = ref.namespace if kind == "Role" else ""
        return (kind, namespace, str(dig(obj, "roleRef", "name", default=""))) in self.roles

    def after(self, findings: Iterable[Finding]) -> "Expected":
        """The expectation once `findings` are known."""
        kinds, namespaces, roles = set(self.kinds), set(self.namespaces), set(self.roles)
        for finding in findings:
            if not finding.writes or finding.problem:
                continue
            ref = Ref.of(finding.desired)
            if ref.kind == "CustomResourceDefinition":
                kinds.add(_defined(finding.desired))
            elif ref.group == "" and ref.kind == "Namespace" and finding.live is None:
                namespaces.add(ref.name)
            elif ref.group == _RBAC and ref.kind in ("Role", "ClusterRole"):
                roles.add((ref.kind, ref.namespace, ref.name))
        return replace(self, kinds=frozenset(kinds), namespaces=frozenset(namespaces), roles=frozenset(roles))


def _defined(crd: Object) -> GroupKind:
    return GroupKind(str(dig(crd, "spec", "group", default="")), str(dig(crd, "spec", "names", "kind", default="")))


@dataclass(frozen=True, slots=True)
class Resolved:
    """A plan whose objects are named as the cluster names them. `ref in resolved.refs` is identity from here on."""

    plan: Plan
    expected: Expected

    @property
    def refs(self) -> tuple[Ref, ...]:
        """All objects of the plan, in its order."""
        return tuple(Ref.of(obj) for obj in self.plan.objects)

    def only(self, refs: Collection[Ref]) -> "Resolved":
        """The part of the plan that is about `refs`; the rest is known to be in order."""
        wanted = frozenset(refs)
        stages = (
            (stage, tuple(obj for obj in objects if Ref.of(obj) in wanted)) for stage, objects in self.plan.stages
        )
        return Resolved(Plan(tuple((stage, objects) for stage, objects in stages if objects)), self.expected)


async def resolve(cluster: Cluster, plan: Plan) -> Resolved:
    """Take the namespace off cluster-scoped objects, and find kinds that are not served.

    Raises:
        KubeError: discovery did not answer; an unknown kind is no error here, but makes the preflight fail.
    """
    crds = {_defined(obj): obj for obj in plan.objects if obj.get("kind") == "CustomResourceDefinition"}
    namespaced: dict[tuple[str, str], bool] = {}
    missing: dict[tuple[str, str], str] = {}
    for obj in plan.objects:
        api_version, kind = str(obj.get("apiVersion", "")), str(obj.get("kind", ""))
        key = (api_version, kind)
        if key in namespaced or key in missing:
            continue
        try:
            found = await patiently(lambda: cluster.client.resource(*key))  # noqa: B023 - awaited at once
            namespaced[key] = found.namespaced
        except NotServed as error:
            crd = crds.get(GroupKind(split_api_version(api_version)[0], kind))
            if crd is None:
                missing[key] = str(error)
            else:
                namespaced[key] = dig(crd, "spec", "scope") != "Cluster"
    unserved = frozenset(
        group_kind
        for group_kind in crds
        for api_version, kind in namespaced
        if GroupKind(split_api_version(api_version)[0], kind) == group_kind
    )
    problems = tuple(
        f"{Ref.of(obj)} dry-run failed: {missing[key]}"
        for obj in plan.objects
        if (key := (str(obj.get("apiVersion", "")), str(obj.get("kind", "")))) in missing
    )
    stages = tuple(
        (stage, tuple(_scoped(obj, namespaced) for obj in objects if not _is_missing(obj, missing)))
        for stage, objects in plan.stages
    )
    return Resolved(Plan(stages), Expected(kinds=unserved, problems=problems))


def _is_missing(obj: Object, missing: dict[tuple[str, str], str]) -> bool:
    return (str(obj.get("apiVersion", "")), str(obj.get("kind", ""))) in missing


def _scoped(obj: Object, namespaced: dict[tuple[str, str], bool]) -> Object:
    if namespaced.get((str(obj.get("apiVersion", "")), str(obj.get("kind", ""))), True):
        return obj
    metadata = obj.get("metadata") or {}
    if "namespace" not in metadata:
        return obj
    return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "namespace"}}
