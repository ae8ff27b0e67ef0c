"""The steps that stories about Engineering are made of, and that ``when`` takes."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from services.eng_issues.domain.commands import (
    Assign,
    Claim,
    Comment,
    CreateIssue,
    DefineTeam,
    Move,
    Reject,
    SendToReview,
)
from services.eng_issues.domain.decisions.board import decide_assign, decide_comment, decide_create
from services.eng_issues.domain.decisions.claim import clones, decide_claim, decide_tracker_claim
from services.eng_issues.domain.decisions.link import decide_link, decide_unlink
from services.eng_issues.domain.decisions.move import decide_move
from services.eng_issues.domain.decisions.reject import decide_reject
from services.eng_issues.domain.decisions.send_to_review import decide_send_to_review
from services.eng_issues.domain.decisions.track import (
    decide_tracker_closed,
    decide_tracker_progressed,
)
from services.eng_issues.domain.events import Said
from services.eng_issues.domain.states import NOTHING, State, foresee
from services.eng_issues.domain.team import Team, decide_define
from shared.events import eng, intake_eng, ops
from shared.events.decision import Accepted, Invalid, Refused
from shared.events.envelope import Body
from tests.unit.eng_issues.engineering import Ask, Decision, Engineering, Step


def story(*steps: Step) -> Engineering:
    """Engineering after these steps, none of which may be refused."""
    engineering = Engineering()
    for step in steps:
        done = step(engineering)
        if isinstance(done, Accepted):
            engineering.record(done.events)
        assert not isinstance(done, Refused | Invalid), done
    return engineering


def heard_from_ops(data: Body, key: str = "OPS-1", *, missed: int = 0) -> Step:
    """Operations said this; it had not yet heard the last ``missed`` of our events on the case."""

    def step(engineering: Engineering) -> None:
        body: Any = data
        if hasattr(body, "heard"):
            said = [
                e.sequence
                for e in engineering.log
                if e.subject == key and e.source == eng.SOURCE and isinstance(e.sequence, int)
            ]
            known = said[: len(said) - missed]
            body = replace(body, heard=known[-1] if known else 0)
        engineering.receive(engineering.ops.record(key, body, actor="person:tia"))

    return step


def define(key: str = "MOB", command: DefineTeam | None = None) -> Ask:
    def ask(engineering: Engineering) -> Decision:
        state = engineering.streams.get(key)
        held = state if isinstance(state, Team) else None
        return decide_define(command or DefineTeam(name="Mobile"), key, held)

    return ask


def claim(team: str = "MOB", key: str = "OPS-1", comment: str | None = None) -> Ask:
    def ask(engineering: Engineering) -> Decision:
        command = Claim(comment=comment)
        mine, case = engineering.team(team), engineering.case(key)
        new_key = engineering.new_key(team) if clones(case, mine, command) else None
        return decide_claim(command, mine, case, engineering.linked(team, key), new_key)

    return ask


def tracker_claim(
    team: str = "MOB", key: str = "OPS-1", issue: str | None = None, **body: Any
) -> Ask:
    def ask(engineering: Engineering) -> Decision:
        command = intake_eng.Claimed(team=team, issue=issue, **body)
        mine, case = engineering.team(team), engineering.case(key)
        new_key = engineering.new_key(team) if clones(case, mine, command) else None
        found = engineering.found(issue) or engineering.linked(team, key)
        return decide_tracker_claim(command, mine, case, found, new_key)

    return ask


def reject(team: str = "MOB", key: str = "OPS-1", belongs_to: str = "unknown") -> Ask:
    def ask(engineering: Engineering) -> Decision:
        command = Reject(comment="Not ours.", belongs_to=belongs_to)
        issue = engineering.linked(team, key)
        return decide_reject(command, engineering.team(team), engineering.case(key), issue)

    return ask


def send_to_review(team: str = "MOB", key: str = "OPS-1", comment: str = "Which device?") -> Ask:
    def ask(engineering: Engineering) -> Decision:
        issue = engineering.linked(team, key)
        command = SendToReview(comment=comment)
        return decide_send_to_review(command, engineering.team(team), engineering.case(key), issue)

    return ask


def tracker_asks(team: str = "MOB", key: str = "OPS-1", issue: str | None = None) -> Ask:
    def ask(engineering: Engineering) -> Decision:
        command = intake_eng.SentToReview(team=team, comment="Which device?", issue=issue)
        linked = engineering.linked(team, key)
        return decide_send_to_review(command, engineering.team(team), engineering.case(key), linked)

    return ask


def link(issue: str, team: str = "MOB", key: str = "OPS-1") -> Ask:
    def ask(engineering: Engineering) -> Decision:
        return decide_link(engineering.team(team), engineering.case(key), engineering.issue(issue))

    return ask


def unlink(issue: str, team: str = "MOB", key: str = "OPS-1") -> Ask:
    def ask(engineering: Engineering) -> Decision:
        found = engineering.found(issue)
        return decide_unlink(engineering.team(team), engineering.case(key), issue, found)

    return ask


def create(team: str = "MOB") -> Ask:
    def ask(engineering: Engineering) -> Decision:
        command = CreateIssue(team=team, summary="Slow sync", severity="3 - Moderate")
        return decide_create(command, engineering.team(team), engineering.new_key(team))

    return ask


def move(
    issue: str, status: str, *, resolution: str | None = None, comment: str | None = None
) -> Ask:
    def ask(engineering: Engineering) -> Decision:
        command = Move(status=status, resolution=resolution, comment=comment)
        held = engineering.issue(issue)
        team = engineering.team(held.team)
        return decide_move(command, team, held, engineering.cases_of(held))

    return ask


def close(issue: str, resolution: str = "Fixed") -> Ask:
    return move(issue, "Done", resolution=resolution, comment="Shipped in 4.2.")


def assign(issue: str, assignee: str = "bo") -> Ask:
    def ask(engineering: Engineering) -> Decision:
        return decide_assign(Assign(assignee=assignee), engineering.issue(issue))

    return ask


def comment(issue: str, body: str = "Looking.") -> Ask:
    def ask(engineering: Engineering) -> Decision:
        command = Comment(body=body, visibility="internal", captured_from="chat")
        return decide_comment(command, engineering.issue(issue))

    return ask


def tracker_closes(
    team: str = "MOB", key: str = "OPS-1", issue: str | None = None, resolution: str = "Done"
) -> Ask:
    def ask(engineering: Engineering) -> Decision:
        command = intake_eng.Closed(
            team=team, issue=issue, resolution=resolution, comment="Shipped in 4.2."
        )
        mine, case = engineering.team(team), engineering.case(key)
        held = engineering.linked(team, key)
        return decide_tracker_closed(command, mine, case, held, engineering.cases_of(held))

    return ask


def tracker_moves(
    to_status: str, team: str = "MOB", key: str = "OPS-1", issue: str | None = None
) -> Ask:
    def ask(engineering: Engineering) -> Decision:
        command = intake_eng.Progressed(team=team, issue=issue, to_status=to_status)
        mine, case = engineering.team(team), engineering.case(key)
        held = engineering.linked(team, key)
        return decide_tracker_progressed(command, mine, case, held, engineering.cases_of(held))

    return ask


def foreseen(engineering: Engineering, said: Said, before: State | None) -> State:
    """The stream as ``foresee`` tells it, before anything is recorded."""
    state = engineering.streams.get(said.subject, NOTHING) if before is None else before
    return foresee(state, said, at=engineering.log[-1].time, actor="person:ada")


OPENED = ops.Opened(
    summary="Cannot log in",
    description="Since Monday.",
    severity="2 - High",
    board="Customer Support",
    product="App",
    reporter="tess",
    institutions=(),
)


def opened(key: str = "OPS-1") -> Step:
    return heard_from_ops(OPENED, key)


def assigned(team: str = "MOB", key: str = "OPS-1", *, missed: int = 0) -> Step:
    body = ops.TeamAssigned(
        team=team,
        summary=OPENED.summary,
        description=OPENED.description,
        severity=OPENED.severity,
    )
    return heard_from_ops(body, key, missed=missed)


def unassigned(team: str = "MOB", key: str = "OPS-1", *, missed: int = 0) -> Step:
    return heard_from_ops(ops.TeamUnassigned(team=team, comment="Wrong."), key, missed=missed)


def returned(*teams: str, key: str = "OPS-1", missed: int = 0) -> Step:
    body = ops.ReturnedToEngineering(teams=teams or ("MOB",), answer="On iOS.")
    return heard_from_ops(body, key, missed=missed)


def closed_by_ops(key: str = "OPS-1", *, missed: int = 0) -> Step:
    body = ops.Closed(resolution="Done", comment="Verified.", cause="resolved")
    return heard_from_ops(body, key, missed=missed)


def reopened_by_ops(key: str = "OPS-1", *, missed: int = 0) -> Step:
    body = ops.Reopened(reason="late-verification", comment="Still so.", teams=("MOB",))
    return heard_from_ops(body, key, missed=missed)


def a_case(*teams: str, key: str = "OPS-1") -> Step:
    """The ops issue is open and in the hands of these teams, each of them defined."""
    steps = [opened(key), *(assigned(team, key) for team in teams)]

    def step(engineering: Engineering) -> None:
        for team in teams:
            engineering.do(define(team))
        for each in steps:
            each(engineering)

    return step
