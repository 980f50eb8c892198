"""A stand-in for the kubelet: makes every pending pod Ready after a delay, so that Deployments can roll."""

import threading
import time

from benchmarks.api import MERGE, Api

DELAY = 0.5  # seconds from first sight of a pod to Ready


class PodsBecomeReady:
    """A thread that looks for pending pods; use it as a context."""

    def __init__(self, url: str, token: str, namespace: str) -> None:
        self._api = Api(url, token)
        self._path = f"/api/v1/namespaces/{namespace}/pods"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pods")

    def __enter__(self) -> "PodsBecomeReady":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        seen: dict[str, float] = {}
        while not self._stop.wait(0.02):
            for pod in self._api.get(self._path).get("items", []):
                name = pod["metadata"]["name"]
                first = seen.setdefault(name, time.monotonic())
                if pod["status"].get("phase") == "Pending" and time.monotonic() - first >= DELAY:
                    self._make_ready(pod)

    def _make_ready(self, pod: dict[str, object]) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        conditions = [
            {"type": kind, "status": "True", "lastTransitionTime": now}
            for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
        ]
        status = {"phase": "Running", "startTime": now, "podIP": "10.1.1.1", "conditions": conditions}
        metadata = pod["metadata"]
        assert isinstance(metadata, dict)
        self._api.send("PATCH", f"{self._path}/{metadata['name']}/status", {"status": status}, MERGE)
