"""What operators see and do: lag, readiness, metrics, dead letters; the same for both services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from msgspec import structs

from shared.bus.dead_letters import PAGE_MAX, DeadLetter, DeadLetters, DeadLettersUnavailable
from shared.bus.exchange import Exchange
from shared.bus.intake import Intake
from shared.eventlog.log import EventLog
from shared.eventlog.projector import Projector
from shared.events.intake import Fault, Receipt
from shared.hosting.bodies import BodyDecoder
from shared.hosting.clock_watch import ClockWatch
from shared.hosting.documented import OPT, Documented
from shared.hosting.health import Check
from shared.hosting.metrics import Metrics
from shared.hosting.paging import Cursors, CursorText, Limit, Page
from shared.hosting.principal import Access, Role
from shared.hosting.problems import Kind, Problem, ProblemRaised, problem, wrong_field

OPERATORS: Final = Access(frozenset({Role.OPERATOR}))
SEE_LETTERS: Final = Access(frozenset({Role.OPERATOR, Role.AUDITOR}))
PUBLISHERS: Final = Access(frozenset({Role.SYSTEM}))
_PROBLEMS: Final = (400, 401, 403, 404, 422, 429, 500, 503)
STATUS_OF_FAULT: Final[Mapping[str, Kind]] = {
    Fault.UNREADABLE: Kind.UNREADABLE,
    Fault.TOO_LARGE: Kind.TOO_LARGE,
    Fault.INVALID: Kind.WRONG_FIELDS,
}


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """How far everything is.

    Attributes:
        position: The log's last position.
        sequence: The last sequence among the events it published.
        relayed: The last sequence handed to the broker; null before it is known.
        received: The last sequence held of the other service.
        announced: The last sequence the other announced; null before it was heard.
        lag_out: Published events that were not handed over yet.
        lag_in: Announced events that are not held here yet.
        projections: How far each read model is.
        dead_letters: How many are open.
        trouble: What fails now, by part.
    """

    position: int
    sequence: int
    relayed: int | None
    received: int
    announced: int | None
    lag_out: int | None
    lag_in: int | None
    projections: dict[str, int]
    dead_letters: int
    trouble: dict[str, str]


class Discard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a dead letter will never be processed."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000, pattern=r"\S")]


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter as it is shown; ``body`` is its exact bytes in Base64.

    ``text`` is the same as text, with what is not UTF-8 replaced.
    """

    id: UUID
    received_at: datetime
    route: str
    state: str
    reason: str
    rule: str
    times: int
    note: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes
    text: str


