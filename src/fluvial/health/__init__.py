"""An object, what it generated, and now in; a verdict and the time to look again out.

The rules and messages are those of kstatus as Flux uses it (fluxcd/cli-utils 1.2), with Flux's rule for Jobs. Absent on
purpose: reading objects, waiting, and CEL health checks, which are questions of other packages.
"""

from fluvial.health.assess import assess
from fluvial.health.verdict import NOT_FOUND, State, Verdict

__all__ = ["NOT_FOUND", "State", "Verdict", "assess"]
