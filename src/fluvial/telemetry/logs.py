"""Structured logs with Flux's keys: a constant sentence and fields, one JSON object (or one console line) each.

Key order is that of controller-runtime's zap logger: level, ts, msg, the fields in the order in which they were added
(controller, controllerGroup, controllerKind, <Kind>, namespace, name, reconcileID, …), error last. Every line passes
the redactor before it is written.
"""

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from fluvial.stdx import Clock, Redactor

Level = Literal["trace", "debug", "info", "error"]
LEVELS: Mapping[str, int] = {"trace": -2, "debug": -1, "info": 0, "error": 2}  # zap's numbers; Flux has no "warn"


class Logger:
    """Writes lines at or above its level. `bind` returns one with more fields; they share the sink."""

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        clock: Clock,
        redactor: Redactor | None = None,
        level: Level = "info",
        encoding: Literal["json", "console"] = "json",
    ) -> None:
        """`write` gets whole lines, each with its newline (`sys.stderr.write`); it must not block for long."""
        self._write = write
        self._clock = clock
        self._redactor = redactor or Redactor()
        self._threshold = LEVELS[level]
        self._encode = _as_json if encoding == "json" else _as_console
        self._fields: dict[str, Any] = {}

    def bind(self, **fields: Any) -> "Logger":
        """Return a logger that adds `fields` to each line, after its present ones."""
        other = Logger.__new__(Logger)
        other._write, other._clock, other._redactor = self._write, self._clock, self._redactor
        other._threshold, other._encode = self._threshold, self._encode
        other._fields = {**self._fields, **fields}
        return other

    def enabled(self, level: Level) -> bool:
        """Whether a line of `level` would be written; asked before a costly field is made."""
        return LEVELS[level] >= self._threshold

    def trace(self, message: str, **fields: Any) -> None:
        self._line("trace", message, fields)

    def debug(self, message: str, **fields: Any) -> None:
        self._line("debug", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self._line("info", message, fields)

    def error(self, message: str, *, error: BaseException | str | None = None, **fields: Any) -> None:
        """Write an error line; at levels trace and debug an exception brings its stack, as Flux's logger does."""
        if error is not None:
            fields["error"] = str(error) or repr(error)
            if isinstance(error, BaseException) and self._threshold <= LEVELS["debug"]:
                fields["stacktrace"] = "".join(traceback.format_exception(error))
        self._line("error", message, fields)

    def _line(self, level: Level, message: str, fields: Mapping[str, Any]) -> None:
        if LEVELS[level] >= self._threshold:
            line = self._encode(level, _stamp(self._clock.now()), message, {**self._fields, **fields})
            self._write(self._redactor.clean(line) + "\n")


class StandardLogging(logging.Handler):
    """Brings what libraries say through the standard `logging` into a `Logger`: warnings and worse, nothing below.

    The program's entry adds it to the root logger; libraries of ours don't use `logging`.
    """

    def __init__(self, logger: Logger) -> None:
        super().__init__(logging.WARNING)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._logger.error(record.getMessage(), error=error, logger=record.name)


def silent_logger(clock: Clock) -> Logger:
    """Return a logger that writes nothing, for libraries used without a controller."""
    return Logger(lambda line: None, clock=clock, level="error")


def _stamp(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def _as_json(level: Level, stamp: str, message: str, fields: Mapping[str, Any]) -> str:
    record = {"level": level, "ts": stamp, "msg": message, **fields}
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str)


def _as_console(level: Level, stamp: str, message: str, fields: Mapping[str, Any]) -> str:
    head = f"{stamp}\t{level.upper()}\t{message}"
    if not fields:
        return head
    return head + "\t" + json.dumps(fields, ensure_ascii=False, separators=(", ", ": "), default=str)
