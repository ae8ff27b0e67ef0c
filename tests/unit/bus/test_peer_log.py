"""What is asked of the other's log, and for how long an answer is waited for."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import msgspec
import pytest

from shared.bus.hello import Hello, HelloReply
from shared.bus.peer_log import ANSWER_S, HELLO_S, Page, RequestedLog
from shared.bus.port import Bus, BusUnavailable
from shared.events import subjects
from shared.events.reading import HeadAnnouncement, ReadReply

HEAD = HeadAnnouncement(log=UUID(int=1), epoch=1, position=2, sequence=1)


class Asked:
    """The part of a bus that asks."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.requests: list[tuple[str, Any, float]] = []

    async def request(self, subject: str, body: bytes, timeout: float) -> bytes:
        self.requests.append((subject, msgspec.json.decode(body), timeout))
        return self.answer


def peer(asked: Asked) -> RequestedLog:
    return RequestedLog(cast("Bus", asked), "eng")


async def test_published_events_and_all_entries_are_asked_for_by_where_they_begin() -> None:
    asked = Asked(msgspec.json.encode(ReadReply(entries=("é",), head=HEAD)))

    pages = [await peer(asked).published(7, 3), await peer(asked).entries(8, 4)]

    assert pages == [Page(("é".encode(),), HEAD)] * 2
    subject = subjects.log_read("eng")
    assert asked.requests == [
        (subject, {"after_sequence": 7, "limit": 3}, ANSWER_S),
        (subject, {"after_position": 8, "limit": 4}, ANSWER_S),
    ]


async def test_a_hello_is_answered_soon_or_not_at_all() -> None:
    reply = HelloReply(head=HEAD, epochs=((1, 0),), since=0)
    asked = Asked(msgspec.json.encode(reply))

    assert await peer(asked).hello(Hello(head=HEAD)) == reply
    assert asked.requests == [
        (subjects.log_hello("eng"), {"head": msgspec.to_builtins(HEAD)}, HELLO_S)
    ]


async def test_an_answer_that_cannot_be_read_is_worth_asking_for_again() -> None:
    with pytest.raises(BusUnavailable, match=rf"^{subjects.log_read('eng')}: an answer that can"):
        await peer(Asked(b"{")).published(0, 1)
