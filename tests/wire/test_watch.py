"""Watch frames: read back however the stream is cut."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.wire import FrameReader, WatchEvent, WatchFormatError, bookmark, encode_frame, is_initial_events_end

OBJECTS = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=4), max_size=6)


@given(OBJECTS, st.integers(1, 7))
def test_frames_are_read_back_however_they_are_cut(objects: list[dict[str, str]], size: int) -> None:
    stream = b"".join(encode_frame("ADDED", msgspec.json.encode(obj)) for obj in objects)
    reader, found = FrameReader(), []
    for start in range(0, len(stream), size):
        found += reader.feed(stream[start : start + size])
    assert found == [WatchEvent("ADDED", obj) for obj in objects]
    assert reader.pending == 0


def test_a_stream_that_was_cut_within_a_frame_shows_it() -> None:
    reader = FrameReader()
    assert reader.feed(b'{"type":"ADDED","obj') == []
    assert reader.pending == 20


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b'{"type":"ODD","object":{}}\n', b'{"type":"ADDED"}\n'])
def test_what_is_no_frame_is_refused(line: bytes) -> None:
    with pytest.raises(WatchFormatError):
        FrameReader().feed(line)


def test_a_frame_that_never_ends_is_refused_before_it_fills_the_memory() -> None:
    reader = FrameReader(limit=100)
    reader.feed(b"x" * 100)
    with pytest.raises(WatchFormatError):
        reader.feed(b"x")


def test_the_end_of_initial_events_is_a_bookmark_of_its_own_kind() -> None:
    (plain,) = FrameReader().feed(bookmark("Pod", "v1", 7))
    (end,) = FrameReader().feed(bookmark("Pod", "v1", 7, initial_events_end=True))
    assert not is_initial_events_end(plain)
    assert is_initial_events_end(end)
    assert end.object["metadata"]["resourceVersion"] == "7"
