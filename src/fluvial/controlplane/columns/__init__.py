"""Printer columns: those of built-in kinds as kube-apiserver has them, those of custom resources by JSONPath."""

from fluvial.controlplane.columns.choose import columns_of

__all__ = ["columns_of"]
