"""What a request's caller is told when it was not stored.

A request may be wrong in several ways at once; what is told first is what helps most: it has been
done already, the author's number is held, the name is taken, a stream has moved on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from shared.eventlog.asks import Ask
from shared.eventlog.model import (
    AppendUnsettled,
    IdTaken,
    KeyTaken,
    LogUnavailable,
    Row,
    SequenceTaken,
    UniqueKey,
    VersionConflict,
)
from shared.eventlog.port import LogStore, Refusals


def verdict(refusals: Refusals, index: int) -> Exception | None:
    """What the store says about the request ``index`` of a group; None: nothing against it."""
    if index in refusals.ids:
        return IdTaken(refusals.ids[index])
    if index in refusals.sequences:
        return SequenceTaken(*refusals.sequences[index])
    if index in refusals.keys:
        return KeyTaken(refusals.keys[index])
    if index in refusals.conflicts:
        return VersionConflict(refusals.conflicts[index])
    return None


async def judge(
    store: LogStore, suspects: Sequence[tuple[Ask, VersionConflict]]
) -> list[Exception]:
    """The same for requests whose streams have moved on for certain, by looking into the log."""
    ids = [event.id for ask, _ in suspects for event in ask.request.events]
    try:
        found = await store.find(ids)
        return [await _earlier(store, ask, found) or conflict for ask, conflict in suspects]
    except Exception as error:  # noqa: BLE001 - in place of a verdict: nothing was written
        return [error] * len(suspects)


async def _earlier(store: LogStore, ask: Ask, found: Mapping[UUID, Row]) -> Exception | None:
    recorded = tuple(event.id for event in ask.request.events if event.id in found)
    if recorded:
        return IdTaken(recorded)
    for key in ask.request.keys:
        holders = await store.taken(key.scope, [key.key])
        if holders:
            return KeyTaken(UniqueKey(key.scope, key.key, holders[key.key]))
    return None


def given_up(ask: Ask, why: str) -> Exception:
    """When patience is at its end."""
    return AppendUnsettled(why) if ask.ghosts else LogUnavailable(why)
