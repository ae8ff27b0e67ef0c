"""What is said to a request that is not stored says why, and of what."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from shared.eventlog.asks import Ask
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import (
    Append,
    Appended,
    AppendUnsettled,
    KeyTaken,
    LogUnavailable,
    Row,
    UniqueKey,
    VersionConflict,
)
from shared.eventlog.verdicts import given_up, judge
from tests.kit.clock import SettableClock
from tests.kit.noted import SOURCE, any_id, append, noted

HELD = UniqueKey("scope", "k", "who was first")
CONFLICT = VersionConflict(("a",))


def asked(request: Append) -> Ask:
    done: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
    return Ask(request, done)


def a_store() -> MemoryStore:
    return MemoryStore(source=SOURCE, clock=SettableClock(), new_id=any_id)


class Away(MemoryStore):
    async def find(self, ids: Sequence[UUID]) -> Mapping[UUID, Row]:
        raise LogUnavailable("away")


async def test_a_name_that_is_taken_is_told_with_its_holder() -> None:
    store = a_store()
    await store.keep([HELD])
    wanted = UniqueKey(HELD.scope, HELD.key, "another")

    (told,) = await judge(store, [(asked(append(noted("a"), keys=(wanted,))), CONFLICT)])

    assert isinstance(told, KeyTaken)
    assert told.taken == HELD


async def test_with_nothing_else_against_it_the_stream_has_moved_on() -> None:
    (told,) = await judge(a_store(), [(asked(append(noted("a"))), CONFLICT)])

    assert told is CONFLICT


async def test_each_suspect_is_answered_when_nobody_can_look() -> None:
    store = Away(source=SOURCE, clock=SettableClock(), new_id=any_id)

    told = await judge(store, [(asked(append(noted(name))), CONFLICT) for name in "ab"])

    assert [str(error) for error in told] == ["away", "away"]


async def test_who_is_given_up_is_told_why() -> None:
    ask = asked(append(noted("a")))
    unwritten = given_up(ask, "too long")
    ask.ghosts = frozenset({(b"leaf",)})
    unknown = given_up(ask, "too long")

    assert isinstance(unwritten, LogUnavailable)
    assert isinstance(unknown, AppendUnsettled)
    assert [str(unwritten), str(unknown)] == ["too long", "too long"]
