"""Virtual time for tests: an event loop whose clock jumps, so that a day of reconciles takes a second.

Absent on purpose: mocks. Tests bring the real controllers and the embedded API server; only time is not real.
"""

from fluvial.testing.virtualtime import Deadlock, LeftBehind, OutOfTime, VirtualClock, VirtualLoop, chance, run

__all__ = ["Deadlock", "LeftBehind", "OutOfTime", "VirtualClock", "VirtualLoop", "chance", "run"]
