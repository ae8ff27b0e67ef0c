"""After a restore, no issue here gets a key that a tracker elsewhere has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from services.eng_issues.domain import commands
from services.eng_issues.domain.events import BODIES
from services.eng_issues.edges.aftermath import Aftermath
from services.eng_issues.edges.board import Board, Carried, Order
from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import UniqueKey
from shared.events import eng
from shared.events.codec import Codec
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id
from tests.unit.eng_issues.steps import a_case, story, tracker_claim

ORDER = Order(
    actor="person:mia",
    at=datetime(2026, 3, 2, 15, 0, tzinfo=UTC),
    causation="a-request",
    correlation="a-request",
    keys=lambda _id, _about: (),
    patience=0.0,
)


@pytest.fixture
async def log() -> AsyncIterator[EventLog]:
    """A restored log: it has lost the keys that were reserved since the backup."""
    store = MemoryStore(source=eng.SOURCE, clock=utc_now, new_id=new_id)
    log = EventLog(store, source=eng.SOURCE, codec=Codec(BODIES), clock=utc_now)
    await log.start()
    yield log
    await log.stop()


async def test_a_key_that_a_tracker_elsewhere_has_is_reserved_again(log: EventLog) -> None:
    board = Board(log, new_id)
    aftermath = Aftermath(log, board.states)
    claimed_elsewhere = story(a_case("MOB"), tracker_claim(issue="MOB-1")).log

    for event in claimed_elsewhere:
        await log.store.keep(list(aftermath.keys(event)))

    await board.define("MOB", commands.DefineTeam(name="Mobile"), ORDER)
    issue = commands.CreateIssue(team="MOB", summary="our own", severity="4 - Low")
    created = await board.create(issue, ORDER)
    assert isinstance(created, Carried)
    assert created.issue == "MOB-2"


def test_a_key_that_cannot_be_one_of_ours_needs_no_reservation(log: EventLog) -> None:
    aftermath = Aftermath(log, Board(log, new_id).states)
    told = story(a_case("MOB"), tracker_claim(issue="jira/7")).log

    kept: list[UniqueKey] = [key for event in told for key in aftermath.keys(event)]

    assert not [key for key in kept if key.scope == "elsewhere"]
