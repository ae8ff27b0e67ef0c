"""Carrying out what other systems publish: once each, with a receipt; the same for both services.

Whatever way an event came, it ends here in one ``Receipt``. If that refuses it with the rule of a
``Fault``, whoever brought the event keeps its exact bytes as a dead letter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from shared.eventlog.log import EventLog
from shared.eventlog.model import KeyTaken, UniqueKey
from shared.events.decision import Invalid, Refused
from shared.events.envelope import AnyRecorded
from shared.events.intake import After, Fault, IntakeEvent, Malformed, Receipt
from shared.hosting.bodies import BodyDecoder
from shared.hosting.failures import problem_of
from shared.hosting.problems import Kind, ProblemRaised

SCOPE: Final = "intake"
"""The scope of the unique keys that make an intake event recorded once, for ever."""
NOT_SEEN: Final = "not-seen"
"""The rule's name when what an event is about did not come while it waited."""
PRESUMED_NOT_SEEN: Final = "presumed-not-seen"
"""The same for what its publisher had seen of the other service."""

Presume = Callable[[After], Awaitable[bool]]
"""Waits until this log holds what a publisher had seen; False if it does not come in time."""
Keys = Callable[[UUID | None, str], tuple[UniqueKey, ...]]
"""Unique keys to take along with an append, of its last event's id and what it is about."""


class Recorded(msgspec.Struct, frozen=True):
    """It holds; ``position`` is that of the last event it added, and ``event`` its id, if any."""

    key: str
    position: int
    event: UUID | None


class About(msgspec.Struct, frozen=True):
    """A refusal that is about an issue that exists."""

    key: str
    refused: Refused


class NotSeen(msgspec.Struct, frozen=True):
    """What the event is about did not come while it waited."""

    named: str


class NoSubject(msgspec.Struct, frozen=True):
    """The event does not say which issue it is about."""


Result = Recorded | Refused | About | Invalid | NotSeen | NoSubject
CarryOut = Callable[[IntakeEvent, Any, Keys], Awaitable[Result]]


class _Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is on disk for an intake event that was recorded."""

    key: str
    event: UUID | None = None


class IntakeDesk:
    """The port of ``shared.bus.intake``, for one service.

    Args:
        log: The service's log.
        bodies: The body of each type that the service takes.
        carry_out: Does it; takes ``Keys`` along with its append.
        presume: Waits for what an event's publisher had seen.
    """

    def __init__(
        self,
        log: EventLog,
        bodies: Mapping[str, type[msgspec.Struct]],
        carry_out: CarryOut,
        presume: Presume,
    ) -> None:
        self._log = log
        self._decoders = {name: BodyDecoder(body) for name, body in bodies.items()}
        self._carry_out = carry_out
        self._presume = presume

    async def handle(self, event: IntakeEvent) -> Receipt:
        """What became of it, durable by then. Raises LogUnavailable and the like: try again."""
        self._log.check_writable()
        decoder = self._decoders.get(event.type)
        if decoder is None:
            known = ", ".join(sorted(self._decoders))
            wrong = Invalid("type", f"{event.type} is not taken here; these are: {known}")
            return _malformed(event, Fault.INVALID, (wrong,))
        try:
            body = decoder.decode(event.data)
        except ProblemRaised as error:
            return _wrong_body(event, error)
        if event.after is not None and not await self._presume(event.after):
            # It may have been recorded when the other service could be asked.
            return await self._before(event) or _presumed_in_vain(event.after)
        try:
            result = await self._carry_out(event, body, _keys(event))
        except KeyTaken as error:
            if error.taken.scope != SCOPE:
                raise
            return await self._before(event) or _in_vain(event)
        # What adds nothing may have been recorded before, or have another reason. What does add
        # something needs no such look: the append takes the key along, or fails on it.
        adds = isinstance(result, Recorded) and result.event is not None
        if not adds and (before := await self._before(event)) is not None:
            return before
        return await self._receipt(event, result)

    async def _before(self, event: IntakeEvent) -> Receipt | None:
        """The receipt of an event that was recorded before."""
        held = (await self._log.store.taken(SCOPE, (event.once,))).get(event.once)
        if held is None:
            return None
        kept = msgspec.json.decode(held, type=_Kept)
        position = None
        if kept.event is not None:
            rows = await self._log.store.find((kept.event,))
            position = rows[kept.event].position if kept.event in rows else None
        return Receipt(outcome="duplicate", key=kept.key, position=position)

    async def _receipt(self, event: IntakeEvent, result: Result) -> Receipt:
        match result:
            case Recorded(key, position, None):
                # Nothing was new. It counts as recorded all the same: said again later, when the
                # state is another, it must not have an effect that its publisher never meant.
                await self._log.store.keep(_keys(event)(None, key))
                return Receipt(outcome="recorded", key=key, position=position)
            case Recorded(key, position):
                return Receipt(outcome="recorded", key=key, position=position)
            case Refused(rule, detail):
                return Receipt(outcome="refused", key=event.subject, reason=detail, rule=rule)
            case About(key, Refused(rule, detail)):
                return Receipt(outcome="refused", key=key, reason=detail, rule=rule)
            case Invalid(field, detail):
                return _malformed(event, Fault.INVALID, (Invalid(f"data.{field}", detail),))
            case NoSubject():
                wrong = Invalid("subject", "must name the issue: its key, or <system>:<number>")
                return _malformed(event, Fault.INVALID, (wrong,))
            case NotSeen(named):
                reason = f"{named} is not known here, and did not come in time"
                return Receipt(outcome="refused", reason=reason, rule=NOT_SEEN)


def _keys(event: IntakeEvent) -> Keys:
    def keys(last: UUID | None, about: str) -> tuple[UniqueKey, ...]:
        kept = msgspec.json.encode(_Kept(about, last)).decode()
        return (UniqueKey(SCOPE, event.once, kept),)

    return keys


def key_of_cause(recorded: AnyRecorded) -> tuple[UniqueKey, ...]:
    """The key of the intake event that made a service say this; none if none did.

    For a log that lost its keys with the events, and has the events back.
    """
    if "#" not in recorded.causationid:
        return ()
    kept = msgspec.json.encode(_Kept(recorded.subject, recorded.id)).decode()
    return (UniqueKey(SCOPE, recorded.causationid, kept),)


def _wrong_body(event: IntakeEvent, error: ProblemRaised) -> Receipt:
    found = error.problem
    fault = {Kind.UNREADABLE: Fault.UNREADABLE, Kind.TOO_LARGE: Fault.TOO_LARGE}
    errors = tuple(Invalid(f"data.{wrong.field}", wrong.detail) for wrong in found.errors)
    whole = (Invalid("data", problem_of(error).detail),)
    return _malformed(event, fault.get(found.kind, Fault.INVALID), errors or whole)


def _malformed(event: IntakeEvent, fault: Fault, errors: tuple[Invalid, ...]) -> Receipt:
    return Malformed(fault=fault, errors=errors, system=event.system, id=event.id).receipt()


def _presumed_in_vain(after: After) -> Receipt:
    reason = f"{after.service}:{after.position} did not come here in time"
    return Receipt(outcome="refused", reason=reason, rule=PRESUMED_NOT_SEEN)


def _in_vain(event: IntakeEvent) -> Receipt:
    """Recorded by another at the same moment, and not readable yet."""
    return Receipt(outcome="duplicate", key=event.subject)
