"""What PostgreSQL's errors mean for a log.

The one thing that must never be got wrong: an error after which a commit may still have happened is
``OutcomeUnknown``; every other error means that nothing was written.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from shared.eventlog.model import LogHead, LogUnavailable, UniqueKey
from shared.eventlog.port import Group, GroupRefused, OutcomeUnknown, Refusals, StaleHead, Tip

STALE_HEAD: Final = "LG001"
REFUSED: Final = "LG002"

CONNECTION_TROUBLE: Final = (OSError, TimeoutError, asyncpg.InterfaceError)
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
    conflicts: list[tuple[int, str]] | None = None
    ids: list[tuple[int, UUID]] | None = None
    sequences: list[tuple[int, str, int, int]] | None = None
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
    for request, stream in refused.conflicts or ():
        conflicts[request][stream] = None
    ids: defaultdict[int, list[UUID]] = defaultdict(list)
    for request, event_id in refused.ids or ():
        ids[request].append(event_id)
    refusals = Refusals(
        {request: tuple(streams) for request, streams in conflicts.items()},
        {r: UniqueKey(scope, key, value) for r, scope, key, value in reversed(refused.keys or [])},
        {request: tuple(taken) for request, taken in ids.items()},
        {r: (source, epoch, n) for r, source, epoch, n in reversed(refused.sequences or [])},
    )
    if refusals:
        return GroupRefused(refusals)
    # Whoever stood in the way is gone, a key that was freed for example: try again.
    return StaleHead(group.before)
