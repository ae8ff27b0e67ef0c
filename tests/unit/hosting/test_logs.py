"""Logs are one JSON object a line, ours and those of libraries alike."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from shared.hosting.logs import configure_logs


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_a_line_says_when_who_and_what(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("ops")

    structlog.get_logger("relay").info("published", sequence=7)

    (line,) = lines(capfd)
    timestamp = line.pop("timestamp")
    assert timestamp.endswith("Z")
    assert line == {
        "event": "published",
        "level": "info",
        "logger": "relay",
        "service": "ops",
        "sequence": 7,
    }


def test_libraries_are_logged_alike(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("ops")

    logging.getLogger("asyncpg").warning("slow %s", "query")

    (line,) = lines(capfd)
    assert (line["event"], line["logger"], line["service"]) == ("slow query", "asyncpg", "ops")


def test_what_somebody_sent_cannot_forge_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("ops")

    structlog.get_logger("x").info('a\n{"event": "forged"}', name="b\nc")

    assert len(lines(capfd)) == 1


def test_less_than_the_level_is_not_logged(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("ops", "warning")

    structlog.get_logger("x").info("nothing of interest")
    logging.getLogger("y").info("nor this")
    logging.getLogger("httpx").info("nor this")

    assert lines(capfd) == []


def test_an_exception_is_told_with_its_places(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("ops")

    try:
        raise ZeroDivisionError("a reason")
    except ZeroDivisionError as error:
        structlog.get_logger("x").error("failed", exc_info=error)
        logging.getLogger("y").exception("failed")

    first, second = lines(capfd)
    assert first["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert second["exception"][0]["exc_value"] == "a reason"


def test_an_exception_tells_no_value(capfd: pytest.CaptureFixture[str]) -> None:
    """A frame of a request holds its body and its token."""
    configure_logs("ops")

    def fail(token: str) -> None:
        raise RuntimeError(f"of {len(token)} characters")

    try:
        fail("a-secret")
    except RuntimeError as error:
        structlog.get_logger("x").error("failed", exc_info=error)
        logging.getLogger("y").exception("failed")

    said = capfd.readouterr().err
    assert "of 8 characters" in said
    assert "a-secret" not in said
