"""Where Operations' commands are carried out: load, decide, append; whoever gave them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.ops_issues.domain import commands
from services.ops_issues.domain.decisions.context import Context
from services.ops_issues.domain.decisions.decide import decide
from services.ops_issues.domain.decisions.opening import decide_open, refuse_second_issue
from services.ops_issues.domain.fold import evolve, with_status
from services.ops_issues.domain.ops_issue import UNOPENED, OpsIssue, State
from services.ops_issues.domain.team import UNDEFINED, Team, TeamState, evolve_team
from shared.eventlog.arrivals import Arrivals
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, KeyTaken, UniqueKey
from shared.eventlog.states import States, Versioned
from shared.eventlog.taken_keys import TakenKeys
from shared.events import ops
from shared.events.decision import Accepted, Invalid, Refused
from shared.events.envelope import Body, Draft
from shared.events.vocabulary import PRODUCT, SourceCase, Status
from shared.hosting.retrying import Retrying

PREFIX: Final = "OPS"
SOURCE_CASE: Final = "source-case"
"""The scope of the unique keys that keep a source case to one issue."""

Keys = Callable[[UUID, str], tuple[UniqueKey, ...]]
"""Unique keys to take along with an append, of its last event's id and the issue's key."""


def any_version(version: int) -> None:
    """Lets a command be for whatever version there is."""


class Order(Struct, frozen=True, kw_only=True):
    """A command's surroundings: who gives it, when it happens, why, and what goes with it.

    ``check_version`` is called with the issue's version behind every load, and raises if the
    command is not for that version. ``patience`` is how many seconds a team is waited for that
    Engineering has not told of yet, ``issue_patience`` an issue that is not opened yet.
    """

    context: Context
    causation: str
    correlation: str
    keys: Keys
    patience: float
    issue_patience: float = 0.0
    check_version: Callable[[int], None] = any_version


class Carried(Struct, frozen=True):
    """A command that was carried out; ``events`` are the ids of what it added, if anything."""

    key: str
    version: int
    position: int
    status: Status
    events: tuple[UUID, ...]


class NoSuchIssue(Struct, frozen=True):
    """There is no issue of that key, or for that source case, and none came while waiting."""

    named: str


Result = Carried | Refused | Invalid | NoSuchIssue


class Desk:
    """Carries out commands on the issues of one log."""

    def __init__(self, log: EventLog, new_id: Callable[[], UUID]) -> None:
        self._log = log
        self._new_id = new_id
        self._arrivals = Arrivals(log)
        self._cases = TakenKeys(log.store, SOURCE_CASE)
        self.issues: States[State] = States(log, UNOPENED, evolve)
        self.teams: States[TeamState] = States(log, UNDEFINED, evolve_team)
        self._retrying = Retrying(self.issues.forget)

    async def open(self, command: commands.Open, order: Order) -> Result:
        """Opens an issue under a new key; a source case has one issue."""
        decision = decide_open(command, order.context)
        if not isinstance(decision, Accepted):
            return decision
        case = command.source_case
        taken = await self.find(case) if case is not None else None
        if case is not None and taken is not None:
            return refuse_second_issue(case, taken)

        async def attempt() -> Result:
            key = f"{PREFIX}-{await self._log.store.next_number(PREFIX)}"
            keys = () if case is None else (UniqueKey(SOURCE_CASE, case_name(case), key),)
            return await self._append(key, 0, decision.events, "New", order, keys)

        try:
            return await self._retrying((), attempt)
        except KeyTaken as error:
            if case is None or error.taken.scope != SOURCE_CASE:
                raise
            return refuse_second_issue(case, error.taken.value)

    async def carry_out(self, named: str, command: commands.Command, order: Order) -> Result:
        """One command on the issue that ``named`` names: a key, or ``<system>:<number>``."""
        key = await self.resolve(named, order.issue_patience)
        if key is None:
            return NoSuchIssue(named)
        context = order.context
        # Product is always known: Engineering never tells of it.
        if isinstance(command, commands.AssignTeam) and command.team != PRODUCT:
            context = await self._knowing(command.team, order)

        async def attempt() -> Result:
            found = await self.issues.load(key)
            issue = found.state
            if not isinstance(issue, OpsIssue):
                return NoSuchIssue(named)
            order.check_version(found.version)
            decision = decide(command, issue, context)
            if not isinstance(decision, Accepted):
                return decision
            if not decision.events:
                return Carried(key, found.version, found.position, issue.status, ())
            said = with_status(issue, decision.events, at=context.at, actor=context.actor)
            return await self._append(key, found.version, said, _stated(issue, said), order)

        return await self._retrying((key,), attempt)

    async def find(self, case: SourceCase) -> str | None:
        """The key of the issue for a source case."""
        return await self._cases.find(case_name(case))

    async def resolve(self, named: str, patience: float) -> str | None:
        """The key that ``named`` names, waited for if there is no such issue yet."""
        if named in self.issues:
            return named
        if ":" in named:
            return await self._arrivals.until(named, lambda: self._cases.find(named), patience)

        async def exists() -> str | None:
            return named if (await self.issues.load(named)).version else None

        return await self._arrivals.until(named, exists, patience)

    async def as_of(self, key: str, position: int) -> Versioned[State]:
        """The issue as it was when the log ended at ``position``."""
        return await self.issues.as_of(key, position)

    async def _knowing(self, team: str, order: Order) -> Context:
        """The context with the team, once Engineering has defined it."""

        async def look() -> str | None:
            return team if isinstance((await self.teams.load(team)).state, Team) else None

        known = await self._arrivals.until(team, look, order.patience)
        teams = frozenset() if known is None else frozenset((known,))
        return replace(order.context, known_teams=teams)

    async def _append(
        self,
        key: str,
        version: int,
        said: Sequence[Body],
        status: Status,
        order: Order,
        keys: tuple[UniqueKey, ...] = (),
    ) -> Carried:
        drafts = [
            Draft(
                id=self._new_id(),
                subject=key,
                time=order.context.at,
                correlationid=order.correlation,
                causationid=order.causation,
                actor=order.context.actor,
                data=body,
            )
            for body in said
        ]
        along = order.keys(drafts[-1].id, key)
        appended = await self._log.append(Append(tuple(drafts), {key: version}, keys + along))
        last = appended.rows[-1]
        return Carried(key, last.version, last.position, status, tuple([d.id for d in drafts]))


def case_name(case: SourceCase) -> str:
    """How a source case is named: ``<system>:<number>``."""
    return f"{case.system}:{case.number}"


def _stated(issue: OpsIssue, said: Sequence[Body]) -> Status:
    """The status after these events: the log's last statement of it."""
    last = said[-1]
    return last.to_status if isinstance(last, ops.StatusChanged) else issue.status
