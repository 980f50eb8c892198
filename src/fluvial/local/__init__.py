"""The embedded API server and all controllers in one process: `up`, the demo, and tests.

`Controllers` runs both controllers on any API server; `cluster` puts the embedded one under them. Everything listens on
loopback at free ports. Absent on purpose: decisions, output formats, and the environment.
"""

from fluvial.local.cluster import Cluster, cluster, up
from fluvial.local.controllers import Controllers, Seams
from fluvial.local.demo import demo

__all__ = ["Cluster", "Controllers", "Seams", "cluster", "demo", "up"]
