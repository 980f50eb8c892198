"""The inventory in `status.inventory`: which objects a Kustomization has applied.

An entry is `{id: <namespace>_<name>_<group>_<kind>, v: <version>}`; `:` in the name of an RBAC object is written `__`.
Source: fluxcd/cli-utils `object.ObjMetadata`, kustomize-controller `internal/inventory`.
"""

from collections.abc import Iterable
from typing import Final

from fluvial.api.errors import InvalidObject
from fluvial.objects import Object, Ref

# etcd refuses requests over 1.5 MiB; the rest of the object needs room too.
MAX_INVENTORY_BYTES: Final = 1 << 20
_ENTRY_OVERHEAD: Final = len('{"id":"","v":""},')
_COLON_KINDS: Final = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})
_COLON_GROUP: Final = "rbac.authorization.k8s.io"


def inventory_id(ref: Ref) -> str:
    """The id of `ref` in an inventory."""
    name = ref.name
    if ref.group == _COLON_GROUP and ref.kind in _COLON_KINDS:
        name = name.replace(":", "__")
    return f"{ref.namespace}_{name}_{ref.group}_{ref.kind}"


def parse_inventory_id(identity: str, version: str) -> Ref:
    """The object that an inventory entry names.

    Raises:
        InvalidObject: not an id; the entry was not written by Flux or by us.
    """
    # Kind, group and namespace hold no underscore; what is left between them is the name.
    parts = identity.split("_")
    if len(parts) < 4 or not parts[-1]:
        raise InvalidObject("status.inventory", f"cannot parse the entry {identity!r}")
    name = "_".join(parts[1:-2]).replace("__", ":")
    if not name:
        raise InvalidObject("status.inventory", f"cannot parse the entry {identity!r}")
    return Ref(group=parts[-2], version=version, kind=parts[-1], namespace=parts[0], name=name)


def read_inventory(obj: Object) -> tuple[Ref, ...]:
    """The objects named by `status.inventory` of a Kustomization, in its order."""
    inventory = (obj.get("status") or {}).get("inventory") or {}
    entries = inventory.get("entries") or ()
    return tuple(parse_inventory_id(str(entry.get("id", "")), str(entry.get("v", ""))) for entry in entries)


def write_inventory(refs: Iterable[Ref]) -> Object:
    """`status.inventory` naming `refs`, in the order given, the first of equal ids kept."""
    entries: dict[str, Object] = {}
    for ref in refs:
        identity = inventory_id(ref)
        entries.setdefault(identity, {"id": identity, "v": ref.version})
    return {"entries": list(entries.values())}


def inventory_size(refs: Iterable[Ref]) -> int:
    """Bytes that the inventory of `refs` takes as JSON."""
    return sum(len(inventory_id(ref).encode()) + len(ref.version) + _ENTRY_OVERHEAD for ref in refs)
