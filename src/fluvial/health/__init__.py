"""An object, what it generated, and now in; a verdict and the time to look again out.

The rules and messages are those of kstatus as Flux uses it (fluxcd/cli-utils), with Flux's Job rule.
"""

from fluvial.health.verdict import State, Verdict, assess

__all__ = ["State", "Verdict", "assess"]
