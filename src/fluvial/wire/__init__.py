"""The Kubernetes HTTP vocabulary without HTTP: paths, verbs, media types, Status, watch frames, tables.

Client (`kube`) and server (`controlplane`) share it, so that each text is written once and tested against recorded
answers of kube-apiserver. Absent on purpose: protobuf, and everything that reads a socket or a clock.
"""

from fluvial.wire import media, status
from fluvial.wire.options import DeleteOptions, ListOptions, OptionsError, WriteOptions, build_query, parse_query
from fluvial.wire.paths import ResourcePath, build_path, parse_path
from fluvial.wire.tables import Column, row, table
from fluvial.wire.verbs import Verb, is_true, verb_of
from fluvial.wire.watch import (
    FrameReader,
    WatchEvent,
    WatchFormatError,
    WatchType,
    bookmark,
    encode_frame,
    is_initial_events_end,
)

__all__ = [
    "Column",
    "DeleteOptions",
    "FrameReader",
    "ListOptions",
    "OptionsError",
    "ResourcePath",
    "Verb",
    "WatchEvent",
    "WatchFormatError",
    "WatchType",
    "WriteOptions",
    "bookmark",
    "build_path",
    "build_query",
    "encode_frame",
    "is_initial_events_end",
    "is_true",
    "media",
    "parse_path",
    "parse_query",
    "row",
    "status",
    "table",
    "verb_of",
]
