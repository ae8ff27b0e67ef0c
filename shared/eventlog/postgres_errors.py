"""What PostgreSQL's errors mean for a log.

The one thing that must never be got wrong: an error after which a commit may still have happened is
``OutcomeUnknown``; every other error means that nothing was written.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from shared.eventlog.model import LogHead, LogUnavailable, Row, UniqueKey
from shared.eventlog.port import (
    Group,
    GroupRefused,
    OutcomeUnknown,
    Refusals,
    SequenceKey,
    StaleHead,
    Tip,
)

STALE_HEAD: Final = "LG001"
REFUSED: Final = "LG002"

CONNECTION_TROUBLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that ended in the middle of something
)
"""What a connection raises that is not, or no longer, one."""

_LOST: Final = ("08", "57P")
"""Connection exceptions; shutdown and crash, which may come between the commit and its answer."""
_PASSING: Final = (
    "25006",  # read-only: a standby that is not promoted yet
    "40",  # serialization failure, deadlock
    "53",  # out of connections, memory, disk
    "55P03",  # lock not available in time
    "57014",  # statement timeout
    "58",  # the system's errors
)


class _Head(msgspec.Struct):
    log: UUID
    epoch: int
    position: int
    sequence: int
    leaf: str
    recorded_at: datetime | None


class _Refused(msgspec.Struct):
    """Rows by number, from 1; of what is unproven and of keys the very lines that were sent."""

    streams: list[int] | None = None
    ids: list[int] | None = None
    sequences: list[int] | None = None
    unproven: list[tuple[int, str, int]] | None = None
    keys: list[tuple[int, str, str, str]] | None = None


_head_decoder = msgspec.json.Decoder(_Head)
_refused_decoder = msgspec.json.Decoder(_Refused)


def meaning_for_commit(error: BaseException, group: Group) -> BaseException:
    """The port's exception for an error of ``log.append``; the error itself if it is a bug."""
    if not isinstance(error, asyncpg.PostgresError):
        lost = isinstance(error, CONNECTION_TROUBLE) and not isinstance(error, ValueError)
        return OutcomeUnknown(str(error)) if lost else error
    state = error.sqlstate or ""
    if state == STALE_HEAD:
        return _stale_head(error.detail or "")
    if state == REFUSED:
        return _refusal(error.detail or "", group)
    if state.startswith(_LOST) or error.severity in {"FATAL", "PANIC"}:
        return OutcomeUnknown(str(error))
    if state.startswith(_PASSING):
        return LogUnavailable(str(error))
    return error


def meaning_for_read(error: Exception) -> Exception:
    """``LogUnavailable`` if trying again later may help, the error itself if it will not."""
    if isinstance(error, asyncpg.PostgresError):
        passing = (error.sqlstate or "").startswith((*_LOST, *_PASSING))
    else:
        passing = isinstance(error, CONNECTION_TROUBLE) and not isinstance(error, ValueError)
    return LogUnavailable(str(error) or type(error).__name__) if passing else error


@contextmanager
def told_as_log_errors() -> Iterator[None]:
    """Around reading: what passes by itself becomes ``LogUnavailable``."""
    try:
        yield
    except Exception as error:
        meaning = meaning_for_read(error)
        if meaning is error:
            raise
        raise meaning from error


def _stale_head(detail: str) -> StaleHead:
    head = _head_decoder.decode(detail)
    return StaleHead(
        Tip(
            LogHead(head.log, head.epoch, head.position, head.sequence),
            bytes.fromhex(head.leaf.removeprefix("\\x")),
            head.recorded_at,
        )
    )


def _refusal(detail: str, group: Group) -> Exception:
    refused = _refused_decoder.decode(detail)
    conflicts: defaultdict[int, dict[str, None]] = defaultdict(dict)
    ids: defaultdict[int, list[UUID]] = defaultdict(list)
    sequences: dict[int, SequenceKey] = {}
    for request, row in _rows(group, refused.streams):
        conflicts[request][row.stream] = None
    for request, stream, _ in refused.unproven or ():
        conflicts[request][stream] = None
    for request, row in _rows(group, refused.ids):
        ids[request].append(row.id)
    for request, row in _rows(group, refused.sequences):
        assert row.sequence is not None
        sequences.setdefault(request, (row.source, row.epoch, row.sequence))
    refusals = Refusals(
        {request: tuple(streams) for request, streams in conflicts.items()},
        {r: UniqueKey(scope, key, value) for r, scope, key, value in reversed(refused.keys or [])},
        {request: tuple(taken) for request, taken in ids.items()},
        sequences,
    )
    # If nothing is left that stood in the way, it is gone by now: try again.
    return GroupRefused(refusals) if refusals else StaleHead(group.before)


def _rows(group: Group, numbers: list[int] | None) -> Iterator[tuple[int, Row]]:
    for number in sorted(numbers or ()):
        yield bisect_right(group.ends, number - 1), group.rows[number - 1]
