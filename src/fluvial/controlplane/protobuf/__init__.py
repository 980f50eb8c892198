"""Kubernetes' protobuf where kubectl insists on it: bodies of core kinds (`create`, `auth can-i`), and OpenAPI v2.

All other answers are JSON: every client that sends protobuf takes it. Field numbers are data, derived from published
`generated.proto` files (`tools/schemas/protobuf.py`).
"""

from fluvial.controlplane.protobuf.openapi import MEDIA_TYPE, openapi_v2
from fluvial.controlplane.protobuf.reader import ProtobufError, read_object

__all__ = ["MEDIA_TYPE", "ProtobufError", "openapi_v2", "read_object"]
