"""An ops issue told in events, without a log: what both services say, in the order it is stored.

given(issue(assigned("MOB"), claimed("MOB"))).when(ask(Close(...))).then(ops.Closed(...))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from services.ops_issues.domain import commands, events
from services.ops_issues.domain.commands import Command
from services.ops_issues.domain.decisions.context import Context, Decision
from services.ops_issues.domain.decisions.decide import decide
from services.ops_issues.domain.fold import evolve, fold, outcome, with_status
from services.ops_issues.domain.ops_issue import UNOPENED, OpsIssue, State
from services.ops_issues.domain.received import Outcome
from services.ops_issues.policies.a_case_that_moved_states_its_status import react
from shared.events import eng, ops
from shared.events.decision import Accepted
from shared.events.envelope import AnyRecorded, Body
from shared.events.vocabulary import Status
from tests.kit.recording import FIRST_DAY, Recorder

KEY: Final = "OPS-17"
OPENED: Final = ops.Opened(
    summary="Deposits fail",
    description="Since nine o'clock.",
    severity="2 - High",
    board="Customer Support",
    product="Mobile",
    reporter="tess",
    institutions=(),
)
TEAMS: Final = frozenset({"MOB", "WEB", "API"})


def assigned(team: str, heard: int = 0) -> ops.TeamAssigned:
    return ops.TeamAssigned(
        team=team,
        summary=OPENED.summary,
        description=OPENED.description,
        severity=OPENED.severity,
        heard=heard,
    )


def unassigned(team: str, *, claim_dropped: bool = False) -> ops.TeamUnassigned:
    return ops.TeamUnassigned(team=team, comment="not theirs", claim_dropped=claim_dropped)


def returned(*teams: str, reopened: tuple[str, ...] = ()) -> ops.ReturnedToEngineering:
    return ops.ReturnedToEngineering(teams=teams, answer="Here is the log.", reopened=reopened)


def claimed(team: str, issue: str | None = None) -> eng.Claimed:
    return eng.Claimed(team=team, issue=issue or f"{team}-3", origin="cloned")


def rejected(team: str) -> eng.Rejected:
    return eng.Rejected(team=team, comment="Not ours.", belongs_to="unknown")


def asked(team: str) -> eng.SentToReview:
    return eng.SentToReview(team=team, comment="Which version?")


def finished(team: str) -> eng.Closed:
    return eng.Closed(team=team, issue=f"{team}-3", resolution="Fixed", comment="New index.")


def progressed(team: str, status: str = "In Progress") -> eng.Progressed:
    return eng.Progressed(team=team, issue=f"{team}-3", from_status="To Do", to_status=status)


OWNED: Final = events.OwnershipTaken(assignee="ann")
AWAITED: Final = events.InfoAwaited(awaited_from="customer", comment="Which phone?")
WITH_PRODUCT: Final = events.HandedToProduct(pm="pat", comment="Needs a project.")
TO_TRIAGE: Final = events.ReturnedToTriage()
CLOSED: Final = ops.Closed(resolution="Done", comment="Fixed.", cause="resolved", teams=())
REOPENED: Final = ops.Reopened(reason="late-verification", comment="Fails again.", teams=())

IN_STATUS: Final[dict[Status, tuple[Body, ...]]] = {
    "New": (),
    "Ops Ownership": (OWNED,),
    "Engineering Ownership": (claimed("API"), unassigned("API", claim_dropped=True)),
    "Waiting on Info": (AWAITED,),
    "Needs Ops Review": (CLOSED, REOPENED),
    "Product Management Ownership": (WITH_PRODUCT,),
    "Issue is Closed": (CLOSED,),
}
"""How an issue comes into each status without anybody holding a claim there."""
OPEN: Final[tuple[Status, ...]] = tuple(s for s in IN_STATUS if s != "Issue is Closed")

ANN: Final = Context(actor="person:ann", at=FIRST_DAY, is_tier_2=True, known_teams=TEAMS)
SERVICENOW: Final = replace(ANN, actor="system:servicenow", is_tier_2=False)
ENGINEER: Final = replace(ANN, actor="person:eve", is_tier_2=False, speaks_for=frozenset({"MOB"}))
REPORTER: Final = replace(ANN, actor="person:tess", is_tier_2=False)


class Desk:
    """Operations at work on one issue: as its edges do, it states the status with each cause."""

    def __init__(
        self, key: str = KEY, stored: Callable[[AnyRecorded], None] = lambda recorded: None
    ) -> None:
        self.key = key
        self.log: list[AnyRecorded] = []
        self.state: State = UNOPENED
        self.outcomes: list[Outcome] = []
        self._ops = Recorder(ops.SOURCE)
        self._eng = Recorder(eng.SOURCE)
        self._stored = stored

    @property
    def issue(self) -> OpsIssue:
        assert isinstance(self.state, OpsIssue)
        return self.state

    def stores(self, *said: Body, actor: str = "person:ann") -> None:
        """These events stand in the log, whoever said them and whether or not they make sense."""
        for body in said:
            recorder = self._eng if isinstance(body, eng.PUBLISHED) else self._ops
            self.record(recorder.record(self.key, body, actor=actor))

    def record(self, recorded: AnyRecorded) -> None:
        self.outcomes.append(outcome(self.state, recorded))
        self.state = evolve(self.state, recorded)
        self.log.append(recorded)
        self._stored(recorded)

    def hears(self, *said: Body) -> Outcome:
        """These events of Engineering are received; the last one's outcome."""
        heard = self.outcomes[-1:]
        for body in said:
            before = self.state
            self.stores(body, actor="team:MOB")
            heard = self.outcomes[-1:]
            self.stores(*(reaction.body for reaction in react(before, self.state)))
        return heard[0]

    def lives(self, *said: Body) -> None:
        """What both services say, each with the status that it leads to."""
        for body in said:
            if isinstance(body, eng.PUBLISHED):
                self.hears(body)
            else:
                with_it = with_status(self.issue, (body,), at=FIRST_DAY, actor="person:ann")
                self.stores(*with_it)

    def does(self, command: Command, context: Context = ANN) -> Decision:
        """Somebody gives a command; what it leads to is recorded."""
        decision = decide(command, self.issue, context)
        if isinstance(decision, Accepted):
            said = with_status(self.issue, decision.events, at=context.at, actor=context.actor)
            self.stores(*said, actor=context.actor)
        return decision


def desk(*said: Body) -> Desk:
    """An open issue, and then what both services said, each with the status it led to."""
    at_work = Desk()
    at_work.stores(OPENED, actor="person:tess")
    at_work.lives(*said)
    return at_work


def issue(*said: Body) -> OpsIssue:
    """An open issue after these events, without the statements of its status."""
    recorders = {True: Recorder(eng.SOURCE), False: Recorder(ops.SOURCE)}
    log = [recorders[isinstance(b, eng.PUBLISHED)].record(KEY, b) for b in (OPENED, *said)]
    state = fold(log)
    assert isinstance(state, OpsIssue)
    return state


def in_status(status: Status, *said: Body) -> OpsIssue:
    """An issue in this status, and then what was said."""
    return issue(*IN_STATUS[status], *said)


def ask(command: Command, context: Context = ANN) -> Callable[[OpsIssue], Decision]:
    """The decision on a command, for ``given(…).when(…)``."""
    return lambda issue: decide(command, issue, context)


def close(**changes: Any) -> commands.Close:
    return commands.Close(**{"resolution": "Done", "comment": "Fixed.", **changes})
