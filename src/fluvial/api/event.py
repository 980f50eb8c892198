"""The event that controllers post to `--events-addr` and that notification delivers.

Source: fluxcd/pkg `apis/event/v1beta1` and `runtime/events/recorder.go`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fluvial.api.names import EVENT_GROUP
from fluvial.objects import Object, annotations

SEVERITY_TRACE: Final = "trace"
SEVERITY_INFO: Final = "info"
SEVERITY_ERROR: Final = "error"

# Metadata keys, without their group prefix.
META_REVISION: Final = "revision"
META_ORIGIN_REVISION: Final = "originRevision"
META_CHECKSUM: Final = "checksum"
META_DIGEST: Final = "digest"
META_TOKEN: Final = "token"
META_COMMIT: Final = "commit"
META_COMMIT_STATUS: Final = "commit_status"
META_COMMIT_STATUS_UPDATE: Final = "update"
META_CHANGE_REQUEST: Final = "change_request"

MAX_EVENT_MESSAGE: Final = 39000  # bytes
_TRUNCATED: Final = "..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to one object."""

    involved: Mapping[str, Any]  # an ObjectReference: kind, namespace, name, uid, apiVersion, resourceVersion
    severity: str
    timestamp: str  # RFC 3339
    message: str
    reason: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    reporting_controller: str = ""
    reporting_instance: str = ""

    def payload(self) -> Object:
        """The JSON body that is posted; the message is cut to 39000 bytes."""
        out: Object = {
            "involvedObject": dict(self.involved),
            "severity": self.severity,
            "timestamp": self.timestamp,
            "message": cut_message(self.message),
            "reason": self.reason,
        }
        if self.metadata:
            out["metadata"] = dict(self.metadata)
        out["reportingController"] = self.reporting_controller
        if self.reporting_instance:
            out["reportingInstance"] = self.reporting_instance
        return out


def cut_message(message: str) -> str:
    """`message` in at most 39000 bytes of UTF-8, no character split."""
    raw = message.encode()
    if len(raw) <= MAX_EVENT_MESSAGE:
        return message
    return raw[: MAX_EVENT_MESSAGE - len(_TRUNCATED)].decode(errors="ignore") + _TRUNCATED


def event_metadata(obj: Object, group: str, metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata of an event about `obj`: `metadata` under `group`, and the object's own `event.toolkit.fluxcd.io/…`.

    Keys that carry a group already are kept as they are.
    """
    out = {key: value for key, value in annotations(obj).items() if key.startswith(f"{EVENT_GROUP}/")}
    for key, value in metadata.items():
        out[key if "/" in key else f"{group}/{key}"] = value
    return out
