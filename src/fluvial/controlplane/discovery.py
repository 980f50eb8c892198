"""Discovery: which groups, versions and resources are served, in the old lists and aggregated."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from fluvial.controlplane.request import Answer
from fluvial.controlplane.resources import Registry, Resource, Subresource
from fluvial.wire import status

# The order in which upstream lists them for custom resources.
_CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
Form = Literal["v2", "v2beta1", "legacy"]


class Discovery:
    """Answers discovery requests from the registry, remembered until it changes."""

    def __init__(self, registry: Registry, server_address: str) -> None:
        self._registry = registry
        self._address = server_address
        self._generation = -1
        self._answers: dict[tuple[str, Form], Answer] = {}

    def answer(self, path: str, form: Form) -> Answer | None:
        """Return the answer to /api, /apis, /api/v1, /apis/GROUP or /apis/GROUP/VERSION; None for other paths."""
        if self._generation != self._registry.generation:
            self._generation = self._registry.generation
            self._answers.clear()
        key = (path.rstrip("/"), form)
        found = self._answers.get(key)
        if found is None:
            made = self._make(*key)
            if made is None:
                return None
            found = self._answers[key] = made
        return found

    def _make(self, path: str, form: Form) -> Answer | None:
        parts = path.strip("/").split("/")
        if parts == ["api"]:
            return self._aggregated([""], form) if form != "legacy" else Answer(200, _encode(self._versions()))
        if parts == ["apis"]:
            groups = [group for group in self._registry.group_versions() if group]
            return self._aggregated(groups, form) if form != "legacy" else Answer(200, _encode(self._groups(groups)))
        if len(parts) == 2 and parts[0] == "api":
            return self._resources("", parts[1])
        if len(parts) == 2 and parts[0] == "apis":
            versions = self._registry.group_versions().get(parts[1])
            if not parts[1] or versions is None:
                return None
            return Answer(200, _encode({"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], versions)}))
        if len(parts) == 3 and parts[0] == "apis":
            return self._resources(parts[1], parts[2])
        return None

    def _versions(self) -> dict[str, Any]:
        addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": self._address}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}

    def _groups(self, groups: Sequence[str]) -> dict[str, Any]:
        versions = self._registry.group_versions()
        return {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(group, versions[group]) for group in groups],
        }

    def _resources(self, group: str, version: str) -> Answer | None:
        rows = self._registry.in_version(group, version)
        if not rows:
            if group in self._registry.group_versions():
                return Answer(404, _encode(status.no_such_resource()))
            return None
        listed: list[dict[str, Any]] = []
        for row in rows:
            listed.append(_legacy(row))
            listed += _legacy_subresources(row)
        name = f"{group}/{version}" if group else version
        body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed}
        if not group:
            del body["apiVersion"]
        return Answer(200, _encode(body))

    def _aggregated(self, groups: Sequence[str], form: Form) -> Answer:
        versions = self._registry.group_versions()
        items = []
        for group in groups:
            listed = [
                {
                    "version": version,
                    "resources": [_aggregated(row) for row in self._registry.in_version(group, version)],
                    "freshness": "Current",
                }
                for version in versions[group]
            ]
            metadata: dict[str, Any] = (
                {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
            )
            items.append({"metadata": metadata, "versions": listed})
        body = {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{form}",
            "metadata": {},
            "items": items,
        }
        encoded = _encode(body)
        tag = f'"{hashlib.sha256(encoded).hexdigest().upper()}"'
        headers = {"content-type": _AGGREGATED_TYPE.format(form), "etag": tag, "vary": "Accept"}
        return Answer(200, encoded, headers)


def _encode(body: dict[str, Any]) -> bytes:
    return msgspec.json.encode(body)


def _group(group: str, versions: Sequence[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def storage_hash(resource: Resource) -> str:
    """Return the storageVersionHash: it changes when the stored version of a kind does."""
    text = f"{resource.group}/{resource.storage_version.rpartition('/')[2]}/{resource.kind}"
    return msgspec.json.encode(hashlib.sha256(text.encode()).digest()[:8]).decode().strip('"')


def _legacy(row: Resource) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": row.plural,
        "singularName": row.singular,
        "namespaced": row.namespaced,
        "kind": row.kind,
        "verbs": list(_CUSTOM_VERBS) if row.custom is not None else sorted(row.verbs),
    }
    if row.short_names:
        found["shortNames"] = list(row.short_names)
    if row.categories:
        found["categories"] = list(row.categories)
    if "list" in row.verbs:
        found["storageVersionHash"] = storage_hash(row)
    return found


def _legacy_subresources(row: Resource) -> list[dict[str, Any]]:
    listed = []
    for name, sub in _ordered(row):
        entry: dict[str, Any] = {
            "name": f"{row.plural}/{name}",
            "singularName": "",
            "namespaced": row.namespaced,
            "kind": sub.kind,
            "verbs": sorted(sub.verbs),
        }
        if (sub.group, sub.version) != (row.group, row.version):
            entry = {**entry, "group": sub.group, "version": sub.version}
        listed.append(entry)
    return listed


def _ordered(row: Resource) -> list[tuple[str, Subresource]]:
    """Return the subresources, by name; those of custom resources as declared."""
    return list(row.subresources.items()) if row.custom is not None else sorted(row.subresources.items())


def _aggregated(row: Resource) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resource": row.plural,
        "responseKind": {"group": row.group, "version": row.version, "kind": row.kind},
        "scope": "Namespaced" if row.namespaced else "Cluster",
        "singularResource": row.singular,
        "verbs": sorted(row.verbs),
    }
    if row.short_names:
        found["shortNames"] = list(row.short_names)
    if row.categories:
        found["categories"] = list(row.categories)
    if row.subresources:
        found["subresources"] = [
            {
                "subresource": name,
                "responseKind": {"group": sub.group, "version": sub.version, "kind": sub.kind},
                "verbs": sorted(sub.verbs),
            }
            for name, sub in _ordered(row)
        ]
    return found
