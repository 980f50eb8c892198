"""What stands behind the API: the controllers of kube-controller-manager and the kubelets, simulated."""

from fluvial.controlplane.background.engine import Engine
from fluvial.controlplane.background.roster import assemble

__all__ = ["Engine", "assemble"]
