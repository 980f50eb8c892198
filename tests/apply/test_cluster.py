"""Plans carried out on the embedded API server, on virtual time; requests counted in its audit."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from fluvial.apply import (
    Action,
    Cluster,
    Live,
    Options,
    Owner,
    PreflightFailed,
    PruneFailed,
    Record,
    StageFailed,
    carry_out,
    digest_of,
    make_plan,
    preflight,
    prune,
    resolve,
    until_terminated,
)
from fluvial.controlplane import AuditRecord, ServerFault
from fluvial.objects import Object, Ref, annotations, dig, labels
from fluvial.wire import status
from tests.apply.world import OWNER, World, config_map, run


def ref(kind: str, name: str, namespace: str = "default") -> Ref:
    return Ref("", "v1", kind, namespace, name)


def widget_crd(**spec: Any) -> Object:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
            **spec,
        },
    }


def widget(name: str, namespace: str = "default") -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata, "spec": {"size": 1}}


def test_a_new_object_costs_one_dry_run_and_one_apply() -> None:
    async def test(world: World) -> None:
        changes = await world.apply(config_map("a"), config_map("b"))
        assert str(changes) == "ConfigMap/default/a created\nConfigMap/default/b created"
        assert world.requests() == ["dry-run patch configmaps"] * 2 + ["patch configmaps"] * 2
        found = await world.get("ConfigMap", "a")
        assert found is not None
        assert labels(found) == OWNER.labels

    run(test)


def test_an_unchanged_object_is_not_written() -> None:
    async def test(world: World) -> None:
        await world.apply(config_map("a"))
        await asyncio.sleep(10)
        before = await world.get("ConfigMap", "a")
        world.requests()
        changes = await world.apply(config_map("a"))
        assert str(changes) == "ConfigMap/default/a unchanged"
        assert world.requests() == ["dry-run patch configmaps", "get configmaps"]
        assert await world.get("ConfigMap", "a") == before

    run(test)


def test_an_object_that_the_cache_knows_costs_no_read() -> None:
    async def test(world: World) -> None:
        first = await world.apply(config_map("a"), config_map("b"))
        payloads = {"a": config_map("a"), "b": config_map("b")}
        records: dict[Ref, Record] = {}
        for change in first:
            assert change.live is not None
            labelled = payloads[change.ref.name]
            labelled["metadata"]["labels"] = OWNER.labels
            records[change.ref] = Record(digest_of(labelled), change.live)
        known: dict[Ref, Live] = {change.ref: change.live for change in first if change.live is not None}
        cluster = replace(world.cluster, known=known.get, records=records)
        world.requests()
        changes = await world.apply(config_map("a"), config_map("b", key="other"), cluster=cluster)
        assert str(changes) == "ConfigMap/default/a unchanged\nConfigMap/default/b configured"
        assert world.requests() == ["dry-run patch configmaps"] * 2 + ["patch configmaps"]

    run(test)


def test_many_unknown_objects_are_read_by_one_list() -> None:
    async def test(world: World) -> None:
        for number in range(30):
            await world.client.apply(config_map(f"c{number}"), field_manager="somebody")
        world.requests()
        changes = await world.apply(*[config_map(f"c{number}") for number in range(30)])
        assert {change.action for change in changes} == {Action.CONFIGURED}
        asked = world.requests()
        assert asked.count("list configmaps") == 1
        assert "get configmaps" not in asked

    run(test)


def test_what_kubectl_applied_becomes_ours_and_what_it_alone_had_is_removed() -> None:
    async def test(world: World) -> None:
        theirs = config_map("a", key="value", extra="kubectl's")
        theirs["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "yes"}
        await world.client.create(theirs, field_manager="kubectl-client-side-apply")
        foreign = {"data": {"foreign": "stays"}}
        await world.client.patch(ref("ConfigMap", "a"), foreign, kind="merge", field_manager="operator")
        world.requests()
        changes = await world.apply(config_map("a", key="value"))
        assert str(changes) == "ConfigMap/default/a configured"
        assert world.requests() == [
            "dry-run patch configmaps",
            "get configmaps",
            "patch configmaps",
            "patch configmaps",
        ]
        found = await world.get("ConfigMap", "a")
        assert found is not None
        assert found["data"] == {"key": "value", "foreign": "stays"}
        assert annotations(found) == {"kept": "yes"} or annotations(found) == {}
        managers = {entry["manager"] for entry in dig(found, "metadata", "managedFields")}
        assert managers == {"kustomize-controller", "operator"}

    run(test)


def test_an_object_merged_leaves_other_managers_alone() -> None:
    async def test(world: World) -> None:
        await world.client.create(config_map("a", key="value", extra="theirs"), field_manager="kubectl-create")
        desired = config_map("a", key="value")
        desired["metadata"]["annotations"] = {"kustomize.toolkit.fluxcd.io/ssa": "Merge"}
        await world.apply(desired)
        found = await world.get("ConfigMap", "a")
        assert found is not None
        assert found["data"] == {"key": "value", "extra": "theirs"}

    run(test)


@pytest.mark.parametrize(
    ("key", "value"),
    [("reconcile", "disabled"), ("ssa", "Ignore")],
)
def test_an_object_that_opts_out_is_skipped_by_manifest_and_by_cluster(key: str, value: str) -> None:
    async def test(world: World) -> None:
        switch = {f"kustomize.toolkit.fluxcd.io/{key}": value}
        desired = config_map("a")
        desired["metadata"]["annotations"] = switch
        assert str(await world.apply(desired)) == "ConfigMap/default/a skipped"
        assert world.requests() == []
        live = config_map("b", key="by hand")
        live["metadata"]["labels"] = switch
        await world.client.create(live)
        assert str(await world.apply(config_map("b"))) == "ConfigMap/default/b skipped"
        found = await world.get("ConfigMap", "b")
        assert found is not None
        assert found["data"] == {"key": "by hand"}

    run(test)


def test_an_object_created_once_only_is_left_alone_afterwards() -> None:
    async def test(world: World) -> None:
        desired = config_map("a")
        desired["metadata"]["annotations"] = {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}
        assert str(await world.apply(desired)) == "ConfigMap/default/a created"
        desired["data"] = {"key": "other"}
        assert str(await world.apply(desired)) == "ConfigMap/default/a skipped"

    run(test)


def test_a_refused_dry_run_names_every_object_and_nothing_is_written() -> None:
    async def test(world: World) -> None:
        objects = [config_map("good"), config_map("Bad_Name"), config_map("lost", namespace="nowhere")]
        objects.append(
            {"apiVersion": "example.com/v1", "kind": "Unknown", "metadata": {"name": "u", "namespace": "default"}}
        )
        with pytest.raises(PreflightFailed) as caught:
            await world.apply(*objects)
        text = str(caught.value)
        assert "ConfigMap/default/Bad_Name dry-run failed (Invalid)" in text
        assert 'ConfigMap/nowhere/lost not found: namespaces "nowhere" not found' in text
        assert 'Unknown/default/u dry-run failed: no matches for kind "Unknown" in version "example.com/v1"' in text
        assert await world.get("ConfigMap", "good") is None
        assert not any(record.writes for record in world.audit)

    run(test)


def test_a_namespace_and_its_contents_in_one_plan() -> None:
    async def test(world: World) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
        changes = await world.apply(config_map("a", namespace="team"), namespace)
        assert str(changes) == "Namespace/team created\nConfigMap/team/a created"

    run(test)


def test_a_definition_and_its_objects_in_one_plan() -> None:
    async def test(world: World) -> None:
        changes = await world.apply(widget("w"), widget_crd(), config_map("a"))
        assert str(changes) == (
            "CustomResourceDefinition/widgets.example.com created\n"
            "ConfigMap/default/a created\n"
            "Widget/default/w created"
        )
        assert str((await world.apply(widget("w"), widget_crd())).changed) == ""

    run(test)


def test_a_bad_object_stops_a_plan_before_its_namespace_is_made() -> None:
    async def test(world: World) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
        with pytest.raises(PreflightFailed):
            await world.apply(config_map("a", namespace="team"), namespace, config_map("Bad_Name"))
        assert await world.client.get("v1", "Namespace", "", "team") is None

    run(test)


def test_a_cluster_scoped_object_loses_a_namespace_that_something_gave_it() -> None:
    async def test(world: World) -> None:
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "reader", "namespace": "default"},
            "rules": [],
        }
        assert str(await world.apply(role)) == "ClusterRole/reader created"

    run(test)


def test_an_apply_that_fails_tells_what_was_done_before() -> None:
    async def test(world: World) -> None:
        def refuse(record: AuditRecord) -> ServerFault | None:
            if record.verb == "patch" and not record.dry_run and record.resource == "services":
                return ServerFault(answer=status.forbidden(record.group, record.resource, record.name, "by a test"))
            return None

        world.plane.faults = refuse
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "default"}}
        service["spec"] = {"ports": [{"port": 80}]}
        with pytest.raises(StageFailed) as caught:
            await world.apply(config_map("a"), service)
        assert "Service/default/s apply failed: " in str(caught.value)
        assert str(caught.value).endswith("\nConfigMap/default/a created")
        assert [str(change) for change in caught.value.changes] == ["ConfigMap/default/a created"]

    run(test)


def test_nothing_is_written_without_the_gates_consent() -> None:
    async def test(world: World) -> None:
        class LeaseLost(Exception):
            pass

        def gate() -> None:
            raise LeaseLost

        with pytest.raises(LeaseLost):
            await world.apply(config_map("a"), cluster=replace(world.cluster, gate=gate))
        assert not any(record.writes for record in world.audit)

    run(test)


def test_a_lost_reply_and_a_server_that_comes_back_are_waited_out() -> None:
    async def test(world: World) -> None:
        seen: list[str] = []

        def stumble(record: AuditRecord) -> ServerFault | None:
            seen.append(record.verb)
            if len(seen) <= 3:
                return ServerFault(answer=status.service_unavailable("starting"))
            return ServerFault(lose_reply=True) if len(seen) == 6 else None

        await world.client.resource("v1", "ConfigMap")
        world.plane.faults = stumble
        assert str(await world.apply(config_map("a"))) == "ConfigMap/default/a created"

    run(test)


# -- recreation


def job(image: str) -> Object:
    container = {"name": "main", "image": image}
    template = {"spec": {"containers": [container], "restartPolicy": "Never"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "namespace": "default"},
        "spec": {"template": template},
    }


def immutable_config_map(value: str) -> Object:
    return {**config_map("frozen", key=value), "immutable": True}


def test_an_immutable_change_is_refused_and_with_force_recreated() -> None:
    async def test(world: World) -> None:
        await world.apply(immutable_config_map("1"))
        before = await world.get("ConfigMap", "frozen")
        with pytest.raises(PreflightFailed, match=r"ConfigMap/default/frozen dry-run failed \(Invalid\).*immutable"):
            await world.apply(immutable_config_map("2"))
        changes = await world.apply(immutable_config_map("2"), force=True)
        assert str(changes) == "ConfigMap/default/frozen created"
        after = await world.get("ConfigMap", "frozen")
        assert before is not None
        assert after is not None
        assert after["metadata"]["uid"] != before["metadata"]["uid"]
        assert after["data"] == {"key": "2"}

    run(test)


def test_an_object_is_not_deleted_for_one_that_the_server_would_refuse() -> None:
    async def test(world: World) -> None:
        await world.apply(immutable_config_map("1"))
        broken = immutable_config_map("2")
        broken["data"]["not/a/key"] = "x"
        with pytest.raises(PreflightFailed):
            await world.apply(broken, force=True)
        assert await world.get("ConfigMap", "frozen") is not None

    run(test)


def test_an_object_opted_out_at_the_last_moment_is_not_recreated() -> None:
    async def test(world: World) -> None:
        await world.apply(immutable_config_map("1"))
        before = await world.get("ConfigMap", "frozen")
        assert before is not None
        resolved = await resolve(world.cluster, make_plan([immutable_config_map("2")], OWNER))
        checked = await preflight(world.cluster, resolved, Options(force=True))
        switch = {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}}
        await world.client.patch(ref("ConfigMap", "frozen"), switch, kind="merge")
        with pytest.raises(StageFailed, match="opted out"):
            await carry_out(world.cluster, checked, Options(force=True))
        after = await world.get("ConfigMap", "frozen")
        assert after is not None
        assert after["metadata"]["uid"] == before["metadata"]["uid"]

    run(test)


# -- prune


def test_prune_deletes_what_carries_our_labels_in_reverse_order() -> None:
    async def test(world: World) -> None:
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "default"}}
        service["spec"] = {"ports": [{"port": 80}]}
        await world.apply(config_map("a"), service)
        world.requests()
        changes = await prune(world.cluster, [ref("ConfigMap", "a"), ref("Service", "s")], OWNER)
        assert str(changes) == "Service/default/s deleted\nConfigMap/default/a deleted"
        assert world.requests() == ["get services", "delete services", "get configmaps", "delete configmaps"]

    run(test)


def test_prune_leaves_what_is_foreign_opted_out_or_claimed_and_what_is_gone_is_done() -> None:
    async def test(world: World) -> None:
        await world.apply(config_map("ours"), config_map("kept"), config_map("moved"), config_map("claimed"))
        switch = {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/prune": "disabled"}}}
        await world.client.patch(ref("ConfigMap", "kept"), switch, kind="merge")
        await world.apply(config_map("moved"), owner=Owner("other", "flux-system"))
        names = ["ours", "kept", "moved", "claimed", "gone"]
        changes = await prune(
            world.cluster,
            [ref("ConfigMap", name) for name in names],
            OWNER,
            claimed=lambda each: each.name == "claimed",
        )
        actions = {change.ref.name: change.action.value for change in changes}
        assert actions == {
            "ours": "deleted",
            "kept": "skipped",
            "moved": "skipped",
            "claimed": "skipped",
            "gone": "deleted",
        }
        assert await world.get("ConfigMap", "kept") is not None
        assert await world.get("ConfigMap", "moved") is not None

    run(test)


def test_an_object_that_changed_between_read_and_delete_is_judged_again() -> None:
    async def test(world: World) -> None:
        await world.apply(config_map("a"))
        rescued = False

        def rescue(record: AuditRecord) -> ServerFault | None:
            nonlocal rescued
            if record.verb == "delete" and not rescued:
                rescued = True
                asyncio.get_running_loop().create_task(world.apply(config_map("a"), owner=Owner("other", "ns")))
                return ServerFault(delay=5)
            return None

        world.plane.faults = rescue
        changes = await prune(world.cluster, [ref("ConfigMap", "a")], OWNER)
        assert str(changes) == "ConfigMap/default/a skipped"
        assert await world.get("ConfigMap", "a") is not None

    run(test)


def test_an_error_while_pruning_keeps_the_object_and_does_not_stop_the_others() -> None:
    async def test(world: World) -> None:
        await world.apply(config_map("a"), config_map("b"))

        def refuse(record: AuditRecord) -> ServerFault | None:
            if record.verb == "delete" and record.name == "a":
                return ServerFault(answer=status.forbidden("", "configmaps", "a", "protected"))
            return None

        world.plane.faults = refuse
        with pytest.raises(PruneFailed) as caught:
            await prune(world.cluster, [ref("ConfigMap", "a"), ref("ConfigMap", "b")], OWNER)
        assert str(caught.value).startswith("delete failed, errors: ConfigMap/default/a delete failed: ")
        assert caught.value.survivors == (ref("ConfigMap", "a"),)
        assert await world.get("ConfigMap", "b") is None

    run(test)


def test_an_object_whose_version_is_served_no_more_is_deleted_in_another() -> None:
    async def test(world: World) -> None:
        await world.apply(widget_crd())
        await world.apply(widget("w"))
        old = Ref("example.com", "v1alpha1", "Widget", "default", "w")
        changes = await prune(world.cluster, [old], OWNER)
        assert str(changes) == "Widget/default/w deleted"
        assert await world.get("Widget", "w", api_version="example.com/v1") is None
        assert await until_terminated(world.cluster, changes, 5) == []

    run(test)


def test_objects_of_a_kind_that_is_gone_are_gone() -> None:
    async def test(world: World) -> None:
        lost = Ref("example.com", "v1", "Nothing", "default", "x")
        assert str(await prune(world.cluster, [lost], OWNER)) == "Nothing/default/x deleted"

    run(test)


def test_termination_is_waited_for_by_watch_and_those_that_stay_are_told() -> None:
    async def test(world: World) -> None:
        held = config_map("held")
        held["metadata"]["finalizers"] = ["example.com/held"]
        await world.apply(held)
        changes = await prune(world.cluster, [ref("ConfigMap", "held")], OWNER)
        assert await until_terminated(world.cluster, changes, 5) == [ref("ConfigMap", "held")]
        free = {"metadata": {"finalizers": None}}

        async def let_go() -> None:
            await asyncio.sleep(3)
            await world.client.patch(ref("ConfigMap", "held"), free, kind="merge")

        task = asyncio.get_running_loop().create_task(let_go())
        assert await until_terminated(world.cluster, changes, 60) == []
        await task

    run(test)


def test_the_cluster_record_has_fluxs_defaults() -> None:
    async def test(world: World) -> None:
        cluster = Cluster(client=world.client, clock=world.cluster.clock)
        assert (cluster.manager, cluster.limit, cluster.wait_timeout) == ("kustomize-controller", 16, 60.0)
        assert Options().force is False

    run(test)


def test_a_field_that_a_built_in_kind_does_not_have_is_left_out_and_told() -> None:
    async def test(world: World) -> None:
        obj = {**config_map("a"), "dta": {"key": "misspelt"}}
        changes = await world.apply(obj)
        assert [(str(change), change.dropped) for change in changes] == [("ConfigMap/default/a created", (".dta",))]
        assert await world.get("ConfigMap", "a") is not None

    run(test)


def test_entries_of_an_older_version_are_rewritten_where_that_is_asked_for() -> None:
    async def test(world: World) -> None:
        crd = widget_crd()
        schema = crd["spec"]["versions"][0]["schema"]
        crd["spec"]["versions"].append({"name": "v2", "served": True, "storage": False, "schema": schema})
        await world.apply(crd)
        await world.apply(widget("w"))
        newer = {**widget("w"), "apiVersion": "example.com/v2"}
        cluster = replace(world.cluster, migrate=True)
        await world.apply(newer, cluster=cluster)
        found = await world.get("Widget", "w", api_version="example.com/v2")
        versions = {entry["apiVersion"] for entry in dig(found or {}, "metadata", "managedFields")}
        assert versions == {"example.com/v2"}

    run(test)
