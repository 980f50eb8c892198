"""Workloads over time, as a health check sees them."""

from __future__ import annotations

import asyncio
from typing import Any

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
PODS = "/api/v1/namespaces/default/pods"


def deployment(image: str = "app:1", replicas: int = 3, **spec: Any) -> dict[str, Any]:
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}},
            **spec,
        },
    }


def conditions(obj: Any) -> dict[str, str]:
    return {c["type"]: f"{c['status']} {c['reason']}" for c in obj["status"].get("conditions", ())}


def test_a_deployment_becomes_available_through_its_pods(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        await api.apply(f"{DEPLOYMENTS}/web", deployment())
        await asyncio.sleep(0.05)
        early = (await api.get(f"{DEPLOYMENTS}/web")).json
        assert early["status"]["unavailableReplicas"] == 3
        assert conditions(early) == {
            "Available": "False MinimumReplicasUnavailable",
            "Progressing": "True ReplicaSetUpdated",
        }
        await asyncio.sleep(1)
        found = (await api.get(f"{DEPLOYMENTS}/web")).json
        status = found["status"]
        assert status["observedGeneration"] == found["metadata"]["generation"] == 1
        assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (3, 3, 3)
        assert conditions(found) == {
            "Available": "True MinimumReplicasAvailable",
            "Progressing": "True NewReplicaSetAvailable",
        }
        pods = (await api.get(PODS)).json["items"]
        assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 3

    drive(scenario)


def test_a_rollout_keeps_enough_pods_and_ends_with_the_new_image_alone(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        await api.apply(f"{DEPLOYMENTS}/web", deployment(replicas=4))
        await asyncio.sleep(1)
        watch = await api.get(f"{DEPLOYMENTS}?watch=1&timeoutSeconds=10&resourceVersion=1")
        await api.apply(f"{DEPLOYMENTS}/web", deployment("app:2", replicas=4))
        async for event in watch.events:
            status = event["object"]["status"]
            if event["object"]["metadata"]["generation"] == 2:
                assert status["availableReplicas"] >= 3
                assert status["replicas"] <= 5
        found = (await api.get(f"{DEPLOYMENTS}/web")).json
        assert found["status"]["updatedReplicas"] == found["status"]["replicas"] == 4
        assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
        pods = (await api.get(PODS)).json["items"]
        assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"app:2"}
        sets = (await api.get("/apis/apps/v1/namespaces/default/replicasets")).json["items"]
        assert sorted(s["spec"]["replicas"] for s in sets) == [0, 4]

    drive(scenario)


def test_a_recreated_deployment_stops_its_old_pods_first(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        recreate = {"strategy": {"type": "Recreate"}}
        await api.apply(f"{DEPLOYMENTS}/web", deployment(**recreate))
        await asyncio.sleep(1)
        watch = await api.get(f"{PODS}?watch=1&timeoutSeconds=5&resourceVersion=1")
        await api.apply(f"{DEPLOYMENTS}/web", deployment("app:2", **recreate))
        alive: dict[str, str] = {}
        async for event in watch.events:
            name = event["object"]["metadata"]["name"]
            if event["type"] == "DELETED":
                del alive[name]
            else:
                alive[name] = event["object"]["spec"]["containers"][0]["image"]
            assert len(set(alive.values())) <= 1
        assert set(alive.values()) == {"app:2"}

    drive(scenario)


def test_a_deployment_that_cannot_progress_misses_its_deadline_and_recovers(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        broken = deployment(progressDeadlineSeconds=60)
        broken["metadata"]["annotations"] = {"sim.fluvial.dev/fail": "ImagePullBackOff"}
        await api.apply(f"{DEPLOYMENTS}/web", broken)
        await asyncio.sleep(70)
        found = (await api.get(f"{DEPLOYMENTS}/web")).json
        assert conditions(found)["Progressing"] == "False ProgressDeadlineExceeded"
        pod = (await api.get(PODS)).json["items"][0]
        waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]
        assert waiting["reason"] == "ImagePullBackOff"
        await api.apply(f"{DEPLOYMENTS}/web", deployment(progressDeadlineSeconds=60))
        await asyncio.sleep(1)
        found = (await api.get(f"{DEPLOYMENTS}/web")).json
        assert conditions(found)["Available"] == "True MinimumReplicasAvailable"

    drive(scenario)


def test_deleting_a_deployment_takes_its_pods_along(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        await api.apply(f"{DEPLOYMENTS}/web", deployment())
        await asyncio.sleep(1)
        assert (await api.delete(f"{DEPLOYMENTS}/web")).json["status"] == "Success"
        await asyncio.sleep(1)
        assert (await api.get(PODS)).json["items"] == []
        assert (await api.get("/apis/apps/v1/namespaces/default/replicasets")).json["items"] == []

    drive(scenario)


def test_a_stateful_set_starts_its_pods_in_order_with_claims(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        spec = deployment()["spec"]
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        spec.update(serviceName="db", volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": claim}])
        base = "/apis/apps/v1/namespaces/default/statefulsets"
        obj = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec}
        await api.apply(f"{base}/db", obj)
        await asyncio.sleep(0.3)
        assert len((await api.get(PODS)).json["items"]) == 2
        await asyncio.sleep(1)
        status = (await api.get(f"{base}/db")).json["status"]
        assert (status["replicas"], status["readyReplicas"], status["updatedReplicas"]) == (3, 3, 3)
        assert status["currentRevision"] == status["updateRevision"]
        names = [pod["metadata"]["name"] for pod in (await api.get(PODS)).json["items"]]
        assert names == ["db-0", "db-1", "db-2"]
        claims = (await api.get("/api/v1/namespaces/default/persistentvolumeclaims")).json["items"]
        assert [(c["metadata"]["name"], c["status"]["phase"]) for c in claims] == [
            (f"data-db-{i}", "Bound") for i in range(3)
        ]
        spec["template"]["spec"]["containers"][0]["image"] = "app:2"
        await api.apply(f"{base}/db", obj)
        await asyncio.sleep(3)
        status = (await api.get(f"{base}/db")).json["status"]
        assert status["currentRevision"] == status["updateRevision"]
        pods = (await api.get(PODS)).json["items"]
        assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"app:2"}

    drive(scenario)


def test_a_daemon_set_has_a_pod_on_every_node(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        spec = {key: value for key, value in deployment()["spec"].items() if key != "replicas"}
        base = "/apis/apps/v1/namespaces/default/daemonsets"
        obj = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": spec}
        await api.apply(f"{base}/agent", obj)
        await asyncio.sleep(1)
        status = (await api.get(f"{base}/agent")).json["status"]
        assert status["desiredNumberScheduled"] == status["numberAvailable"] == status["updatedNumberScheduled"] == 2

    drive(scenario, nodes=2)


def job(**spec: Any) -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "app:1"}]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once"},
        "spec": {"template": template, **spec},
    }


def test_a_job_completes(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        await api.apply("/apis/batch/v1/namespaces/default/jobs/once", job(completions=2, parallelism=1))
        await asyncio.sleep(5)
        found = (await api.get("/apis/batch/v1/namespaces/default/jobs/once")).json
        assert found["status"]["succeeded"] == 2
        assert conditions(found)["Complete"] == "True CompletionsReached"
        assert found["status"]["completionTime"]

    drive(scenario)


def test_a_job_whose_pods_fail_gives_up_after_its_backoff_limit(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        failing = job(backoffLimit=2)
        failing["spec"]["template"]["metadata"] = {"annotations": {"sim.fluvial.dev/fail": "Error"}}
        await api.apply("/apis/batch/v1/namespaces/default/jobs/once", failing)
        await asyncio.sleep(60)
        found = (await api.get("/apis/batch/v1/namespaces/default/jobs/once")).json
        assert found["status"]["failed"] == 3
        assert conditions(found)["Failed"] == "True BackoffLimitExceeded"

    drive(scenario)


def test_a_load_balancer_gets_an_address(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
        }
        created = (await api.post("/api/v1/namespaces/default/services", service)).json
        assert created["spec"]["clusterIP"].startswith("10.96.")
        assert 30000 <= created["spec"]["ports"][0]["nodePort"] < 32768
        await asyncio.sleep(1)
        status = (await api.get("/api/v1/namespaces/default/services/web")).json["status"]
        assert status["loadBalancer"]["ingress"][0]["ip"].startswith("203.0.113.")

    drive(scenario)


def test_a_pod_that_is_refused_is_told_of_and_tried_again(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        labels = {"app": "db"}
        pod = {"priorityClassName": "missing", "containers": [{"name": "c", "image": "x"}]}
        spec = {"serviceName": "db", "selector": {"matchLabels": labels}}
        spec["template"] = {"metadata": {"labels": labels}, "spec": pod}
        obj = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec}
        await api.apply("/apis/apps/v1/namespaces/default/statefulsets/db", obj)
        await asyncio.sleep(12)
        (event,) = (await api.get("/api/v1/namespaces/default/events")).json["items"]
        assert event["reason"] == "FailedCreate"
        assert event["count"] > 1
        assert event["message"].endswith("no PriorityClass with name missing was found")
        await api.post("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "missing"}, "value": 7})
        await asyncio.sleep(30)
        (found,) = (await api.get(PODS)).json["items"]
        assert found["spec"]["priority"] == 7

    drive(scenario)


def test_a_pod_waits_for_a_node_that_takes_it(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        node = "/api/v1/nodes/fluvial-0"
        await api.patch(node, {"spec": {"unschedulable": True}})
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
        await api.post(PODS, pod)
        await asyncio.sleep(1)
        waiting = (await api.get(f"{PODS}/p")).json
        assert waiting["status"]["conditions"][0]["reason"] == "Unschedulable"
        await api.patch(node, {"spec": {"unschedulable": None}})
        await asyncio.sleep(1)
        assert (await api.get(f"{PODS}/p")).json["status"]["phase"] == "Running"

    drive(scenario)
