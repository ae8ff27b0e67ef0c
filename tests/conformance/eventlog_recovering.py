"""What every log keeps when it was restored from a backup and takes back what it had said."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, Epoch, Foreign, LogReadOnly
from shared.eventlog.port import FIRST_EPOCH, LOST_NUMBERS_MAX
from shared.events.codec import decode_head
from tests.conformance.eventlog_ground import Ground, StartLog, everything
from tests.kit.noted import SOURCE, append, foreign, murmured, noted


def said_before(stream: str, sequence: int, *, epoch: int = 1, position: int = 0) -> Foreign:
    """An event of this log itself, as somebody else holds it."""
    event = foreign(stream, sequence)
    other = event.entry.replace(b"/test/elsewhere", SOURCE.encode())
    at = other.replace(b'"position":%d' % sequence, b'"position":%d' % (position or sequence))
    entry = at.replace(b'"epoch":1', b'"epoch":%d' % epoch)
    return replace(event, source=SOURCE, epoch=epoch, entry=entry)


def beginning(epoch: int) -> Append:
    return replace(append(murmured("the log itself")), epoch=epoch)


class Recovering(Ground):
    # --- own events -------------------------------------------------------------------------------

    async def test_what_was_said_before_comes_back_under_its_own_number(
        self, log: EventLog
    ) -> None:
        await log.append(append(noted("a")))
        back = [said_before("a", 2, position=7), said_before("b", 3, position=9)]

        await log.append_recovered(append(*back, at={"a": 1, "b": 0}))

        rows = await everything(log)
        assert [row.position for row in rows] == [1, 2, 3]
        assert [(r.sequence, r.version) for r in rows] == [(1, 1), (2, 2), (3, 1)]
        assert [row.entry for row in rows[1:]] == [event.entry for event in back]
        assert list(await log.store.read_published(1, 10)) == rows[1:]
        assert log.head.sequence == 3
        (row,) = (await log.append(append(noted("c")))).rows
        assert (row.sequence, row.position) == (4, 4)

    @pytest.mark.parametrize("sequence", [1, 3])
    async def test_it_comes_back_in_order(self, log: EventLog, sequence: int) -> None:
        await log.append(append(noted("a")))

        with pytest.raises(ValueError, match="cannot follow 1"):
            await log.append_recovered(append(said_before("b", sequence)))
        assert log.head.position == 1

    async def test_it_comes_back_by_recovery_only(self, log: EventLog) -> None:
        with pytest.raises(ValueError, match="by recovery only"):
            await log.append(append(said_before("a", 1)))

    async def test_the_last_said_under_a_number(self, log: EventLog) -> None:
        (row, _) = (await log.append(append(noted("a"), murmured("a")))).rows
        (other,) = (await log.append(append(foreign("b", 5)))).rows

        assert await log.store.said(SOURCE, 1) == row
        assert await log.store.said(other.source, 5) == other
        assert await log.store.said(SOURCE, 2) is None

    # --- epochs -----------------------------------------------------------------------------------

    async def test_a_log_begins_in_the_first_epoch(self, log: EventLog) -> None:
        assert list(await log.store.epochs()) == [FIRST_EPOCH]
        assert log.head.epoch == FIRST_EPOCH.epoch

    async def test_an_epoch_begins_with_an_append(self, log: EventLog, start: StartLog) -> None:
        await log.append(append(noted("a"), noted("a")))

        (first,) = (await log.append_recovered(beginning(2))).rows
        (next_one,) = (await log.append(append(noted("b")))).rows

        assert (first.epoch, next_one.epoch) == (2, 2)
        assert decode_head(next_one.entry).epoch == 2
        assert next_one.sequence == 3
        assert log.head.epoch == 2
        assert list(await log.store.epochs()) == [FIRST_EPOCH, Epoch(2, 2)]
        assert (await start()).head == log.head

    @pytest.mark.parametrize("epoch", [1, 0])
    async def test_no_epoch_begins_twice(self, log: EventLog, epoch: int) -> None:
        with pytest.raises(ValueError, match="cannot begin"):
            await log.append_recovered(beginning(epoch))

    async def test_the_epoch_of_what_comes_back_is_the_logs(self, log: EventLog) -> None:
        """The backup is older than a recovery that the other side has seen."""
        await log.append(append(noted("a")))

        await log.append_recovered(replace(append(said_before("b", 2, epoch=4)), epoch=4))

        assert log.head.epoch == 4
        assert list(await log.store.epochs()) == [FIRST_EPOCH, Epoch(4, 1)]

    async def test_another_process_goes_on_in_the_epoch_that_began(
        self, log: EventLog, start: StartLog
    ) -> None:
        other = await start()
        await log.append_recovered(beginning(2))

        (row,) = (await other.append(append(noted("a")))).rows

        assert row.epoch == 2

    async def test_a_refused_beginning_begins_nothing(self, log: EventLog) -> None:
        draft = murmured("a")
        await log.append(append(draft))

        with pytest.raises(Exception, match="recorded before"):
            await log.append_recovered(replace(append(draft, at=1), epoch=2))
        assert (await log.store.head()).epoch == 1
        assert list(await log.store.epochs()) == [FIRST_EPOCH]

    async def test_numbers_that_may_be_lost_are_left_out(self, log: EventLog) -> None:
        assert await log.store.next_number("A") == 1
        await log.append(append(noted("A-7"), noted("B-3")))
        assert await log.store.next_number("A") == 2

        await log.append_recovered(beginning(2))

        assert await log.store.next_number("A") == 7 + LOST_NUMBERS_MAX + 1
        assert await log.store.next_number("A") == 7 + LOST_NUMBERS_MAX + 2
        assert await log.store.next_number("C") == LOST_NUMBERS_MAX + 1

    async def test_numbers_are_left_out_once_for_each_restore(self, log: EventLog) -> None:
        """What was named after the first restore may be lost by the second."""
        await log.append_recovered(beginning(2))
        assert await log.store.next_number("C") == LOST_NUMBERS_MAX + 1

        await log.append_recovered(replace(append(murmured("the log itself"), at=1), epoch=3))

        assert await log.store.next_number("C") == 2 * LOST_NUMBERS_MAX + 1

    # --- taking nothing ---------------------------------------------------------------------------

    async def test_a_log_that_is_refused_takes_recovered_events_only(self, log: EventLog) -> None:
        log.refuse("it lost its end")

        with pytest.raises(LogReadOnly, match="it lost its end"):
            await log.append(append(noted("a")))
        await log.append_recovered(append(said_before("a", 1)))

        log.allow()
        await log.append(append(noted("b")))
        assert [row.sequence for row in await everything(log)] == [1, 2]