class Status:
    """Asks the parts of a service how they are."""

    def __init__(
        self,
        log: EventLog,
        exchange: Exchange,
        dead_letters: DeadLetters,
        models: Projector,
        watch: ClockWatch,
    ) -> None:
        self._watch = watch
        self._log = log
        self._exchange = exchange
        self._dead_letters = dead_letters
        self._models = models

    async def lag(self) -> Lag:
        """Raises DeadLettersUnavailable."""
        exchange = self._exchange.status()
        own = {"log": self._log.trouble, "clock": self._watch.trouble}
        return Lag(
            position=exchange.head.position,
            sequence=exchange.head.sequence,
            relayed=exchange.relay.position,
            received=exchange.receiver.sequence,
            announced=exchange.receiver.announced,
            lag_out=exchange.lag_out,
            lag_in=exchange.lag_in,
            projections=self._models.positions,
            dead_letters=await self._dead_letters.open_count(),
            trouble=exchange.trouble | {part: why for part, why in own.items() if why},
        )

    def checks(self) -> dict[str, Check]:
        """For ``/readyz``: the database, the log, the read models and the exchange."""
        return {
            "database": self._database,
            "log": self._writable,
            "read models": self._ready_to_read,
            "exchange": self._ready_to_exchange,
        }

    def measure(self, metrics: Metrics) -> None:
        """Registers gauges; the labels and names are bounded."""
        gauges: dict[str, tuple[str, Callable[[], float]]] = {
            "log_position": (
                "The log's last position.",
                lambda: self._log.head.position,
            ),
            "lag_out_events": (
                "Own published events not handed to the broker yet; -1 if not known.",
                lambda: _known(self._exchange.status().lag_out),
            ),
            "lag_in_events": (
                "Announced events of the other service not held yet; -1 if not known.",
                lambda: _known(self._exchange.status().lag_in),
            ),
            "received_sequence": (
                "The last sequence held of the other service.",
                lambda: self._exchange.status().receiver.sequence,
            ),
            "log_read_only": (
                "Whether nothing is recorded now, as the log was not found to be whole.",
                lambda: float(self._log.read_only is not None),
            ),
            "log_restored": (
                "Whether the log is being recovered, as its database is an older backup.",
                lambda: float(self._exchange.handshake.restored),
            ),
            "log_diverged": (
                "Whether there are two histories of the log; somebody must look.",
                lambda: float(self._exchange.handshake.alarm is not None),
            ),
            "log_epoch": (
                "The log's epoch; it grows when the log is restored.",
                lambda: self._log.head.epoch,
            ),
            "log_recovered_events": (
                "Own published events that this process took back from the other service.",
                lambda: self._exchange.recovery.recovered,
            ),
            "exchange_connected": (
                "Whether there is a connection to the broker.",
                lambda: float(self._exchange.status().connected),
            ),
            "log_failing": (
                "Whether appending to the log failed a moment ago.",
                lambda: float(self._log.trouble is not None),
            ),
            "clock_ahead_seconds": (
                "How far this clock is ahead of the database's; negative if behind.",
                lambda: self._watch.ahead,
            ),
            "exchange_troubles": (
                "Parts of the exchange that fail now.",
                lambda: len(self._exchange.status().trouble),
            ),
        }
        for name, (description, value) in gauges.items():
            metrics.gauge(name, description, value)
        for name in self._models.positions:
            metrics.gauge(
                f"projection_{name}_position",
                f"How far the read model {name} is.",
                partial(self._models.position_of, name),
            )

    async def _database(self) -> str | None:
        await self._log.store.head()
        return self._log.trouble  # what can be read need not take anything: a disk may be full

    async def _writable(self) -> str | None:
        return self._log.read_only

    async def _ready_to_read(self) -> str | None:
        return None if self._models.ready else "they are being filled"

    async def _ready_to_exchange(self) -> str | None:
        status = self._exchange.status()
        if not status.connected:
            return "not connected to NATS"
        if status.receiver.alarm is not None:
            return status.trouble["receiver"]
        return None


def routes(status: Status, intake: Intake, letters: DeadLetters) -> list[HTTPRouteHandler]:
    """``/lag``, ``/dead-letters`` and ``POST /events``."""
    return [_lag_route(status), *_letter_routes(intake, letters), _events_route(intake)]


def _lag_route(status: Status) -> HTTPRouteHandler:
    @get(
        "/lag",
        operation_id="lag",
        summary="How far log, relay, receiver and read models are",
        guards=[SEE_LETTERS.guard],
        opt={OPT: Documented(problems=_PROBLEMS)},
    )
    async def lag() -> Lag:
        try:
            return await status.lag()
        except DeadLettersUnavailable as error:
            raise _unavailable() from error

    return lag


