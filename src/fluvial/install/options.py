"""What can be chosen about an installation."""

from dataclasses import dataclass

COMPONENTS = ("source-controller", "kustomize-controller")
"""The controllers that exist, in the order of installation."""

PLANNED = (
    "helm-controller",
    "notification-controller",
    "image-reflector-controller",
    "image-automation-controller",
    "source-watcher",
)
"""Controllers of Flux that do not exist here yet."""


class InstallError(Exception):
    """An installation that cannot be made; the text says what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One installation.

    Args:
        version: of the program, with a leading `v`: it becomes the label by which the installation is recognised.
        image: the whole image reference, tag included. There is no published image: it is one of your own making.
        toleration_keys: taints of nodes on which the controllers may run all the same.
    """

    version: str
    image: str
    namespace: str = "flux-system"
    components: tuple[str, ...] = COMPONENTS
    watch_all_namespaces: bool = True
    network_policy: bool = True
    log_level: str = "info"
    cluster_domain: str = "cluster.local"
    image_pull_secret: str = ""
    toleration_keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for component in self.components:
            if component in PLANNED:
                raise InstallError(f"component {component} is not supported yet, choose from {', '.join(COMPONENTS)}")
            if component not in COMPONENTS:
                raise InstallError(f"component {component} is not available")
