"""What a group takes in, what it leaves pending, and what its rows say."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from msgspec.structs import replace

from shared.eventlog import groups
from shared.eventlog.asks import Ask
from shared.eventlog.groups import Admission, Batch, Known, leaf_hash
from shared.eventlog.model import (
    ENTRY_BYTES_MAX,
    Append,
    Appended,
    EntryTooLarge,
    Foreign,
    LogHead,
    UniqueKey,
)
from shared.eventlog.port import Tip
from shared.events.codec import decode_head
from tests.kit.noted import LONG_AGO, SOURCE, append, foreign, murmured, noted

TIP = Tip(LogHead(UUID(int=7), 2, 10, 4), b"the last leaf", LONG_AGO)


def asked(request: Append) -> Ask:
    done: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
    return Ask(request, done)


def batch(known: Known | None = None, previous: Batch | None = None, room: int = 128) -> Batch:
    tip = previous.tip_after if previous else TIP
    known = known or Known()
    return Batch(tip, LONG_AGO, source=SOURCE, known=known, previous=previous, room=room)


def test_what_is_known_is_never_too_high_and_the_old_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(groups, "KNOWN_STREAMS_MAX", 5)
    known = Known()
    known.learn(dict.fromkeys("abcde", 2))
    assert [known.get(stream) for stream in "abcdef"] == [2, 2, 2, 2, 2, None]
    assert known.beyond({"a": 1, "b": 2, "c": 3, "new": 0, "e": 0}) == ("a", "e")

    known.learn({"f": 3})

    assert [known.get(stream) for stream in "abcdef"] == [None, None, 2, 2, 2, 3]
    known.clear()
    assert known.get("f") is None


async def test_rows_follow_the_tip_and_say_what_their_entries_say() -> None:
    group = batch()
    own, private, heard = noted("a"), murmured("a"), foreign("b", 9)
    key = UniqueKey("scope", "k", "v")
    one, two = asked(append(own)), asked(append(private, heard, at={"a": 1, "b": 5}, keys=(key,)))

    assert [group.admit(one), group.admit(two)] == [Admission.TAKEN] * 2

    made = group.group()
    assert [(r.position, r.stream, r.version, r.id, r.source, r.epoch) for r in made.rows] == [
        (11, "a", 1, own.id, SOURCE, 2),
        (12, "a", 2, private.id, SOURCE, 2),
        (13, "b", 6, heard.id, heard.source, 1),
    ]
    assert [r.sequence for r in made.rows] == [5, None, 9]
    assert [r.type for r in made.rows] == [own.data.TYPE, private.data.TYPE, heard.type]
    assert [r.leaf for r in made.rows] == [leaf_hash(r.entry) for r in made.rows]
    assert {r.recorded_at for r in made.rows} == {LONG_AGO}
    head = decode_head(made.rows[0].entry)
    assert (head.log, head.epoch, head.position, head.sequence) == (UUID(int=7), 2, 11, 5)
    assert made.before == TIP
    assert made.after == Tip(LogHead(UUID(int=7), 2, 13, 5), made.rows[2].leaf, LONG_AGO)
    assert made.ends == (1, 3)
    assert made.keys == ((1, key),)
    assert made.unproven == ((1, "b", 5),)
    assert [(ask, told.rows, dict(told.versions)) for ask, told in group.appended()] == [
        (one, made.rows[:1], {"a": 1}),
        (two, made.rows[1:], {"a": 2, "b": 6}),
    ]
    group.haunt()
    leaves = [r.leaf for r in made.rows]
    assert (one.ghosts, one.ghost_head) == (frozenset({(leaves[0],)}), 10)
    assert (two.ghosts, two.ghost_head) == (frozenset({tuple(leaves[1:])}), 10)


async def test_what_disagrees_with_something_pending_waits_for_it() -> None:
    first = batch()
    draft = noted("a")
    assert first.admit(asked(append(draft))) is Admission.TAKEN
    assert first.admit(asked(append(noted("a")))) is Admission.LATER
    assert first.admit(asked(append(murmured("b"), draft, at={"a": 1, "b": 0}))) is Admission.LATER

    second = batch(previous=first)
    assert second.admit(asked(append(noted("a"), at=2))) is Admission.LATER
    assert second.admit(asked(append(draft, at=1))) is Admission.LATER
    assert second.admit(asked(append(noted("a"), at=1))) is Admission.TAKEN
    assert second.group().unproven == ()
    assert second.rows[0].sequence == 6


async def test_what_disagrees_with_what_is_committed_is_suspected() -> None:
    known = Known()
    known.learn({"a": 3})
    group = batch(known)

    assert group.admit(asked(append(noted("a"), at=2))) is Admission.SUSPECT
    assert group.admit(asked(append(noted("a"), at=3))) is Admission.TAKEN
    assert group.group().unproven == ()
    ahead = batch(known)
    assert ahead.admit(asked(append(noted("a"), at=4))) is Admission.TAKEN
    assert ahead.group().unproven == ((0, "a", 4),)


async def test_a_group_has_room_for_so_many_events_and_one_larger_goes_alone() -> None:
    group = batch(room=2)
    three = append(noted("a"), noted("a"), noted("a"))
    assert group.admit(asked(three)) is Admission.TAKEN
    assert group.admit(asked(append(noted("b")))) is Admission.FULL

    group = batch(room=2)
    assert group.admit(asked(append(noted("a")))) is Admission.TAKEN
    assert group.admit(asked(append(noted("b"), noted("b")))) is Admission.FULL
    assert group.admit(asked(append(noted("b")))) is Admission.TAKEN
    assert group.admit(asked(append(noted("c")))) is Admission.FULL


async def test_who_is_alone_shares_no_group() -> None:
    alone = asked(append(noted("a")))
    alone.alone = True
    begun = batch()
    assert begun.admit(asked(append(noted("b")))) is Admission.TAKEN
    assert begun.admit(alone) is Admission.FULL

    group = batch()
    assert group.admit(alone) is Admission.TAKEN
    assert group.admit(asked(append(noted("b")))) is Admission.FULL


@pytest.mark.parametrize(("more", "third"), [(0, Admission.FULL), (1, Admission.TAKEN)])
async def test_a_group_of_so_many_bytes_is_full(
    monkeypatch: pytest.MonkeyPatch, more: int, third: Admission
) -> None:
    size = len(foreign("a", 1).entry)
    monkeypatch.setattr(groups, "GROUP_BYTES_MAX", 2 * size + more)
    group = batch()

    assert [group.admit(asked(append(foreign("a", n), at=n - 1))) for n in (1, 2, 3)] == [
        Admission.TAKEN,
        Admission.TAKEN,
        third,
    ]


async def test_nothing_is_left_of_what_cannot_be_an_entry() -> None:
    group = batch()
    heard = foreign("b", 1)
    whole = replace(heard, entry=b"x" * ENTRY_BYTES_MAX)
    large = replace(heard, entry=b"x" * (ENTRY_BYTES_MAX + 1))

    with pytest.raises(EntryTooLarge, match=f"{ENTRY_BYTES_MAX + 1:,}"):
        group.admit(asked(append(noted("a"), large)))

    assert (group.rows, group.asks, group.names) == ([], [], set())
    assert group.admit(asked(append(noted("a"), whole))) is Admission.TAKEN
    assert [row.position for row in group.rows] == [11, 12]


async def test_own_events_come_back_in_their_epoch_and_order() -> None:
    def own(sequence: int, epoch: int = 2) -> Foreign:
        return replace(foreign("a", sequence), source=SOURCE, epoch=epoch)

    group = batch()
    assert group.admit(asked(append(own(5), noted("b")))) is Admission.TAKEN
    assert [row.sequence for row in group.rows] == [5, 6]
    for wrong in (own(6), own(8), own(7, epoch=1)):
        with pytest.raises(ValueError, match=f"^event {wrong.sequence} cannot follow 6 here$"):
            group.admit(asked(append(wrong, at=1)))


async def test_an_epoch_begins_behind_the_one_that_is() -> None:
    request = append(noted("a"))
    for epoch in (1, 2):
        again = Append(request.events, request.expected, (), epoch)
        with pytest.raises(ValueError, match=f"^epoch {epoch} cannot begin in epoch 2$"):
            batch().admit(asked(again))

    group = batch()
    assert group.admit(asked(Append(request.events, request.expected, (), 3))) is Admission.TAKEN
    assert [row.epoch for row in group.rows] == [3]
    assert group.tip_after.head.epoch == 3
    assert group.admit(asked(append(noted("b")))) is Admission.FULL


async def test_all_bytes_of_a_request_count(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(foreign("a", 1).entry)
    monkeypatch.setattr(groups, "GROUP_BYTES_MAX", 2 * size)
    group = batch()

    assert group.admit(asked(append(foreign("a", 1), foreign("a", 2)))) is Admission.TAKEN
    assert group.admit(asked(append(noted("b")))) is Admission.FULL


async def test_the_keys_and_the_guesses_of_all_requests_go_to_the_store() -> None:
    group = batch()
    keys = [UniqueKey("scope", name, "v") for name in "ab"]

    for key in keys:
        request = append(noted(key.key), at=3, keys=(key,))
        assert group.admit(asked(request)) is Admission.TAKEN

    assert group.group().keys == tuple(enumerate(keys))
    assert group.group().unproven == ((0, "a", 3), (1, "b", 3))
