"""Operations' commands over HTTP: who may give which, and what is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from services.ops_issues.domain import commands
from services.ops_issues.domain.commands import COMMANDS, CommandName
from services.ops_issues.domain.decisions.context import EVERY_TEAM, Context
from services.ops_issues.domain.ops_issue import OpsIssue
from services.ops_issues.edges.desk import Carried, Desk, NoSuchIssue, Order, Result
from shared.events.vocabulary import Status
from shared.hosting.commands import Command, CommandCall, Done, Outcome
from shared.hosting.principal import ALL_TEAMS, Access, Role
from shared.hosting.problems import Kind, forbidden, problem

HTTP_PATIENCE: Final = 1.0
"""Seconds for which a command waits for a team that Engineering has only just defined."""

_TIER_2: Final = frozenset({Role.TIER2, Role.MANAGER, Role.SYSTEM})
_ALSO: Final[Mapping[str, frozenset[Role]]] = {
    "open": frozenset({Role.REPORTER}),
    "comment": frozenset({Role.REPORTER, Role.ENGINEER}),
    "customer-responded": frozenset({Role.REPORTER}),
    "reopen": frozenset({Role.REPORTER}),
    "attach-evidence": frozenset({Role.ENGINEER}),
    "link": frozenset({Role.ENGINEER}),
}
"""Who may give a command beside Tier 2."""


class CommandAnswer(Struct, frozen=True, kw_only=True):
    """What a command led to.

    Attributes:
        key: Key of the issue.
        version: Its version now: how many events there are about it.
        position: The position of the last of them in the log.
        status: Its status now.
    """

    key: str
    version: int
    position: int
    status: Status


def command_table(desk: Desk) -> list[Command[Any]]:
    """Every command of Operations as ``shared.hosting`` serves it."""
    opening = Command(
        name="open",
        path="/issues",
        body=commands.Open,
        answer=CommandAnswer,
        access=_access("open"),
        execute=_open(desk),
        summary="Open a customer issue",
        code=201,
        versioned=False,
    )
    return [opening, *(_command(desk, name, body) for name, body in COMMANDS.items())]


async def rebuild(desk: Desk, key: str, position: int) -> Done:
    """The answer as it was when the log ended at ``position``."""
    found = await desk.as_of(key, position)
    assert isinstance(found.state, OpsIssue)
    return _done(key, found.version, position, found.state.status)


def _command(desk: Desk, name: CommandName, body: type[commands.Command]) -> Command[Any]:
    return Command(
        name=name,
        path=f"/issues/{{key:str}}/{name}",
        body=body,
        answer=CommandAnswer,
        access=_access(name),
        execute=_carry_out(desk),
        summary=(body.__doc__ or name).split(";")[0].strip().rstrip("."),
    )


def _access(name: str) -> Access:
    return Access(_TIER_2 | _ALSO.get(name, frozenset()))


def _open(desk: Desk) -> Callable[[CommandCall[commands.Open]], Awaitable[Outcome]]:
    async def execute(call: CommandCall[commands.Open]) -> Outcome:
        return _outcome(await desk.open(call.body, _order(call)))

    return execute


def _carry_out(desk: Desk) -> Callable[[CommandCall[commands.Command]], Awaitable[Outcome]]:
    async def execute(call: CommandCall[commands.Command]) -> Outcome:
        if isinstance(call.body, commands.Reopen) and not _may_reopen(call, call.body):
            return forbidden("a reporter reopens for late-verification only: ask Tier 2")
        return _outcome(await desk.carry_out(call.path["key"], call.body, _order(call)))

    return execute


def _may_reopen(call: CommandCall[Any], body: commands.Reopen) -> bool:
    return bool(call.principal.roles & _TIER_2) or body.reason == "late-verification"


def _order(call: CommandCall[Any]) -> Order:
    principal = call.principal
    every_team = ALL_TEAMS in principal.teams
    return Order(
        context=Context(
            actor=call.actor,
            at=call.occurred_at,
            is_tier_2=bool(principal.roles & {Role.TIER2, Role.MANAGER}),
            speaks_for=frozenset({EVERY_TEAM}) if every_team else principal.teams,
        ),
        causation=str(call.request_id),
        correlation=call.correlation,
        patience=HTTP_PATIENCE,
        keys=call.keys,
        check_version=call.if_match.check,
    )


def _outcome(result: Result) -> Outcome:
    match result:
        case Carried():
            done = _done(result.key, result.version, result.position, result.status)
            return Done(done.body, result.version, result.position, result.events)
        case NoSuchIssue():
            return problem(Kind.NOT_FOUND, f"there is no issue {result.named}")
        case _:
            return result


def _done(key: str, version: int, position: int, status: Status) -> Done:
    answer = CommandAnswer(key=key, version=version, position=position, status=status)
    return Done(answer, version, position)
