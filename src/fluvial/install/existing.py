"""What is installed in a cluster already: Flux's own marks on the GitRepository CRD tell."""

from collections.abc import Mapping
from dataclasses import dataclass

from fluvial.api import names
from fluvial.install.manifests import CREATED_BY, PART_OF, PROGRAM, VERSION
from fluvial.kube import Client
from fluvial.objects import labels

CRD = f"gitrepositories.{names.SOURCE_GROUP}"
_MANAGED_BY = "app.kubernetes.io/managed-by"


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """One installation.

    Args:
        bootstrapped: a Kustomization of its own keeps it.
        managed_by: the tool that installed it; empty or `flux` = the command line.
        is_fluvial: it is this program's, not Flux's.
    """

    version: str
    part_of: str
    managed_by: str
    bootstrapped: bool
    is_fluvial: bool

    @property
    def distribution(self) -> str:
        """The name that people see: `flux-v2.9.0`."""
        return f"{self.part_of}-{self.version}" if self.part_of else self.version

    @property
    def is_foreign(self) -> bool:
        """Another tool manages the installation."""
        return self.managed_by not in ("", "flux")


async def cluster_info(client: Client) -> ClusterInfo | None:
    """Return what is installed; None without the CRD of GitRepository."""
    crd = await client.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", CRD, metadata_only=True)
    return read_info(labels(crd)) if crd is not None else None


def read_info(marks: Mapping[str, str]) -> ClusterInfo:
    """Return what the labels of the CRD say."""
    return ClusterInfo(
        version=marks.get(VERSION, ""),
        part_of=marks.get(PART_OF, ""),
        managed_by=marks.get(_MANAGED_BY, ""),
        bootstrapped=names.OWNER_NAMESPACE_LABEL in marks,
        is_fluvial=marks.get(CREATED_BY) == PROGRAM,
    )
