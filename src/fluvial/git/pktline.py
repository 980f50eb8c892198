"""Git's framing: lines with a four-digit hexadecimal length, and three empty marks (gitprotocol-common)."""

import enum

from fluvial.git.errors import ProtocolError

_LONGEST = 65520  # bytes of one line with its length, by the protocol


class Mark(enum.Enum):
    """A packet without content."""

    FLUSH = b"0000"
    DELIMITER = b"0001"
    RESPONSE_END = b"0002"


Packet = bytes | Mark
_MARKS = {0: Mark.FLUSH, 1: Mark.DELIMITER, 2: Mark.RESPONSE_END}


def line(text: str | bytes) -> bytes:
    """Return one line as it goes over the wire; a text gets its newline."""
    data = text if isinstance(text, bytes) else text.encode() + b"\n"
    return b"%04x%s" % (len(data) + 4, data)


class PacketReader:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Packet]:
        """Take the next bytes and return the packets that are complete now.

        Raises:
            ProtocolError: a length that is no length.
        """
        buffer = self._rest + data if self._rest else data
        packets: list[Packet] = []
        at = 0
        while len(buffer) - at >= 4:
            length = _length(buffer[at : at + 4])
            if length < 4:
                packets.append(_MARKS[length])
                at += 4
                continue
            if len(buffer) - at < length:
                break
            packets.append(buffer[at + 4 : at + length])
            at += length
        self._rest = buffer[at:]
        return packets

    @property
    def is_between_packets(self) -> bool:
        """Whether the stream could end here without losing anything."""
        return not self._rest


def _length(digits: bytes) -> int:
    try:
        length = int(digits, 16)
    except ValueError:
        length = -1
    if length < 0 or length == 3 or length > _LONGEST + 4:
        raise ProtocolError(f"not a Git packet: {digits!r}")
    return length
