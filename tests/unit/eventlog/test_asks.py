"""A request that no log could ever take is refused when it comes."""

from __future__ import annotations

import asyncio
import re

import pytest
from msgspec.structs import replace

from shared.eventlog.asks import Ask, check_key, is_a_name
from shared.eventlog.model import (
    KEY_BYTES_MAX,
    NAME_BYTES_MAX,
    REQUEST_EVENTS_MAX,
    Append,
    Appended,
    UniqueKey,
)
from tests.kit.noted import append, foreign, murmured, noted


def asked(request: Append) -> Ask:
    done: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
    return Ask(request, done)


def test_scope_and_key_have_so_many_bytes_together_and_no_more() -> None:
    check_key(UniqueKey("s", "k" * (KEY_BYTES_MAX - 1), ""))

    with pytest.raises(ValueError, match=f"scope 's' and {KEY_BYTES_MAX} characters"):
        check_key(UniqueKey("s", "k" * KEY_BYTES_MAX, ""))


def test_a_key_has_a_scope() -> None:
    with pytest.raises(ValueError, match="no key can have the scope ''"):
        check_key(UniqueKey("", "k", ""))


@pytest.mark.parametrize(
    "key", [UniqueKey("\0", "k", "v"), UniqueKey("s", "\0", "v"), UniqueKey("s", "k", "\0")]
)
def test_no_part_of_a_key_has_a_nul(key: UniqueKey) -> None:
    with pytest.raises(ValueError, match=r"^a key with a NUL character$"):
        check_key(key)


def test_a_name_is_printable_and_has_so_many_bytes() -> None:
    assert is_a_name("a")
    assert is_a_name("a" * NAME_BYTES_MAX)
    assert not is_a_name("a" * (NAME_BYTES_MAX + 1))
    assert not is_a_name("")
    assert not is_a_name("a\x1fb")


async def test_names_are_ids_authors_numbers_and_keys() -> None:
    private, heard = murmured("a"), foreign("b", 7)
    key = UniqueKey("scope", "k", "v")

    assert asked(append(private)).names == (private.id.int,)
    assert list(asked(append(private, heard, keys=(key,))).names) == [
        private.id.int,
        heard.id.int,
        (heard.source, heard.epoch, 7),
        ("scope", "k"),
    ]


async def test_what_no_log_could_take_is_refused_and_said_why() -> None:
    draft = noted("a")
    wrong = [
        (Append((), {}, ()), "^0 events in one append: at least 1, at most 5,000$"),
        (append(*[draft] * (REQUEST_EVENTS_MAX + 1)), f"^{REQUEST_EVENTS_MAX + 1:} events in one"),
        (append(draft, noted("b"), at={"a": 0}), r"touches \['a', 'b'\], expects versions of \['"),
        (Append((draft,), {"b": 0}, ()), r"^touches \['a'\], expects versions of \['b'\]$"),
        (append(draft, at=-1), "^no stream can be named 'a' and be at version -1$"),
        (append(noted("a\n")), r"^no stream can be named 'a\\n' and be at version 0$"),
        (append(draft, draft, at=0), "^an id, an author's number or a key twice in one append$"),
    ]
    for request, why in wrong:
        with pytest.raises(ValueError, match=why):
            asked(request)


@pytest.mark.parametrize("wrong", [{"type": ""}, {"source": "a\x1fb"}])
async def test_an_authors_name_and_its_types_are_names(wrong: dict[str, str]) -> None:
    event = replace(foreign("a", 1), **wrong)
    why = re.escape(f"neither {event.type!r} nor {event.source!r} may be that")
    with pytest.raises(ValueError, match=f"^{why}$"):
        asked(append(event))


async def test_a_single_event_of_an_author_is_named_by_its_number_too() -> None:
    heard = foreign("b", 7)

    assert list(asked(append(heard)).names) == [heard.id.int, (heard.source, heard.epoch, 7)]


async def test_as_many_events_as_a_request_may_have() -> None:
    most = append(*[noted("a") for _ in range(REQUEST_EVENTS_MAX)])

    assert len(asked(most).names) == REQUEST_EVENTS_MAX


async def test_what_becomes_of_a_request_is_told_once_and_its_caller_may_be_gone() -> None:
    ask = asked(append(noted("a")))
    ask.done.cancel()

    ask.fail(ValueError("too late"))

    assert ask.done.cancelled()
    assert (ask.deadline, ask.ghosts, ask.ghost_head, ask.alone) == (None, frozenset(), -1, False)
