"""Progress lines: one symbol, one space, text, on standard error; the symbols are flux's."""

from typing import TextIO


class Say:
    """Writes progress lines to `stream` and flushes each, since someone is waiting for them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def action(self, text: str) -> None:
        self._line("►", text)

    def generate(self, text: str) -> None:
        self._line("✚", text)

    def waiting(self, text: str) -> None:
        self._line("◎", text)

    def success(self, text: str) -> None:
        self._line("✔", text)

    def warning(self, text: str) -> None:
        self._line("⚠️", text)

    def failure(self, text: str) -> None:
        self._line("✗", text)

    def _line(self, symbol: str, text: str) -> None:
        self._stream.write(f"{symbol} {text}\n")
        self._stream.flush()
