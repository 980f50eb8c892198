"""What goes along when something goes: owners, namespaces, definitions."""

from __future__ import annotations

import asyncio
from typing import Any

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


async def make(api: Any, name: str, owner: Any = None, **metadata: Any) -> Any:
    if owner is not None:
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"]}
        reference["uid"] = owner["metadata"]["uid"]
        metadata["ownerReferences"] = [{**reference, "blockOwnerDeletion": True}]
    return (await api.post(CONFIGMAPS, {"metadata": {"name": name, **metadata}})).json


async def there(api: Any) -> list[str]:
    return [item["metadata"]["name"] for item in (await api.get(CONFIGMAPS)).json["items"]]


def test_dependents_go_in_the_background(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        owner = await make(api, "owner")
        child = await make(api, "child", owner)
        await make(api, "grandchild", child)
        await api.delete(f"{CONFIGMAPS}/owner")
        assert "child" in await there(api)
        await asyncio.sleep(0.1)
        assert await there(api) == []

    drive(scenario)


def test_an_owner_waits_in_the_foreground_for_its_dependents(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        owner = await make(api, "owner")
        await make(api, "child", owner, finalizers=["example.com/wait"])
        left = (await api.delete(f"{CONFIGMAPS}/owner?propagationPolicy=Foreground")).json
        assert left["metadata"]["finalizers"] == ["foregroundDeletion"]
        await asyncio.sleep(0.1)
        assert await there(api) == ["child", "owner"]
        child = (await api.get(f"{CONFIGMAPS}/child")).json
        assert child["metadata"]["deletionTimestamp"]
        await api.patch(f"{CONFIGMAPS}/child", {"metadata": {"finalizers": None}})
        await asyncio.sleep(0.1)
        assert await there(api) == []

    drive(scenario)


def test_orphans_stay_and_forget_their_owner(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        owner = await make(api, "owner")
        await make(api, "child", owner)
        await api.delete(f"{CONFIGMAPS}/owner?propagationPolicy=Orphan")
        await asyncio.sleep(0.1)
        assert await there(api) == ["child"]
        assert "ownerReferences" not in (await api.get(f"{CONFIGMAPS}/child")).json["metadata"]

    drive(scenario)


def test_an_object_whose_owner_never_was_goes_at_once(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        ghost = {"metadata": {"name": "ghost", "uid": "11111111-1111-4111-8111-111111111111"}}
        await make(api, "child", ghost)
        await asyncio.sleep(0.1)
        assert await there(api) == []

    drive(scenario)


def test_an_object_with_another_owner_stays_and_drops_the_lost_one(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        first, second = await make(api, "first"), await make(api, "second")
        references = [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": o["metadata"]["name"], "uid": o["metadata"]["uid"]}
            for o in (first, second)
        ]
        await make(api, "child", ownerReferences=references)
        await api.delete(f"{CONFIGMAPS}/first")
        await asyncio.sleep(0.1)
        child = (await api.get(f"{CONFIGMAPS}/child")).json
        assert [ref["name"] for ref in child["metadata"]["ownerReferences"]] == ["second"]

    drive(scenario)


def test_a_namespace_takes_its_content_along_and_waits_for_finalizers(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        await api.post("/api/v1/namespaces", {"metadata": {"name": "n"}})
        await asyncio.sleep(0.1)
        accounts = (await api.get("/api/v1/namespaces/n/serviceaccounts")).json["items"]
        assert [account["metadata"]["name"] for account in accounts] == ["default"]
        body = {"metadata": {"name": "held", "finalizers": ["example.com/wait"]}}
        await api.post("/api/v1/namespaces/n/configmaps", body)
        await api.post("/api/v1/namespaces/n/secrets", {"metadata": {"name": "s"}})
        await api.delete("/api/v1/namespaces/n")
        await asyncio.sleep(0.1)
        namespace = (await api.get("/api/v1/namespaces/n")).json
        assert namespace["status"]["phase"] == "Terminating"
        conditions = {c["type"]: c["message"] for c in namespace["status"]["conditions"]}
        assert conditions["NamespaceFinalizersRemaining"] == (
            "Some content in the namespace has finalizers remaining: example.com/wait in 1 resource instances"
        )
        refused = await api.post("/api/v1/namespaces/n/configmaps", {"metadata": {"name": "late"}})
        assert refused.code == 403
        assert "because it is being terminated" in refused.message
        await api.patch("/api/v1/namespaces/n/configmaps/held", {"metadata": {"finalizers": None}})
        await asyncio.sleep(0.1)
        assert (await api.get("/api/v1/namespaces/n")).code == 404

    drive(scenario)


def definition(plural: str, kind: str, **names: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, **names},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
    }


CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def test_a_definition_takes_its_objects_along(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        await api.post(CRDS, definition("things", "Thing"))
        await asyncio.sleep(0.1)
        things = "/apis/example.com/v1/namespaces/default/things"
        thing = {"apiVersion": "example.com/v1", "kind": "Thing"}
        await api.post(things, {**thing, "metadata": {"name": "a"}})
        await api.post(things, {**thing, "metadata": {"name": "held", "finalizers": ["example.com/wait"]}})
        await api.delete(f"{CRDS}/things.example.com")
        await asyncio.sleep(0.1)
        left = (await api.get(things)).json["items"]
        assert [item["metadata"]["name"] for item in left] == ["held"]
        await api.patch(f"{things}/held", {"metadata": {"finalizers": None}})
        await asyncio.sleep(0.1)
        assert (await api.get(f"{CRDS}/things.example.com")).code == 404
        assert (await api.get(things)).code == 404
        groups = (await api.get("/apis")).json["groups"]
        assert "example.com" not in [group["name"] for group in groups]

    drive(scenario)


def test_a_definition_whose_names_are_taken_waits_until_they_are_free(drive: Any) -> None:
    async def scenario(api: Any) -> None:
        await api.post(CRDS, definition("things", "Thing"))
        await asyncio.sleep(0.1)
        await api.post(CRDS, definition("others", "Other", shortNames=["things"]))
        await asyncio.sleep(0.1)
        waiting = (await api.get(f"{CRDS}/others.example.com")).json
        conditions = {c["type"]: (c["status"], c["reason"]) for c in waiting["status"]["conditions"]}
        assert conditions["NamesAccepted"] == ("False", "ShortNamesConflict")
        assert conditions["Established"] == ("False", "NotAccepted")
        assert (await api.get("/apis/example.com/v1/others")).code == 404
        await api.delete(f"{CRDS}/things.example.com")
        await asyncio.sleep(0.1)
        assert (await api.get("/apis/example.com/v1/others")).code == 200

    drive(scenario)
