"""Bodies in Kubernetes' protobuf, as kubectl sends them for core kinds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.controlplane.protobuf import ProtobufError, read_object

MAGIC = b"k8s\0"


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def body(api_version: str, kind: str, message: bytes) -> bytes:
    return MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, message)


def test_a_config_map_is_read() -> None:
    metadata = field(1, "a") + field(3, "ns") + field(11, field(1, "app") + field(2, "x"))
    message = field(1, metadata) + field(2, field(1, "k") + field(2, "v")) + field(3, field(1, "b") + field(2, b"\1\2"))
    assert read_object(body("v1", "ConfigMap", message)) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "ns", "labels": {"app": "x"}},
        "data": {"k": "v"},
        "binaryData": {"b": "AQI="},
    }


def test_numbers_times_quantities_and_merged_structs_have_their_json_form() -> None:
    port = field(1, "http") + field(3, 80) + field(4, field(1, 0) + field(2, 8080))
    named = field(3, 81) + field(4, field(1, 1) + field(3, "web"))
    service = read_object(body("v1", "Service", field(2, field(1, port) + field(1, named))))
    assert service["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": 8080},
        {"port": 81, "targetPort": "web"},
    ]
    volume = field(1, "v") + field(2, field(6, field(1, "s")))
    pod = read_object(body("v1", "Pod", field(1, field(8, field(1, 0))) + field(2, field(1, volume))))
    assert pod["metadata"]["creationTimestamp"] == "1970-01-01T00:00:00Z"
    assert pod["spec"]["volumes"] == [{"name": "v", "secret": {"secretName": "s"}}]
    quota = field(1, field(1, "pods") + field(2, field(1, "3")))
    assert read_object(body("v1", "ResourceQuota", field(2, quota)))["spec"] == {"hard": {"pods": "3"}}
    minus = (1 << 64) - 1
    grace = read_object(body("v1", "Pod", field(2, field(4, minus))))
    assert grace["spec"] == {"terminationGracePeriodSeconds": -1}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        MAGIC,
        MAGIC + b"\xff",
        body("v1", "Unheard", b""),
        body("v1", "ConfigMap", b"\x0a\x7f"),
        body("v1", "ConfigMap", field(1, 7)),
        body("v1", "ConfigMap", field(1, field(1, b"\xff\xfe"))),
    ],
)
def test_what_is_no_protobuf_is_refused(data: bytes) -> None:
    with pytest.raises(ProtobufError):
        read_object(data)


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_read_or_refused(data: bytes) -> None:
    def read(raw: bytes) -> Any:
        try:
            return read_object(raw)
        except ProtobufError:
            return None

    read(MAGIC + data)
    read(body("apps/v1", "Deployment", data))
