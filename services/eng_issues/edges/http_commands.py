"""Engineering's commands over HTTP: who may give which, and what is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from services.eng_issues.domain import commands
from services.eng_issues.domain.case import Case
from services.eng_issues.domain.decisions.claim import clones, decide_claim
from services.eng_issues.domain.decisions.link import decide_link, decide_unlink
from services.eng_issues.domain.decisions.reject import decide_reject
from services.eng_issues.domain.decisions.send_to_review import decide_send_to_review
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.states import State
from services.eng_issues.domain.team import TEAM_KEY, Team
from services.eng_issues.edges.board import (
    Board,
    Carried,
    Decide,
    Decision,
    Missing,
    NeedsKey,
    Order,
    Result,
    Scene,
)
from services.eng_issues.edges.represent import (
    IssueView,
    PartView,
    TeamView,
    issue_view,
    part_view,
    team_view,
)
from shared.eventlog.states import Versioned
from shared.events.decision import Invalid
from shared.hosting.commands import Command, CommandCall, Done, Outcome
from shared.hosting.principal import Access, Role
from shared.hosting.problems import Kind, forbidden, problem

HTTP_PATIENCE: Final = 2.0
"""Seconds for which a command waits for an ops issue that Operations has only just opened."""

_TEAM: Final = "/teams/{team:str}"
_CASE: Final = f"{_TEAM}/ops-issues/{{key:str}}"
_ISSUE: Final = "/issues/{key:str}"

ENGINEERS: Final = Access(frozenset({Role.ENGINEER, Role.SYSTEM}))
OF_THE_TEAM: Final = Access(
    frozenset({Role.ENGINEER, Role.SYSTEM}), team=lambda path: str(path["team"])
)
CONFIGURERS: Final = Access(
    frozenset({Role.MANAGER, Role.ENGINEER, Role.SYSTEM}), team=lambda path: str(path["team"])
)

Answer = IssueView | PartView
Run = Callable[[CommandCall[Any], Order], Awaitable[Result]]


def command_table(board: Board) -> list[Command[Any]]:
    """Every command of Engineering as ``shared.hosting`` serves it."""
    return [
        Command(
            name="define-team",
            path=_TEAM,
            method="PUT",
            body=commands.DefineTeam,
            answer=TeamView,
            access=CONFIGURERS,
            execute=_executing(
                board, lambda call, order: board.define(_team(call), call.body, order)
            ),
            summary="Define a team and its workflow, or change it",
            path_patterns={"team": TEAM_KEY.pattern},
        ),
        _action(board, "claim", commands.Claim, _claim, _clones),
        _action(board, "reject", commands.Reject, _reject),
        _action(board, "send-to-review", commands.SendToReview, _send_to_review),
        _action(board, "link", commands.Link, _link),
        _action(board, "unlink", commands.Unlink, _unlink),
        Command(
            name="create-issue",
            path="/issues",
            body=commands.CreateIssue,
            answer=IssueView,
            access=ENGINEERS,
            execute=_creating(board),
            summary="Put an issue of its own on a team's board",
            code=201,
            versioned=False,
        ),
        _on_issue(board, "move", commands.Move, board.move),
        _on_issue(board, "assign", commands.Assign, board.assign),
        _on_issue(board, "comment", commands.Comment, board.comment),
    ]


async def rebuild(board: Board, about: str, position: int) -> Done:
    """The answer as it was when the log ended at ``position``; ``about`` as ``Board`` names it."""
    team, _, case = about.partition(" ")
    if case:
        then = (await board.states.as_of(case, position)).state
        assert isinstance(then, Case)
        linked = then.issue_of(team)
        carried = Carried(position, (), issue=linked, case=case, team=team)
    elif "-" in about:
        carried = Carried(position, (), issue=about)
    else:
        carried = Carried(position, (), team=about)
    return await _done(board, carried, position)


def _action(
    board: Board,
    name: str,
    body: type[commands.Command],
    decide: Callable[[Any], Decide],
    needs_key: Callable[[Any], NeedsKey] = lambda _: lambda _: False,
) -> Command[Any]:
    async def run(call: CommandCall[Any], order: Order) -> Result:
        named = call.body.issue if isinstance(call.body, commands.Link | commands.Unlink) else None
        return await board.act(
            _team(call),
            call.path["key"],
            decide(call.body),
            order,
            issue=named,
            needs_key=needs_key(call.body),
        )

    return Command(
        name=name,
        path=f"{_CASE}/{name}",
        body=body,
        answer=Answer,
        access=OF_THE_TEAM,
        execute=_executing(board, run),
        summary=_summary(body),
    )


def _on_issue(
    board: Board,
    name: str,
    body: type[commands.Command],
    act: Callable[[str, Any, Order], Awaitable[Result]],
) -> Command[Any]:
    async def run(call: CommandCall[Any], order: Order) -> Result:
        return await act(call.path["key"], call.body, order)

    async def execute(call: CommandCall[Any]) -> Outcome:
        team = call.path["key"].partition("-")[0]
        if call.principal.roles == {Role.ENGINEER} and not call.principal.speaks_for(team):
            return forbidden(f"this token does not speak for team {team}")
        return await _executing(board, run)(call)

    return Command(
        name=f"{name}-issue",
        path=f"{_ISSUE}/{name}",
        body=body,
        answer=IssueView,
        access=ENGINEERS,
        execute=execute,
        summary=_summary(body),
    )


def _creating(board: Board) -> Callable[[CommandCall[commands.CreateIssue]], Awaitable[Outcome]]:
    async def execute(call: CommandCall[commands.CreateIssue]) -> Outcome:
        team = call.body.team
        if call.principal.roles == {Role.ENGINEER} and not call.principal.speaks_for(team):
            return forbidden(f"this token does not speak for team {team}")
        result = await board.create(call.body, _order(call))
        return await _outcome(board, result)

    return execute


def _executing(board: Board, run: Run) -> Callable[[CommandCall[Any]], Awaitable[Outcome]]:
    async def execute(call: CommandCall[Any]) -> Outcome:
        return await _outcome(board, await run(call, _order(call)))

    return execute


def _order(call: CommandCall[Any]) -> Order:
    return Order(
        actor=call.actor,
        at=call.occurred_at,
        causation=str(call.request_id),
        correlation=call.correlation,
        keys=call.keys,
        patience=HTTP_PATIENCE,
        check_version=call.if_match.check,
    )


async def _outcome(board: Board, result: Result) -> Outcome:
    match result:
        case Carried():
            return await _done(board, result)
        case Missing(what, named):
            return problem(Kind.NOT_FOUND, f"there is no {what} {named} here")
        case _:
            return result


async def _done(board: Board, carried: Carried, upto: int | None = None) -> Done:
    """The answer: the engineering issue; without one the team's part in the case; or the team."""

    async def load(stream: str) -> Versioned[State]:
        return await (
            board.states.load(stream) if upto is None else board.states.as_of(stream, upto)
        )

    if carried.issue is not None:
        found = await load(carried.issue)
        if isinstance(found.state, Issue):
            cases = await board.cases(found.state.ops_issues, upto)
            view: Any = issue_view(found.state, found.version, carried.position, cases)
            return Done(view, found.version, carried.position, carried.events)
    assert carried.team is not None
    if carried.case is not None:
        found = await load(carried.case)
        assert isinstance(found.state, Case)
        view = part_view(found.state, carried.team, found.version, carried.position)
    else:
        found = await load(carried.team)
        assert isinstance(found.state, Team)
        view = team_view(found.state, found.version, carried.position)
    return Done(view, found.version, carried.position, carried.events)


