"""A clock that is off is said, once in the log, and for as long as it is off where one can ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from shared.hosting.clock_watch import OFF_SECONDS, ClockWatch

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Clocks:
    """Ours, and the database's, which may be away."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.away = False

    def ours(self) -> datetime:
        return NOON + self.ahead

    async def theirs(self) -> datetime:
        if self.away:
            raise ConnectionRefusedError
        return NOON


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def watch(clocks: Clocks) -> ClockWatch:
    return ClockWatch(clocks.theirs, clocks.ours)


async def test_clocks_that_agree_are_no_trouble(watch: ClockWatch, clocks: Clocks) -> None:
    clocks.ahead = timedelta(seconds=OFF_SECONDS / 2)

    await watch.look()

    assert (watch.ahead, watch.trouble) == (OFF_SECONDS / 2, None)


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (1, "this clock is 3600 s ahead of the database's"),
        (-1, "this clock is 3600 s behind the database's"),
    ],
)
async def test_an_hour_off_is_said_once_in_the_log_until_it_is_over(
    watch: ClockWatch, clocks: Clocks, hours: int, said: str
) -> None:
    clocks.ahead = timedelta(hours=hours)
    with capture_logs() as logged:
        await watch.look()
        await watch.look()
        assert (watch.ahead, watch.trouble) == (hours * 3600, said)
        clocks.ahead = timedelta()
        await watch.look()
        await watch.look()

    assert [each["event"] for each in logged] == [
        said,
        "this clock and the database's agree again",
    ]
    assert watch.trouble is None


async def test_a_clock_that_jumps_while_it_is_off_is_said_again(
    watch: ClockWatch, clocks: Clocks
) -> None:
    with capture_logs() as logged:
        for hours in (1, -1):
            clocks.ahead = timedelta(hours=hours)
            await watch.look()

    assert len(logged) == 2


async def test_without_a_database_the_last_answer_stands(watch: ClockWatch, clocks: Clocks) -> None:
    clocks.ahead = timedelta(hours=1)
    await watch.look()
    clocks.ahead, clocks.away = timedelta(), True

    await watch.look()

    assert watch.ahead == 3600
