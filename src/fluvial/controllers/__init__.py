"""One folder per Flux controller: observe, decide, act, report, and nothing else.

Controllers meet only in the cluster: through objects, artifacts and events.
"""
