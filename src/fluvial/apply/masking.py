"""Secret values out of every text: errors, diffs, change sets.

Source of the marks: fluxcd/pkg `ssa/sanitize.go`.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fluvial.objects import Object, dig
from fluvial.stdx import Redactor

MASK: Final = "***"
MASK_BEFORE: Final = "*** (before)"
MASK_AFTER: Final = "*** (after)"


def is_secret(obj: Object) -> bool:
    """Whether `obj` is a core Secret, whatever the case of its kind."""
    return str(obj.get("kind", "")).lower() == "secret" and obj.get("apiVersion") == "v1"


def masked_text(text: str, obj: Object) -> str:
    """`text` about `obj`, without any value that `obj` holds if it is a Secret."""
    if not is_secret(obj):
        return text
    redactor = Redactor()
    for field in ("stringData", "data"):
        for value in _leaves(obj.get(field)):
            redactor.add(value)
            try:
                redactor.add(base64.b64decode(value, validate=True))
            except (binascii.Error, ValueError):
                continue  # not base64: the server says so, and the raw text is masked already
    return redactor.clean(text)


def _leaves(value: Any) -> Iterator[str]:
    """The values in a field, as the server would quote them: it quotes most where the shape is wrong."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def masked_pair(before: Object | None, after: Object | None) -> tuple[Object | None, Object | None]:
    """Two states of one Secret for a diff: equal values are `***`, others `*** (before)` and `*** (after)`."""
    old, new = _data(before), _data(after)
    shown_old = {key: MASK_BEFORE if key in new and new[key] != value else MASK for key, value in old.items()}
    shown_new = {key: MASK_AFTER if key in old and old[key] != value else MASK for key, value in new.items()}
    return _with_data(before, shown_old), _with_data(after, shown_new)


def _data(obj: Object | None) -> dict[str, Any]:
    found = dig(obj or {}, "data", default={})
    return found if isinstance(found, dict) else {}


def _with_data(obj: Object | None, data: dict[str, str]) -> Object | None:
    return obj if obj is None or not data else {**obj, "data": data}
