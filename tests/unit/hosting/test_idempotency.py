"""A repeat answers as the first did: whoever crashed, whoever raced, whatever came in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.eventlog.log import EventLog
from shared.eventlog.memory import MemoryStore
from shared.eventlog.model import Append, KeyTaken, LogUnavailable, UniqueKey
from shared.events.codec import Codec
from shared.events.envelope import Draft, Private
from shared.hosting.answers import Answer
from shared.hosting.idempotency import KEPT_FOR, Idempotency, Once, once_for
from shared.hosting.ids import new_id
from shared.hosting.principal import Principal, Role
from shared.hosting.problems import Kind, ProblemRaised
from shared.hosting.retrying import Retrying
from tests.kit.clock import SettableClock


class Rung(Private, frozen=True, kw_only=True):
    TYPE = "caselog.bells.rung.v1"


Execute = Callable[[], Awaitable[Answer]]
PRINCIPAL = Principal("ada", frozenset({Role.TIER2}), frozenset(), 0)


def once(key: str = "k", *, body: bytes = b"{}", path: str = "/ring", name: str = "ada") -> Once:
    made = once_for(key, Principal(name, PRINCIPAL.roles, frozenset(), 0), "POST", path, body, 201)
    assert made is not None
    return made


def refusal(code: int = 409, kind: Kind = Kind.RULE_REFUSED) -> Answer:
    return Answer(code, b'{"no": 1}', 7, kind=kind)


def saying(answer: Answer) -> Execute:
    async def execute() -> Answer:
        return answer

    return execute


class Bell:
    """What a service does: appends, and rebuilds its answers from the log."""

    def __init__(self, store: MemoryStore, clock: SettableClock) -> None:
        self.log = EventLog(store, source="/caselog/bells", codec=Codec([Rung]), clock=clock)
        self.idempotency = Idempotency(store, self.rebuilt)
        self.clock = clock
        self.retrying = Retrying(lambda streams: None)
        self.rung = 0

    async def rebuilt(self, about: str, position: int, code: int) -> Answer:
        (row,) = await self.log.store.read(position - 1, 1)
        return self._answer(about, row.position, row.version, code)

    async def request(self, **changes: Any) -> Answer:
        """One request to ring, from its key to its answer."""
        use = once(**changes)
        return await self.idempotency.run(use, lambda: self.ring(use))

    async def ring(self, use: Once) -> Answer:
        self.rung += 1
        return await self.retrying(["BELL"], lambda: self._ring(use))

    async def _ring(self, use: Once) -> Answer:
        event = Draft(
            id=new_id(),
            subject="BELL",
            time=self.clock(),
            correlationid="c",
            causationid="c",
            actor="person:ada",
            data=Rung(),
        )
        version = len(await self.log.store.read_streams(["BELL"]))
        keys = (use.key(event.id, "BELL"),)
        appended = await self.log.append(Append((event,), {"BELL": version}, keys))
        return self._answer("BELL", appended.position, version + 1, 201)

    @staticmethod
    def _answer(about: str, position: int, version: int, code: int) -> Answer:
        body = f'{{"key":"{about}","position":{position}}}'.encode()
        return Answer(code, body, position, version, location=f"/{about}", recorded=True)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(datetime(2026, 3, 2, tzinfo=UTC))


@pytest.fixture
def store(clock: SettableClock) -> MemoryStore:
    return MemoryStore(source="/caselog/bells", clock=clock, new_id=new_id)


@pytest.fixture
async def bell(store: MemoryStore, clock: SettableClock) -> AsyncIterator[Bell]:
    bell = Bell(store, clock)
    await bell.log.start()
    yield bell
    await bell.log.stop()


@pytest.fixture
async def other(store: MemoryStore, clock: SettableClock) -> AsyncIterator[Bell]:
    """Another process of the same service."""
    other = Bell(store, clock)
    await other.log.start()
    yield other
    await other.log.stop()


class TestASuccess:
    async def test_is_repeated_to_the_byte_without_being_done_again(self, bell: Bell) -> None:
        first = await bell.request()
        await bell.request(key="in-between")

        again = await bell.request()

        assert again == first
        assert again.position == 1
        assert bell.rung == 2

    async def test_survives_a_crash_between_append_and_answer(
        self, bell: Bell, other: Bell
    ) -> None:
        await bell.ring(once())  # appended; the process dies before it answers

        again = await other.request()

        assert (again.code, again.position) == (201, 1)
        assert other.rung == 0

    async def test_that_forgot_its_key_is_an_error_of_ours(self, bell: Bell) -> None:
        with pytest.raises(RuntimeError, match="Idempotency-Key"):
            await bell.idempotency.run(once(), saying(Answer(201, b"{}", 1, recorded=True)))


class TestAnAnswerThatAppendedNothing:
    @pytest.mark.parametrize("answer", [Answer(200, b'{"a":1}', 3, 2), refusal()])
    async def test_is_kept(self, answer: Answer, bell: Bell, other: Bell) -> None:
        await bell.idempotency.run(once(), saying(answer))

        again = await other.request()

        assert (again.code, again.body, again.position, again.version) == (
            answer.code,
            answer.body,
            answer.position,
            answer.version,
        )
        assert other.rung == 0

    @pytest.mark.parametrize(
        "answer",
        [refusal(kind.status, kind) for kind in Kind if kind.status == 429 or kind.status >= 500],
    )
    async def test_is_not_kept_if_it_says_nothing_about_the_next_try(
        self, answer: Answer, bell: Bell
    ) -> None:
        assert await bell.idempotency.run(once(), saying(answer)) == answer

        again = await bell.request()

        assert again.code == 201

    async def test_an_exception_is_not_kept(self, bell: Bell) -> None:
        async def execute() -> Answer:
            raise LogUnavailable("gone")

        with pytest.raises(LogUnavailable):
            await bell.idempotency.run(once(), execute)

        assert (await bell.request()).code == 201


class TestAnotherRequest:
    @pytest.mark.parametrize("change", [{"body": b'{"a":1}'}, {"path": "/other"}])
    async def test_with_the_same_key_is_a_wrong_field(
        self, change: dict[str, Any], bell: Bell
    ) -> None:
        await bell.request()

        with pytest.raises(ProblemRaised) as raised:
            await bell.request(**change)

        problem = raised.value.problem
        assert (problem.status, problem.errors[0].field) == (422, "Idempotency-Key")
        assert bell.rung == 1

    async def test_of_another_principal_has_keys_of_its_own(self, bell: Bell) -> None:
        await bell.request()
        await bell.request(name="bo")

        assert bell.rung == 2


class TestTwoAtOnce:
    async def test_in_one_process_only_one_is_executed(self, bell: Bell) -> None:
        answers = await asyncio.gather(*(bell.request() for _ in range(20)))

        assert bell.rung == 1
        assert all(answer == answers[0] for answer in answers)

    async def test_in_two_processes_only_one_appends(self, bell: Bell, other: Bell) -> None:
        first, second = await asyncio.gather(bell.request(), other.request())

        assert first == second
        assert (await bell.log.store.head()).position == 1

    async def test_a_refusal_that_lost_to_a_success_gives_the_success(
        self, bell: Bell, other: Bell
    ) -> None:
        async def refuse_after_the_other_has_done_it() -> Answer:
            await other.request()
            return refusal()

        answer = await bell.idempotency.run(once(), refuse_after_the_other_has_done_it)

        assert (answer.code, answer.position) == (201, 1)

    async def test_another_unique_key_that_is_taken_is_the_commands_affair(
        self, bell: Bell
    ) -> None:
        async def execute() -> Answer:
            raise KeyTaken(UniqueKey("source-case", "a:1", "BELL"))

        with pytest.raises(KeyTaken):
            await bell.idempotency.run(once(), execute)


class TestKeys:
    @pytest.mark.parametrize("key", ["a", "!", "~" * 255, "6f1c0a52-0f3a-4a47-8d5c-9b1c7e8e2a10"])
    def test_are_visible_ascii(self, key: str) -> None:
        assert once(key).name == f"person:ada {key}"

    @pytest.mark.parametrize("key", ["", "a b", "a" * 256, "é", "a\x7f", "a\t"])
    def test_are_nothing_else(self, key: str) -> None:
        with pytest.raises(ProblemRaised) as raised:
            once(key)

        assert raised.value.problem.errors[0].field == "Idempotency-Key"

    def test_are_not_needed(self) -> None:
        assert once_for(None, PRINCIPAL, "POST", "/ring", b"", 200) is None

    async def test_are_forgotten_after_more_than_seven_days(
        self, bell: Bell, clock: SettableClock
    ) -> None:
        await bell.request()

        clock.advance(timedelta(days=7))
        assert await bell.idempotency.forget(clock()) == 0
        await bell.request()
        assert bell.rung == 1

        clock.advance(KEPT_FOR - timedelta(days=7) + timedelta(seconds=1))
        assert await bell.idempotency.forget(clock()) == 1
        await bell.request()
        assert bell.rung == 2
