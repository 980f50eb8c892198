"""What the control plane knows of each kind: its fields, how they merge, their defaults and rules.

Two sorts of kinds answer the same questions (`Kind`): built-in ones, from data vendored beside this package, and those
of a CustomResourceDefinition, compiled from its structural schema.

    kinds = builtin_kinds()                        # cheap; data is read when first asked for
    kind = kinds.get("apps/v1", "Deployment")      # None: not a built-in kind
    decoded = kind.decode(body)                    # DecodeError (400): wrong types; unknown fields are told, dropped
    obj = kind.default(decoded.object)
    errors = kind.validate_create(obj)             # or validate_update(old, new); [] is valid
    text = invalid_message(kind.group_kind, name, errors)      # of the 422 Status; details.causes: [e.cause …]

Order of a request as the real server has it: decode → apply patch → default → `managedfields.update` (or `apply`, then
default) → admission → `managedfields.keep_times` → strategy (reset status, generation) → validate → `kind.stored` →
store.

What kubectl 1.36 asks of OpenAPI: see `openapi.py`.
"""

from fluvial.controlplane.schemas.builtin import BuiltinKinds, Resource, builtin_kinds
from fluvial.controlplane.schemas.custom import CustomKind, SchemaError, compile_crd
from fluvial.controlplane.schemas.errors import DecodeError, FieldError, invalid_message
from fluvial.controlplane.schemas.kind import Decoded, Kind

__all__ = [
    "BuiltinKinds",
    "CustomKind",
    "DecodeError",
    "Decoded",
    "FieldError",
    "Kind",
    "Resource",
    "SchemaError",
    "builtin_kinds",
    "compile_crd",
    "invalid_message",
]
