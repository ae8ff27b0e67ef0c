"""Proves of a run, from its history and the two logs at the end, that nobody was told a lie.

Told ok: its effect is in the log once, where it was said to be. Refused: no trace of it in either
log. Unknown: once or not at all, and then whole. A repeat was answered as the first time. What was
asked after something was told lies behind it. Each log holds what the other published: the same
bytes in the same order. Pure: lines and bytes in, findings out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from shared.events.envelope import short_name
from tests.chaos.history import Line, Operation, Service, operations

TOKEN: Final = re.compile(rb"~[a-z]+-\d+~")
SOURCES: Final[Mapping[Service, str]] = {"ops": "/caselog/ops", "eng": "/caselog/eng"}
EFFECTS: Final[Mapping[tuple[Service, str], str]] = {
    ("ops", "open"): "opened",
    ("ops", "comment"): "commented",
    ("ops", "amend"): "amended",
    ("ops", "await-info"): "info-awaited",
    ("ops", "return-to-engineering"): "returned-to-engineering",
    ("ops", "attach-evidence"): "evidence-attached",
    ("ops", "add-label"): "label-added",
    ("ops", "intake-opened"): "opened",
    ("ops", "intake-commented"): "commented",
    ("ops", "intake-evidence-attached"): "evidence-attached",
    ("eng", "claim"): "claimed",
    ("eng", "send-to-review"): "sent-to-review",
    ("eng", "comment"): "issue-commented",
    ("eng", "move"): "issue-moved",
    ("eng", "create"): "issue-created",
}
"""The event by which an operation is known to have had its effect; there is one of it each time."""
SAID_TWICE: Final = frozenset({("eng", "send-to-review"), ("eng", "move")})
"""Of these a second one while the first holds is told ok and adds nothing (that is a rule)."""
FINDINGS_MAX: Final = 50


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the checker reads of an entry. ``sequence`` is that of its author, if published."""

    id: str
    source: str
    type: str
    subject: str
    causationid: str
    position: int
    sequence: int | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry at its position in the log that holds it, with its exact bytes."""

    at: int
    entry: Entry
    raw: bytes


@dataclass(slots=True)
class Log:
    """One service's log at the end, from its exact entries, in order."""

    service: Service
    placed: list[Placed] = field(default_factory=list)
    by_token: dict[str, list[Placed]] = field(default_factory=dict)
    by_cause: dict[str, list[Placed]] = field(default_factory=dict)
    """Own entries by what caused them."""
    streams: dict[str, list[int]] = field(default_factory=dict)
    """Where the entries of each stream are."""

    @classmethod
    def of(cls, service: Service, lines: Iterable[bytes]) -> Log:
        log = cls(service)
        decoder = msgspec.json.Decoder(Entry)
        for at, raw in enumerate(lines, 1):
            entry = decoder.decode(raw)
            placed = Placed(at, entry, raw)
            log.placed.append(placed)
            log.streams.setdefault(entry.subject, []).append(at)
            for token in {each.decode() for each in TOKEN.findall(raw)}:
                log.by_token.setdefault(token, []).append(placed)
            if entry.source == SOURCES[service]:
                log.by_cause.setdefault(entry.causationid, []).append(placed)
        return log

    def effects(self, operation: Operation) -> list[Placed]:
        """The entries that say that the operation had its effect here."""
        line = operation.first
        wanted = EFFECTS[line.service, line.f]
        return [
            each
            for each in self.by_token.get(line.token, ())
            if each.entry.source == SOURCES[self.service] and short_name(each.entry.type) == wanted
        ]

    def version(self, stream: str, position: int) -> int:
        """How many entries the stream had at that position."""
        return bisect_right(self.streams.get(stream, []), position)

    def published(self, author: Service) -> list[bytes]:
        """What it holds of what an author published, in its own order."""
        source = SOURCES[author]
        return [p.raw for p in self.placed if p.entry.source == source and p.entry.sequence]


def check(history: Sequence[Line], logs: Mapping[Service, Log]) -> list[str]:
    """What does not hold, one sentence each; empty if all does."""
    findings: list[str] = []
    found = operations(history)
    findings += _answers(found)
    for operation in found:
        findings += _effect(operation, logs)
    for log in logs.values():
        findings += _order([each for each in found if each.first.service == log.service], log)
        findings += _dense(log)
    findings += _exchanged(logs["ops"], logs["eng"], "ops")
    findings += _exchanged(logs["eng"], logs["ops"], "eng")
    return findings[:FINDINGS_MAX]


def _answers(found: Iterable[Operation]) -> Iterator[str]:
    """A repeat is answered as the first time; nothing is an error of ours."""
    for operation in found:
        answers = operation.answers
        for later in answers[1:]:
            if _told(later) != _told(answers[0]):
                yield f"{_name(operation)}: told {_told(answers[0])}, then {_told(later)}"
        for line in operation.lines:
            if line.type == "unknown" and line.rule == "internal":
                yield f"{_name(operation)}: an internal error: {line.said}"


