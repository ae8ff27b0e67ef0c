"""Why appending fails is told for a while only, since nobody may have tried again."""

from __future__ import annotations

import logging

import pytest

from shared.eventlog.failing import TOLD_S, Failing
from shared.eventlog.model import LogUnavailable


class Timer:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_failure_of_long_ago_says_nothing_of_now() -> None:
    timer = Timer()
    failing = Failing(timer)
    failing.failed(LogUnavailable("no space left on device"))
    assert failing.reason == "no space left on device"

    timer.now += TOLD_S + 1

    assert failing.reason is None


def test_it_is_logged_once_for_an_outage_and_once_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing = Failing(Timer())
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            failing.failed(LogUnavailable("no space left on device"))
        failing.over()
        failing.over()

    assert caplog.messages == [
        "appending fails: no space left on device",
        "appending goes well again",
    ]


def test_a_failure_without_words_is_told_by_its_kind() -> None:
    failing = Failing(Timer())

    failing.failed(TimeoutError())

    assert failing.reason == "TimeoutError"
