"""What a Kustomization is to look like in the cluster: built anew, or remembered from the last build."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from fluvial.api import Artifact, Kustomization
from fluvial.apply import Cluster, Resolved, digest_of, make_plan, packed, resolve, staged, unpacked
from fluvial.build import BuildError, BuildRequest, BuildResult, merge_variables
from fluvial.build import Inputs as BuildInputs
from fluvial.controllers.kustomize.building import inputs_of as build_inputs
from fluvial.controllers.kustomize.building import key_of_build, read_variables, run_build, versions_of
from fluvial.controllers.kustomize.memory import Inputs, Memory
from fluvial.controllers.kustomize.world import World, owner_of
from fluvial.objects import Object, Ref
from fluvial.runtime import JobFailed, WorkerDied
from fluvial.stdx import Redactor, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Manifests in their final form, in the order of application.

    Args:
        resolved: None when nothing was built: then manifests are taken from memory where they are needed.
        payloads: digest of each manifest.
        digest: of the manifests' text, for the history.
    """

    refs: tuple[Ref, ...]
    payloads: Mapping[Ref, str]
    digest: str
    inputs: Inputs
    key: str
    used: BuildInputs
    resolved: Resolved | None = None
    warnings: tuple[str, ...] = ()
    remembered: Mapping[Ref, bytes] = field(default_factory=dict)

    def objects(self, refs: Collection[Ref]) -> list[Object]:
        """The manifests of `refs`."""
        if self.resolved is not None:
            return [obj for obj in self.resolved.plan.objects if Ref.of(obj) in refs]
        return [unpacked(self.remembered[ref]) for ref in self.refs if ref in refs]

    async def only(self, cluster: Cluster, refs: Collection[Ref], world: World) -> Resolved:
        """The plan of `refs` alone."""
        if self.resolved is not None:
            return self.resolved.only(refs)
        return await resolve(cluster, staged(self.objects(refs), world.settings.custom_stage))

    def packed_manifests(self) -> dict[Ref, bytes]:
        """What is to be remembered of the manifests."""
        if self.resolved is None:
            return dict(self.remembered)
        return {Ref.of(obj): packed(obj) for obj in self.resolved.plan.objects}


def remembered(memory: Memory, inputs: Inputs) -> Target:
    """The target of the last build, for inputs that give the same."""
    return Target(
        refs=memory.order,
        payloads=memory.payloads,
        digest=memory.digest,
        inputs=inputs,
        key=memory.build_key,
        used=memory.build_used,
        remembered=memory.manifests,
    )


async def make_target(
    world: World, cluster: Cluster, memory: Memory, ks: Kustomization, artifact: Artifact, tree: Tree
) -> Target:
    """Build, unless what the last build read is the same in `tree`.

    Raises:
        VariablesError, BuildError: the manifests cannot be made.
        PreflightFailed: a Secret is still encrypted.
        KubeError
    """
    variables = await read_variables(ks, cluster.client)
    memory.redactor = _redactor_of([found for obj, found in variables if obj.get("kind") == "Secret"])
    inputs = build_inputs(ks, artifact, versions_of([obj for obj, _ in variables]), world.account(ks))
    if memory.build_key and memory.build_key == key_of_build(inputs, memory.build_used, tree, memory.uid):
        return remembered(memory, inputs)
    request = BuildRequest(
        tree=tree,
        path=ks.path,
        spec=ks.spec,
        variables=merge_variables([found for _, found in variables], {}),
        strict=world.settings.gate("StrictPostBuildSubstitutions"),
    )
    built = await _built(world, request, memory.redactor)
    plan = make_plan(
        built.objects,
        owner_of(ks),
        common_labels=ks.common_labels,
        common_annotations=ks.common_annotations,
        custom_stage=world.settings.custom_stage,
    )
    resolved = await resolve(cluster, plan)
    return Target(
        refs=resolved.refs,
        payloads={Ref.of(obj): digest_of(obj) for obj in resolved.plan.objects},
        digest=built.digest,
        inputs=inputs,
        key=key_of_build(inputs, built.inputs, tree, memory.uid),
        used=built.inputs,
        resolved=resolved,
        warnings=built.warnings,
    )


def _redactor_of(secrets: Iterable[Mapping[str, str]]) -> Redactor:
    redactor = Redactor()
    for values in secrets:
        for value in values.values():
            redactor.add(value)
    return redactor


async def _built(world: World, request: BuildRequest, redactor: Redactor) -> BuildResult:
    """Build; no value of a Secret leaves in an error or a warning."""
    try:
        built = await run_build(world, request)
    except BuildError as error:
        text = redactor.clean(error.message)
        raise type(error)(text, file=error.file, line=error.line, field=error.field) from None
    except (WorkerDied, JobFailed, MemoryError) as error:
        raise BuildError(f"the build came to no end: {redactor.clean(str(error) or repr(error))}") from None
    return replace(built, warnings=tuple(map(redactor.clean, built.warnings)))
