"""The hello's comparison: given what both sides and the stream say, what became of this log."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared.bus.comparing import (
    Diverged,
    InStep,
    Ours,
    Restored,
    Said,
    Theirs,
    Unknown,
    Verdict,
    compare,
)
from shared.eventlog.model import LogHead

LOG = UUID(int=1)
BEFORE = UUID(int=2)
"""The log of a database that was here before."""


def said(sequence: int, words: bytes = b"as it was", *, epoch: int = 1, log: UUID = LOG) -> Said:
    return Said(log, epoch, sequence, b"%d " % sequence + words)


def ours(sequence: int, *, epoch: int = 1, words: bytes = b"as it was") -> Ours:
    """A log of so many published events, two positions each."""
    known = {number: said(number, words, epoch=epoch) for number in range(1, sequence + 1)}
    return Ours(LogHead(LOG, epoch, 2 * sequence, sequence), known)


def theirs(holds: int, *, asked: int, heard: int = 0, words: bytes = b"as it was") -> Theirs:
    """Another side that holds so many events of a log that ends with event ``asked``."""
    at_end = said(asked, words) if 0 < asked <= holds else None
    return Theirs(said(holds, words) if holds else None, at_end, heard)


@pytest.mark.parametrize(
    ("known", "stream"),
    [
        (theirs(0, asked=5), None),
        (theirs(3, asked=5), said(5)),
        (theirs(5, asked=5), said(5)),
        (theirs(5, asked=5, heard=10), None),
        (theirs(5, asked=5), said(9, b"of another", log=BEFORE)),
    ],
    ids=["they hold nothing", "they are behind", "they hold all", "they heard all", "old stream"],
)
def test_in_step(known: Theirs, stream: Said | None) -> None:
    assert compare(ours(5), known, stream) == InStep()


@pytest.mark.parametrize(
    ("log", "known", "stream", "verdict"),
    [
        (ours(5), theirs(8, asked=5), None, Restored(8, 8)),
        (ours(0), theirs(8, asked=0), None, Restored(8, 8)),
        (ours(5), theirs(7, asked=5), said(9), Restored(7, 9)),
        (ours(5), theirs(3, asked=5), said(9), Restored(5, 9)),
        (ours(5), theirs(0, asked=5), said(9), Restored(5, 9)),
        (ours(5), theirs(5, asked=5, heard=11), None, Restored(5, 5)),
    ],
    ids=[
        "they hold more",
        "nothing is left",
        "the stream says even more",
        "both lost their ends, the stream did not",
        "they never heard a thing, the stream did",
        "only unpublished events are lost",
    ],
)
def test_restored(log: Ours, known: Theirs, stream: Said | None, verdict: Verdict) -> None:
    assert compare(log, known, stream) == verdict


@pytest.mark.parametrize(
    ("known", "stream"),
    [
        (theirs(5, asked=5, words=b"otherwise"), None),
        (theirs(3, asked=5, words=b"otherwise"), None),
        (theirs(8, asked=5, words=b"otherwise"), None),
        (Theirs(said(8), None), None),
        (Theirs(said(5, log=BEFORE)), None),
        (theirs(5, asked=5), said(4, b"otherwise")),
        (None, said(4, b"otherwise")),
    ],
    ids=[
        "another last event",
        "another event before it",
        "they hold more, and another one here",
        "they hold more, and not what is here",
        "they hold another log",
        "the stream has another event",
        "the stream alone has another event",
    ],
)
def test_diverged(known: Theirs | None, stream: Said | None) -> None:
    assert isinstance(compare(ours(5), known, stream), Diverged)


def test_what_an_epoch_that_ended_left_in_the_stream_counts_no_more() -> None:
    after = ours(5, epoch=2, words=b"again")
    known = theirs(5, asked=5, words=b"again")

    assert compare(after, known, said(4, b"was lost", epoch=1)) == InStep()
    assert compare(after, known, said(9, b"was lost", epoch=1)) == InStep()
    assert compare(after, None, said(9, b"was lost", epoch=1)) == Unknown(
        "the other service cannot be asked, and the stream tells nothing"
    )


@pytest.mark.parametrize(
    ("log", "stream", "verdict"),
    [
        (ours(5), said(5), InStep),
        (ours(5), said(3), InStep),
        (ours(0), None, InStep),
        (ours(5), None, Unknown),
        (ours(5), said(6), Unknown),
        (ours(0), said(6), Unknown),
    ],
    ids=["as said last", "ahead", "a new log", "no stream", "behind", "empty, and it was not"],
)
def test_while_the_other_side_is_away_the_stream_tells(
    log: Ours, stream: Said | None, verdict: type[Verdict]
) -> None:
    assert isinstance(compare(log, None, stream), verdict)


def test_what_the_stream_ends_with_is_held_against_the_log_in_an_earlier_epoch_too() -> None:
    first = {1: said(1), 2: said(2)}
    log = Ours(LogHead(LOG, 2, 10, 3), {**first, 3: said(3, epoch=2)})

    assert compare(log, theirs(0, asked=3), said(2)) == InStep()
    assert compare(log, theirs(0, asked=3), said(2, b"another")) == Diverged(
        "its own stream holds another event 2 than this log"
    )


def test_who_cannot_go_on_is_told_what_is_known() -> None:
    assert compare(ours(5), None, said(5, b"another")) == Diverged(
        "its own stream holds another event 5 than this log"
    )
    assert compare(ours(5), theirs(3, asked=5, words=b"another"), None) == Diverged(
        "the other service holds another event 3 than this log"
    )
    assert compare(ours(5), theirs(7, asked=5, words=b"another"), None) == Diverged(
        "the other service holds 7 events, and another one as event 5: "
        "the log was restored and went on before it was compared"
    )
    assert compare(ours(5), None, said(8)) == Unknown(
        "published up to 8, recorded up to 5: "
        "the log was restored, and the other service cannot be asked for the rest"
    )
    assert compare(ours(5), None, None) == Unknown(
        "the other service cannot be asked, and the stream tells nothing"
    )
    assert compare(ours(5), Theirs(said(3, log=BEFORE)), None) == Diverged(
        f"the other service holds events of log {BEFORE}"
    )


def test_who_holds_all_is_asked_for_nothing_more() -> None:
    assert compare(ours(5), Theirs(said(5)), None) == InStep()
    assert compare(ours(5), Theirs(said(5, b"another"), said(5, b"another")), None) == Diverged(
        "the other service holds another event 5 than this log"
    )


def test_who_holds_more_and_does_not_say_what_it_has_at_our_end_is_another_history() -> None:
    assert isinstance(compare(ours(5), Theirs(said(7)), None), Diverged)
    unread = Ours(ours(5).head)
    assert isinstance(compare(unread, theirs(7, asked=5), None), Diverged)
