"""Git's framing, whatever the pieces it comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluvial.git.errors import ProtocolError
from fluvial.git.pktline import Mark, PacketReader, line

PACKETS = st.lists(st.one_of(st.binary(min_size=1, max_size=50), st.sampled_from(list(Mark))), max_size=20)


@given(PACKETS, st.integers(1, 7))
def test_packets_survive_any_cut(packets: list[bytes | Mark], step: int) -> None:
    wire = b"".join(packet.value if isinstance(packet, Mark) else line(packet) for packet in packets)
    reader = PacketReader()
    found = [packet for at in range(0, len(wire), step) for packet in reader.feed(wire[at : at + step])]
    assert found == packets
    assert reader.is_between_packets


def test_a_text_gets_its_newline() -> None:
    assert line("done") == b"0009done\n"


@pytest.mark.parametrize("wire", [b"zzzz", b"0003", b"<htm", b"-001", b"fffff"])
def test_what_is_no_packet_is_refused(wire: bytes) -> None:
    with pytest.raises(ProtocolError, match="not a Git packet"):
        PacketReader().feed(wire)


def test_a_cut_packet_is_noticed() -> None:
    reader = PacketReader()
    assert reader.feed(b"0010half") == []
    assert not reader.is_between_packets
