"""Metrics and structured logs.

Names, labels, buckets and keys are those of Flux's controllers, so that dashboards, alerts and log queries keep
working.
"""

from fluvial.telemetry.logs import Level, Logger, StandardLogging, silent_logger
from fluvial.telemetry.metrics import Registry

__all__ = ["Level", "Logger", "Registry", "StandardLogging", "silent_logger"]
