"""Lines look as Flux's do, and hold no secret."""

import json
import logging
from datetime import UTC, datetime

import pytest

from fluvial.stdx import Redactor
from fluvial.telemetry import Level, Logger, StandardLogging


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 1, 2, 12, 0, 0, 123_456, tzinfo=UTC)


def lines(level: Level = "info", encoding: str = "json", redactor: Redactor | None = None) -> tuple[Logger, list[str]]:
    written: list[str] = []
    return Logger(written.append, clock=Noon(), level=level, encoding=encoding, redactor=redactor), written  # type: ignore[arg-type]


def test_a_line_of_a_reconcile_has_fluxs_keys_in_fluxs_order() -> None:
    log, written = lines()
    log = log.bind(
        controller="gitrepository", controllerGroup="source.toolkit.fluxcd.io", controllerKind="GitRepository"
    )
    log = log.bind(GitRepository={"name": "podinfo", "namespace": "default"}, namespace="default", name="podinfo")
    log.bind(reconcileID="1-2").info("stored artifact for commit 'x'", revision="main@sha1:1")
    assert written == [
        '{"level":"info","ts":"2026-01-02T12:00:00.123Z","msg":"stored artifact for commit \'x\'",'
        '"controller":"gitrepository","controllerGroup":"source.toolkit.fluxcd.io","controllerKind":"GitRepository",'
        '"GitRepository":{"name":"podinfo","namespace":"default"},"namespace":"default","name":"podinfo",'
        '"reconcileID":"1-2","revision":"main@sha1:1"}\n'
    ]


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("trace", ["trace", "debug", "info", "error"]),
        ("debug", ["debug", "info", "error"]),
        ("info", ["info", "error"]),
        ("error", ["error"]),
    ],
)
def test_levels(level: Level, written: list[str]) -> None:
    log, out = lines(level)
    log.trace("m")
    log.debug("m")
    log.info("m")
    log.error("m")
    assert [json.loads(line)["level"] for line in out] == written


def test_an_error_is_the_last_key_and_brings_its_stack_only_when_debugging() -> None:
    for level, keys in (("info", ["level", "ts", "msg", "a", "error"]), ("debug", [])):
        log, out = lines(level)  # type: ignore[arg-type]
        try:
            raise ValueError("wrong")
        except ValueError as error:
            log.error("Reconciler error", error=error, a=1)
        record = json.loads(out[0])
        assert record["error"] == "wrong"
        assert list(record) == (keys or ["level", "ts", "msg", "a", "error", "stacktrace"])


def test_the_console_form() -> None:
    log, out = lines(encoding="console")
    log.info("starting manager")
    log.bind(a="b").error("failed", error="why")
    assert out == [
        "2026-01-02T12:00:00.123Z\tINFO\tstarting manager\n",
        '2026-01-02T12:00:00.123Z\tERROR\tfailed\t{"a": "b", "error": "why"}\n',
    ]


@pytest.mark.parametrize("encoding", ["json", "console"])
def test_no_secret_leaves_in_any_part_of_a_line(encoding: str) -> None:
    redactor = Redactor()
    redactor.add("hunter2secret")
    log, out = lines("trace", encoding, redactor)
    log.bind(bound="hunter2secret").info("hunter2secret", field={"deep": ["hunter2secret"]})
    try:
        raise ValueError("hunter2secret")
    except ValueError as error:
        log.error("m", error=error)
    log.info("clone", url="https://user:topsecret@host/x")
    text = "".join(out)
    assert "hunter2secret" not in text
    assert "topsecret" not in text


def test_one_line_is_one_line_whatever_is_in_it() -> None:
    log, out = lines()
    log.info("a\nb", c="d\ne", f=datetime(2026, 1, 1, tzinfo=UTC))
    assert out[0].count("\n") == 1
    assert json.loads(out[0])["msg"] == "a\nb"


def test_what_libraries_warn_of_is_not_lost() -> None:
    log, out = lines()
    library = logging.Logger("library")
    library.addHandler(StandardLogging(log))
    library.debug("not this")
    library.warning("that %s", "thing")
    assert json.loads(out[0]) == {
        "level": "error",
        "ts": "2026-01-02T12:00:00.123Z",
        "msg": "that thing",
        "logger": "library",
    }
    assert len(out) == 1


def test_levels_can_be_asked_for_before_work_is_done() -> None:
    log, _ = lines("info")
    assert log.enabled("info")
    assert not log.enabled("debug")
