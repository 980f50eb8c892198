"""Workloads: the controllers that turn Deployments into Pods, and kubelets that seem to run them.

Nothing runs. What a person or a health check sees over time is believable: statuses, conditions and reasons are
those of kube-controller-manager, scheduler and kubelet. A failure is switched on by the annotation
`sim.fluvial.dev/fail` on a Pod, its template or its controller; see `failures.py`.
"""