def _letter_routes(intake: Intake, letters: DeadLetters) -> list[HTTPRouteHandler]:
    cursors: Cursors[UUID] = Cursors("dead-letters", UUID)
    discarding = BodyDecoder(Discard)

    @get(
        "/dead-letters",
        operation_id="dead-letters",
        summary="Messages that could not be processed, oldest first",
        guards=[SEE_LETTERS.guard],
        opt={OPT: Documented(problems=_PROBLEMS)},
    )
    async def page(limit: Limit = PAGE_MAX - 1, cursor: CursorText = None) -> Page[Letter]:
        after = cursors.read(cursor, {})
        size = min(limit, PAGE_MAX - 1)
        try:
            found = await letters.page(after=after, limit=size + 1)
        except DeadLettersUnavailable as error:
            raise _unavailable() from error
        shown = [_letter(letter) for letter in found]
        return cursors.page(shown, [letter.id for letter in found], size, {})

    @get(
        "/dead-letters/{letter:uuid}",
        operation_id="dead-letter",
        summary="One of them, with its exact bytes",
        guards=[SEE_LETTERS.guard],
        opt={OPT: Documented(problems=_PROBLEMS)},
    )
    async def one(letter: UUID) -> Letter:
        return _letter(await _found(letters, letter))

    @post(
        "/dead-letters/{letter:uuid}/retry",
        operation_id="retry-dead-letter",
        summary="Process one again",
        status_code=200,
        guards=[OPERATORS.guard],
        opt={OPT: Documented(problems=(*_PROBLEMS, 409))},
    )
    async def retry(letter: UUID) -> Receipt:
        found = await _found(letters, letter)
        try:
            return await intake.retry(found)
        except ValueError as error:
            raise ProblemRaised(problem(Kind.NOT_FOUND, str(error))) from error

    @post(
        "/dead-letters/{letter:uuid}/discard",
        operation_id="discard-dead-letter",
        summary="Set one aside for good",
        status_code=200,
        guards=[OPERATORS.guard],
        opt={OPT: Documented(problems=_PROBLEMS, body=Discard)},
    )
    async def discard(letter: UUID, request: Request[Any, Any, Any]) -> Letter:
        said = discarding.decode(await request.body())
        await _found(letters, letter)
        settled = await letters.settle(letter, "discarded", f"{request.user.actor}: {said.reason}")
        assert settled is not None, "nothing deletes a dead letter"
        return _letter(settled)

    return [page, one, retry, discard]


def _events_route(intake: Intake) -> HTTPRouteHandler:
    @post(
        "/events",
        operation_id="publish-event",
        summary="Publish a CloudEvent, in structured or binary mode",
        status_code=200,
        guards=[PUBLISHERS.guard],
        # What may be published is in the AsyncAPI document, message by message.
        include_in_schema=False,
    )
    async def publish(request: Request[Any, Any, Any]) -> Response[Receipt]:
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in request.scope["headers"]
        ]
        try:
            receipt = await intake.receive_http(headers, await request.body())
        except DeadLettersUnavailable as error:
            raise _unavailable() from error
        if receipt.outcome == "refused":
            raise ProblemRaised(_refusal(receipt))
        return Response(receipt)

    return publish


def _refusal(receipt: Receipt) -> Problem:
    detail = receipt.reason or ""
    kind = STATUS_OF_FAULT.get(receipt.rule or "")
    if kind is Kind.WRONG_FIELDS:
        field, _, rest = detail.partition(": ")
        return wrong_field(field, rest or detail)
    if kind is not None:
        return problem(kind, detail)
    return structs.replace(problem(Kind.RULE_REFUSED, detail), rule=receipt.rule)


async def _found(letters: DeadLetters, letter: UUID) -> DeadLetter:
    try:
        found = await letters.find(letter)
    except DeadLettersUnavailable as error:
        raise _unavailable() from error
    if found is None:
        raise ProblemRaised(problem(Kind.NOT_FOUND, f"there is no dead letter {letter}"))
    return found


def _letter(letter: DeadLetter) -> Letter:
    return Letter(
        id=letter.id,
        received_at=letter.received_at,
        route=letter.route,
        state=letter.state,
        reason=letter.reason,
        rule=letter.rule,
        times=letter.times,
        note=letter.note,
        headers=letter.headers,
        body=letter.body,
        text=letter.body.decode("utf-8", "replace"),
    )


def _unavailable() -> ProblemRaised:
    return ProblemRaised(problem(Kind.UNAVAILABLE, "the database cannot be reached"))


def _known(number: int | None) -> float:
    return -1 if number is None else number