def _told(line: Line) -> tuple[object, ...]:
    return (line.type, line.status, line.position, line.stream, line.said)


def _effect(operation: Operation, logs: Mapping[Service, Log]) -> Iterator[str]:
    """Once if told ok, not at all if refused, either if unknown; whole wherever it is."""
    service, name = operation.first.service, _name(operation)
    log = logs[service]
    effects = log.effects(operation)
    traces = [
        placed for each in logs.values() for placed in each.by_token.get(_token(operation), ())
    ]
    match operation.verdict:
        case "ok" if not effects and (service, operation.first.f) in SAID_TWICE:
            yield from _nothing_new(operation, log)
        case "ok" if len(effects) != 1:
            yield f"{name}: told ok, and {len(effects)} times in the log of {service}"
        case "refused" if traces:
            where = ", ".join(f"{short_name(each.entry.type)} {each.at}" for each in traces[:3])
            yield f"{name}: refused, and in the log: {where}"
        case "unknown" if len(effects) > 1 or (traces and not effects):
            yield f"{name}: unknown, {len(effects)} times in the log, {len(traces)} traces"
        case _:
            pass
    if len(effects) == 1:
        yield from _whole(operation, effects[0], log)


def _whole(operation: Operation, effect: Placed, log: Log) -> Iterator[str]:
    """All entries of one request lie together, and where they were said to be."""
    group = log.by_cause[effect.entry.causationid]
    name = _name(operation)
    if [each.at for each in group] != list(range(group[0].at, group[0].at + len(group))):
        yield f"{name}: appended in pieces: {[each.at for each in group]}"
    for line in operation.lines:
        if line.type != "ok":
            continue
        if line.position is not None and line.position != group[-1].at:
            yield f"{name}: told position {line.position}, is at {group[-1].at}"
        if line.version is not None:
            version = log.version(line.stream or "", group[-1].at)
            if line.version != version:
                yield f"{name}: told version {line.version} of {line.stream}, was {version}"


def _nothing_new(operation: Operation, log: Log) -> Iterator[str]:
    """What was told of the stream is so, although nothing was added to it."""
    for line in operation.lines:
        if line.type == "ok" and line.stream is not None and line.position is not None:
            version = log.version(line.stream, line.position)
            if line.version != version or line.position > len(log.placed):
                yield (
                    f"{_name(operation)}: told version {line.version} of {line.stream} at "
                    f"{line.position}, was {version}"
                )


def _order(found: Sequence[Operation], log: Log) -> Iterator[str]:
    """What was asked after something was told ok lies behind it in the log."""
    placed: list[tuple[Operation, int]] = []
    for operation in found:
        effects = log.effects(operation)
        if len(effects) == 1:
            placed.append((operation, effects[0].at))
    told = sorted(
        ((each.told_at, at, each) for each, at in placed if each.told_at is not None),
        key=lambda one: one[0],
    )
    next_told, furthest = 0, (0, "nothing")
    for operation, at in sorted(placed, key=lambda one: one[0].first.time):
        while next_told < len(told) and told[next_told][0] < operation.first.time:
            furthest = max(furthest, (told[next_told][1], _name(told[next_told][2])))
            next_told += 1
        if at < furthest[0]:
            yield (
                f"{_name(operation)}: asked after {furthest[1]} was told, "
                f"and lies before it: {at} < {furthest[0]}"
            )


def _dense(log: Log) -> Iterator[str]:
    """Own entries say their own places; what is published is numbered without a gap."""
    sequence = 0
    for each in log.placed:
        if each.entry.source != SOURCES[log.service]:
            continue
        if each.entry.position != each.at:
            yield f"{log.service}: {each.entry.id} says {each.entry.position}, is at {each.at}"
        if each.entry.sequence is not None:
            sequence += 1
            if each.entry.sequence != sequence:
                yield f"{log.service}: sequence {each.entry.sequence} where {sequence} is next"


def _exchanged(author: Log, receiver: Log, service: Service) -> Iterator[str]:
    """Everything published is held by the other: the same bytes, the same order, once."""
    said, held = author.published(service), receiver.published(service)
    if said == held:
        return
    place = next((n for n, (a, b) in enumerate(zip(said, held, strict=False)) if a != b), -1)
    yield (
        f"{service} published {len(said)}, the other holds {len(held)}"
        + (f"; they differ first at {place + 1}" if place >= 0 else "")
    )


def _token(operation: Operation) -> str:
    return operation.first.token


def _name(operation: Operation) -> str:
    line = operation.first
    return f"{line.process} {line.service} {line.f} {line.token}"
