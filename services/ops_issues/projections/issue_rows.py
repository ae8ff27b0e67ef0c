"""The read model of issues as a fold: rows of the log in, rows of its tables out.

One row for each issue, written once for each batch that touches it, and one for each comment that
can be searched. ``issues.sql`` has the tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from services.ops_issues.domain.fold import evolve
from services.ops_issues.domain.ops_issue import UNOPENED, OpsIssue, State, WaitingOnInfo
from shared.eventlog.model import Row
from shared.events import eng, ops
from shared.events.codec import Codec

PREFIX: Final = "OPS-"

SUMMARY_CHARS_MAX: Final = 16_384
TEXT_CHARS_MAX: Final = 49_152
"""How much of a text is searched; what stands behind is shown, but not found.

PostgreSQL takes a megabyte of words for a row, and hyphens and addresses count several times.
"""

_state_decoder = msgspec.json.Decoder(OpsIssue)
_encode = msgspec.json.Encoder().encode


class Stored(Struct, frozen=True):
    """An issue as the read model holds it.

    It is so after the event ``version`` of its stream, which stands at ``position`` of the log; the
    one that opened it stands at ``opened``.
    """

    issue: State
    version: int
    position: int
    opened: int


NOT_STORED: Final = Stored(UNOPENED, 0, 0, 0)


class Comment(Struct, frozen=True):
    """A comment's text, and where it stands in the log."""

    position: int
    number: int
    text: str


class Changes(Struct, frozen=True):
    """What a batch changes: issues by number, and the comments it adds.

    ``reworded`` are the numbers whose summary or description is not what it was before.
    """

    issues: Mapping[int, Stored]
    reworded: frozenset[int]
    comments: tuple[Comment, ...]


def number_of(stream: str) -> int | None:
    """17 of ``OPS-17``; None for a stream that is not an issue's."""
    digits = stream.removeprefix(PREFIX)
    return int(digits) if digits != stream and digits.isascii() and digits.isdigit() else None


def touched(rows: Iterable[Row]) -> set[int]:
    """The numbers of the issues that the rows are about."""
    return {number for row in rows if (number := number_of(row.stream)) is not None}


def fold_rows(held: Mapping[int, Stored], rows: Iterable[Row], codec: Codec) -> Changes:
    """What the rows change, given what is stored of the issues that they touch."""
    after: dict[int, Stored] = {}
    comments: list[Comment] = []
    for row in rows:
        number = number_of(row.stream)
        if number is None:
            continue
        recorded = codec.decode(row.type, row.entry)
        before = after.get(number) or held.get(number) or NOT_STORED
        issue = evolve(before.issue, recorded)
        opened = before.opened or (row.position if isinstance(issue, OpsIssue) else 0)
        after[number] = Stored(issue, row.version, row.position, opened)
        if isinstance(recorded.data, ops.Commented | eng.Commented):
            comments.append(Comment(row.position, number, recorded.data.comment))
    return Changes(
        issues=after,
        reworded=frozenset(
            number
            for number, stored in after.items()
            if _words(stored) != _words(held.get(number, NOT_STORED))
        ),
        comments=tuple(comments),
    )


def columns(number: int, stored: Stored) -> tuple[Any, ...]:
    """The row of an issue, in the order of ``issues.UPSERT``. The issue must be opened."""
    issue = stored.issue
    assert isinstance(issue, OpsIssue)
    stage, case = issue.stage, issue.source_case
    return (
        number,
        issue.status,
        not issue.is_closed,
        issue.acknowledged_at is not None,
        isinstance(stage, WaitingOnInfo) and stage.awaited_from == "customer",
        issue.severity,
        _text(issue.assignee),
        _text(None if case is None else f"{case.system}:{case.number}"),
        ",".join(issue.assigned),
        _encode(issue),
        stored.version,
        stored.position,
        stored.opened,
    )


def searched(stored: Stored) -> tuple[str, str]:
    """What is searched of an issue itself: its summary and its description."""
    summary, description = _words(stored)
    return searchable(summary, SUMMARY_CHARS_MAX), searchable(description)


def searchable(text: str, chars: int = TEXT_CHARS_MAX) -> str:
    """The part of a text that is searched, as PostgreSQL takes it: it has no NUL."""
    return text[:chars].replace("\0", " ")


def decode_issue(state: bytes) -> OpsIssue:
    """An issue as ``columns`` encoded it."""
    return _state_decoder.decode(state)


def _words(stored: Stored) -> tuple[str, str]:
    issue = stored.issue
    return (issue.summary, issue.description) if isinstance(issue, OpsIssue) else ("", "")


def _text(text: str | None) -> str | None:
    return None if text is None else text.replace("\0", " ")
