"""What an intruder with a superuser's rights may do to a pair, and what is told of it.

Where ``told`` names a place in Operations' log, it is a name: ``last`` (position), ``published``
(sequence), ``opened`` (the position of OPS-1's first event) and ``next`` (that behind it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from caselog.endpoints import Service
from caselog.verifying.run import Which

NO_TRIGGERS: Final = "DROP TRIGGER event_is_append_only ON log.event"
NO_HEAD_TRIGGERS: Final = "DROP TRIGGER head_never_goes_back ON log.head"
NO_CONSTRAINTS: Final = """
    ALTER TABLE log.event DROP CONSTRAINT event_pkey, DROP CONSTRAINT event_id,
        DROP CONSTRAINT event_stream_version;
    DROP INDEX log.event_source_sequence"""
OPENED: Final = "stream = 'OPS-1' AND version = 1"
FIRST_STATUS: Final = """
    id = (SELECT id FROM log.event WHERE type = 'caselog.ops.status-changed.v1'
          ORDER BY position LIMIT 1)"""
BY_OPS: Final = "source = '/caselog/ops' AND sequence"
LAST_BY_OPS: Final = """
    id = (SELECT id FROM log.event WHERE source = '/caselog/ops' AND sequence IS NOT NULL
          ORDER BY sequence DESC LIMIT 1)"""
SWAPPED: Final = """
    WITH first AS (SELECT position FROM log.event WHERE stream = 'OPS-1' AND version = 1)
    UPDATE log.event AS e SET position = 2 * first.position + 1 - e.position
    FROM first WHERE e.position IN (first.position, first.position + 1)"""
SAID_AGAIN: Final = """
    UPDATE log.event SET (id, stream, version, type, source, epoch, sequence, entry, leaf) = (
        SELECT id, stream, version, type, source, epoch, sequence, entry, leaf
        FROM log.event WHERE position = 1
    ) WHERE position = 2"""
HEAD_PUT_BACK: Final = """
    UPDATE log.head SET (position, sequence, leaf) = (
        SELECT max(position), max(sequence) FILTER (WHERE source = '/caselog/ops'),
            (SELECT leaf FROM log.event ORDER BY position DESC LIMIT 1)
        FROM log.event)"""
NEVER_OPENED: Final = """
    INSERT INTO issues_1.issue
    SELECT 99, status, is_open, acknowledged, awaits_customer, severity, assignee, source_case,
        teams, state, version, position, opened_position, words
    FROM issues_1.issue WHERE number = 8"""


def edited(where: str, before: str, after: str, *, with_hash: bool) -> str:
    """Edits the text of entries, perhaps with the hash that they then have."""
    text = f"replace(convert_from(entry, 'UTF8'), '{before}', '{after}')"
    entry = f"convert_to({text}, 'UTF8')"
    leaf = f"sha256('\\x00'::bytea || {entry})" if with_hash else "leaf"
    return f"UPDATE log.event SET entry = {entry}, leaf = {leaf} WHERE {where}"


@dataclass(frozen=True)
class Damage:
    """What is done to a database of a service, and what ``verify`` of which log says of it."""

    does: Sequence[str]
    told: Sequence[str]
    to: Service = "ops"
    by: Which = "ops"


DAMAGES: Final[Mapping[str, Damage]] = {
    # A log.
    "a changed byte": Damage(
        [NO_TRIGGERS, edited(OPENED, "shows twice", "shows thrice", with_hash=False)],
        ["ops: position {opened}: the leaf hash is not that of the entry"],
    ),
    "bytes that are no event": Damage(
        [NO_TRIGGERS, edited(OPENED, '{"specversion"', '["specversion"', with_hash=True)],
        [
            "ops: position {opened}: the entry is not an event",
            "ops: issue OPS-1 is in the read model, and the log does not make it",
        ],
    ),
    "an edited text with its hash": Damage(
        [NO_TRIGGERS, edited(OPENED, "shows twice", "shows thrice", with_hash=True)],
        [
            "ops: issue OPS-1 in the read model is not what the log folds to: state",
            "ops: issue OPS-1 in the read model is found by other words than its own",
        ],
    ),
    "an edited status with its hash": Damage(
        [
            NO_TRIGGERS,
            edited(FIRST_STATUS, '"to_status":"', '"to_status":"New","was":"', with_hash=True),
        ],
        ["states New, the fold is"],
    ),
    "a missing row": Damage(
        [NO_TRIGGERS, f"DELETE FROM log.event WHERE {OPENED}"],
        ["ops: position {next}: follows position ", "not dense"],
    ),
    "the last row missing": Damage(
        [NO_TRIGGERS, "DELETE FROM log.event WHERE position = (SELECT position FROM log.head)"],
        ["ops: the head says position {last}, the last row is "],
    ),
    "two rows swapped": Damage(
        [NO_TRIGGERS, NO_CONSTRAINTS, SWAPPED],
        [
            "ops: position {opened}: the column position is {opened}, the entry says {next}",
            "ops: position {next}: the column position is {next}, the entry says {opened}",
        ],
    ),
    "a row said twice": Damage(
        [NO_TRIGGERS, NO_CONSTRAINTS, SAID_AGAIN],
        ["ops: position 2: sequence 1 of /caselog/eng follows 1: not dense"],
    ),
    "a doubled sequence": Damage(
        [
            NO_TRIGGERS,
            NO_CONSTRAINTS,
            f"UPDATE log.event SET sequence = 2 WHERE {BY_OPS} = 3",
        ],
        ["sequence 2 of /caselog/ops follows 2: not dense", "the column sequence is 2, the entry"],
    ),
    "a changed sequence": Damage(
        [NO_TRIGGERS, f"UPDATE log.event SET sequence = 99 WHERE {BY_OPS} = 2"],
        ["sequence 99 of /caselog/ops follows 1: not dense"],
    ),
    "an event moved to another case": Damage(
        [
            NO_TRIGGERS,
            NO_CONSTRAINTS,
            "UPDATE log.event SET stream = 'OPS-8' WHERE stream = 'OPS-1'",
        ],
        [
            "position {opened}: the column stream is OPS-8, the entry says OPS-1",
            "version 1 of OPS-8",
        ],
    ),
    "a moment changed": Damage(
        [
            NO_TRIGGERS,
            f"UPDATE log.event SET recorded_at = recorded_at + interval '1 hour' WHERE {OPENED}",
        ],
        ["position {opened}: the column recorded_at is", "position {next}: recorded at"],
    ),
    # Its head.
    "a head that is ahead": Damage(
        ["UPDATE log.head SET position = position + 5, sequence = sequence + 1"],
        [
            ", the last row is {last}",
            ", the last published row has {published}",
            "ops: the read model issues is at {last}, the log at ",
        ],
    ),
    "a head that was put back": Damage(
        [NO_HEAD_TRIGGERS, "UPDATE log.head SET position = position - 1"],
        ["ops: position {last}: a row behind the head, which says "],
    ),
    "a head of another hash": Damage(
        ["UPDATE log.head SET leaf = sha256('')"],
        ["ops: the head names another leaf hash than that of the last row"],
    ),
    # A read model.
    "a stale row of a read model": Damage(
        ["UPDATE issues_1.issue SET status = 'New', position = 2 WHERE number = 8"],
        ["ops: issue OPS-8 in the read model is not what the log folds to: status, position"],
    ),
    "a missing row of a read model": Damage(
        ["DELETE FROM issues_1.issue WHERE number = 8"],
        ["ops: issue OPS-8 is missing in the read model"],
    ),
    "an issue that never was": Damage(
        [NEVER_OPENED],
        ["ops: issue OPS-99 is in the read model, and the log does not make it"],
    ),
    "a comment that is not found": Damage(
        ["DELETE FROM issues_1.comment"],
        ["ops: comment at position ", " is missing in the read model"],
    ),
    "an issue found by other words": Damage(
        ["UPDATE issues_1.issue SET words = to_tsvector('simple', 'nothing') WHERE number = 2"],
        ["ops: issue OPS-2 in the read model is found by other words than its own"],
    ),
    "a read model gone": Damage(
        ["DROP SCHEMA issues_1 CASCADE"], ["ops: the read model issues cannot be read"]
    ),
    "a stale engineering issue": Damage(
        ["UPDATE boards_1.issue SET status = 'Done' WHERE key = 'MOB-1'"],
        ["eng: issue MOB-1 in the read model is not what the log folds to: status"],
        to="eng",
        by="eng",
    ),
    "a case that left a queue": Damage(
        ["DELETE FROM boards_1.queued WHERE ops_issue = 'OPS-4'"],
        ["eng: case OPS-4 in the read model is not in the queues that the log folds to"],
        to="eng",
        by="eng",
    ),
    "a team that is gone": Damage(
        ["DELETE FROM boards_1.team WHERE key = 'PAY'"],
        ["eng: team PAY is missing in the read model"],
        to="eng",
        by="eng",
    ),
    # One log against the other.
    "an event that the two logs tell differently": Damage(
        [NO_TRIGGERS, edited(f"{BY_OPS} = 1", "shows twice", "shows thrice", with_hash=True)],
        ["pair: /caselog/ops sequence 1 (OPS-1): the peer holds other bytes"],
        to="eng",
        by="pair",
    ),
    "a received event that is gone": Damage(
        [NO_TRIGGERS, f"DELETE FROM log.event WHERE {BY_OPS} = 4"],
        ["pair: /caselog/ops sequence 4: published, not held by the peer"],
        to="eng",
        by="pair",
    ),
    "the last received event gone": Damage(
        [NO_TRIGGERS, f"DELETE FROM log.event WHERE {LAST_BY_OPS}"],
        ["pair: /caselog/ops: {published} were published, the peer holds "],
        to="eng",
        by="pair",
    ),
    "a last received event that cannot be read": Damage(
        [NO_TRIGGERS, f"UPDATE log.event SET entry = '\\xff' WHERE {LAST_BY_OPS}"],
        ["pair: /caselog/ops: the last event that the peer holds cannot be read"],
        to="eng",
        by="pair",
    ),
    "a published event that its author lost": Damage(
        [NO_TRIGGERS, f"DELETE FROM log.event WHERE {BY_OPS} = 4"],
        ["pair: /caselog/ops sequence 4: missing in its author's log; 5 follows 3"],
        by="pair",
    ),
    "an author that forgot its end": Damage(
        [
            NO_TRIGGERS,
            NO_HEAD_TRIGGERS,
            f"DELETE FROM log.event WHERE {LAST_BY_OPS}",
            HEAD_PUT_BACK,
        ],
        ["pair: /caselog/ops: the peer holds {published}, "],
        by="pair",
    ),
}
