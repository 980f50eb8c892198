"""Set the replica count of workloads by name. Source: api `ReplicaCountTransformer`, `filters/replicacount`."""

from fluvial.kustomize.errors import KustomizeError
from fluvial.kustomize.fields import set_scalar
from fluvial.kustomize.fieldspec import Change, FieldSpecs, apply_path, compiled
from fluvial.kustomize.records import Replica
from fluvial.kustomize.resmap import ResMap
from fluvial.kustomize.values import INT
from fluvial.yamldoc.nodes import SCALAR, Node


def set_replicas(resources: ResMap, replica: Replica, specs: FieldSpecs) -> None:
    """Set the count in every object that has, or once had, the name.

    Raises:
        KustomizeError: no object of a fitting kind has the name.
    """

    def set_it(node: Node) -> None:
        set_scalar(node, Node(SCALAR, INT, 0, str(replica.count)))

    found = False
    for spec in specs:
        for item in resources.matching(
            replica.name,
            lambda one, spec=spec: one.gvk.selected_by(spec.gvk),  # type: ignore[misc]
        ):
            found = True
            if item.gvk.selected_by(spec.gvk):
                apply_path(item.node, compiled(spec.path), spec.create, Change(set_it, SCALAR, INT))
    if not found:
        kinds = " ".join(str(spec.gvk) for spec in specs)
        raise KustomizeError(
            f"resource with name {replica.name} does not match a config with the following GVK [{kinds}]",
            field="replicas",
        )
