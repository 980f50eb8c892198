"""Measures a GitOps engine from outside, on a real kube-apiserver: only objects, Git pushes, the audit log and /proc.

Each figure is a ratio against a real peer in the same run, or in *units*: the time of 1,000 sequential server-side
applies by one client on that server in the same run. Results are written as JSON and as docs/benchmarks.md.
"""