def _team(call: CommandCall[Any]) -> str:
    return call.path["team"]


def _summary(body: type[commands.Command]) -> str:
    said = (body.__doc__ or "").split("\n")[0]
    return said.split(";")[0].split(":")[0].strip().rstrip(".")


def _clones(command: commands.Claim) -> NeedsKey:
    return lambda scene: clones(scene.case, scene.team, command)


def _claim(command: commands.Claim) -> Decide:
    def decide(scene: Scene, new_key: str | None) -> Decision:
        return decide_claim(command, scene.team, scene.case, scene.issue, new_key)

    return decide


def _reject(command: commands.Reject) -> Decide:
    return lambda scene, _: decide_reject(command, scene.team, scene.case, scene.issue)


def _send_to_review(command: commands.SendToReview) -> Decide:
    return lambda scene, _: decide_send_to_review(command, scene.team, scene.case, scene.issue)


def _link(command: commands.Link) -> Decide:
    def decide(scene: Scene, _: str | None) -> Decision:
        if scene.issue is None:
            return Invalid("issue", f"there is no issue {command.issue} here")
        return decide_link(scene.team, scene.case, scene.issue)

    return decide


def _unlink(command: commands.Unlink) -> Decide:
    return lambda scene, _: decide_unlink(scene.team, scene.case, command.issue, scene.issue)
