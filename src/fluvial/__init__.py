"""Fluvial: the GitOps Toolkit in Python."""

__version__ = "0.1.0"
