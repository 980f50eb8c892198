"""Reading request bodies in Kubernetes' protobuf: kubectl writes core kinds in it (`create`, `auth can-i`).

Answers are JSON: every client that sends protobuf accepts it. Field numbers are data, derived from the published
`generated.proto` files (`tools/schemas/protobuf.py`).
"""

from fluvial.controlplane.protobuf.reader import ProtobufError, read_object

__all__ = ["ProtobufError", "read_object"]
