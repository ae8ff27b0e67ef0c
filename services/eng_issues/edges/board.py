"""Where Engineering's commands are carried out: load what a decision looks at, decide, append."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from services.eng_issues.domain import commands
from services.eng_issues.domain.case import Case
from services.eng_issues.domain.decisions.board import decide_assign, decide_comment, decide_create
from services.eng_issues.domain.decisions.move import decide_move
from services.eng_issues.domain.events import Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.states import NOTHING, State, evolve
from services.eng_issues.domain.team import OPS, Team, decide_define
from shared.eventlog.arrivals import Arrivals
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, UniqueKey
from shared.eventlog.states import States
from shared.eventlog.taken_keys import TakenKeys
from shared.events.decision import Accepted, Invalid, Refused
from shared.events.envelope import Draft
from shared.hosting.retrying import Retrying

SOURCE_CASE: Final = "source-case"
"""The scope of the unique keys that find the case of a source case."""
ELSEWHERE: Final = "elsewhere"
"""The scope of the unique keys of issues that look like ours and live in another tracker."""
BOARD_KEY: Final = re.compile(r"[A-Z][A-Z0-9]{0,15}-[1-9][0-9]{0,17}")

Decision = Accepted[Said] | Refused | Invalid
Keys = Callable[[UUID, str], tuple[UniqueKey, ...]]
"""Unique keys to take along with an append, of its last event's id and what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command's surroundings: who gives it, when it happens, why, and what goes with it.

    ``check_version`` is called behind every load with the version of the engineering issue, or of
    the case where there is none; it raises if the command is not for that version. ``patience`` is
    how many seconds a case is waited for that Operations has not told of yet.
    """

    actor: str
    at: datetime
    causation: str
    correlation: str
    keys: Keys
    patience: float
    check_version: Callable[[int], None] = field(default=lambda _: None)


@dataclass(frozen=True, slots=True)
class Carried:
    """A command that was carried out; ``events`` are the ids of what it added, if anything.

    ``issue`` is the engineering issue it was about, ``case`` and ``team`` those of a team's action.
    """

    position: int
    events: tuple[UUID, ...]
    issue: str | None = None
    case: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such thing here, and none came while waiting."""

    what: str
    named: str


Result = Carried | Refused | Invalid | Missing


@dataclass(frozen=True, slots=True)
class Scene:
    """What a team's action looks at: the team, the case, the issue if one is on a board here.

    ``cases`` are all ops issues that the issue serves, the case among them.
    """

    team: Team
    case: Case
    issue: Issue | None
    cases: Mapping[str, Case]


Decide = Callable[[Scene, str | None], Decision]
"""Decides an action on a scene; is given a new key if it asked for one."""
NeedsKey = Callable[[Scene], bool]


class Board:
    """Carries out commands on the teams, cases and engineering issues of one log."""

    def __init__(self, log: EventLog, new_id: Callable[[], UUID]) -> None:
        self._log = log
        self._new_id = new_id
        self.states: States[State] = States(log, NOTHING, evolve)
        self.arrivals = Arrivals(log)
        self._source_cases = TakenKeys(log.store, SOURCE_CASE)
        self._elsewhere = TakenKeys(log.store, ELSEWHERE)
        self._retrying = Retrying(self.states.forget)

    async def define(self, key: str, command: commands.DefineTeam, order: Order) -> Result:
        """Makes a team what the command says."""

        async def attempt() -> Result:
            found = await self.states.load(key)
            order.check_version(found.version)
            team = found.state if isinstance(found.state, Team) else None
            decision = decide_define(command, key, team)
            about = Carried(found.position, (), team=key)
            return await self._settle(decision, about, key, {key: found.version}, order)

        return await self._retrying((key,), attempt)

    async def create(self, command: commands.CreateIssue, order: Order) -> Result:
        """Puts an issue of its own on a team's board."""

        async def attempt() -> Result:
            team = (await self.states.load(command.team)).state
            if not isinstance(team, Team):
                return Invalid("team", f"{command.team} is no team that is defined here")
            key = await self._new_key(team)
            decision = decide_create(command, team, key)
            return await self._settle(decision, Carried(0, (), issue=key), key, {key: 0}, order)

        return await self._retrying((), attempt)

    async def move(self, key: str, command: commands.Move, order: Order) -> Result:
        """Moves an issue by hand; every ops issue that it serves is told what it means."""

        def decide(team: Team, issue: Issue, cases: Mapping[str, Case]) -> Decision:
            return decide_move(command, team, issue, cases)

        return await self._on_issue(key, decide, order)

    async def assign(self, key: str, command: commands.Assign, order: Order) -> Result:
        """Says who works on an issue."""
        return await self._on_issue(key, lambda _t, issue, _c: decide_assign(command, issue), order)

    async def comment(self, key: str, command: commands.Comment, order: Order) -> Result:
        """Comments on an issue, and on the ops issues it serves."""
        return await self._on_issue(
            key, lambda _t, issue, _c: decide_comment(command, issue), order
        )

    async def act(
        self,
        team_key: str,
        named: str,
        decide: Decide,
        order: Order,
        *,
        issue: str | None = None,
        needs_key: NeedsKey = lambda _: False,
    ) -> Result:
        """A team's action on the case that ``named`` names: a key, or ``<system>:<number>``.

        ``issue`` is the engineering issue that the action names; without it the scene holds the one
        that the team has linked.
        """
        team = await self.team(team_key)
        if team is None:
            return Missing("team", team_key)
        case_key = await self.resolve(named, order.patience)
        if case_key is None:
            return Missing("ops issue", named)

        new_key: str | None = None

        async def attempt() -> Result:
            nonlocal new_key
            scene, versions = await self._scene(team, case_key, issue)
            linked = None if scene.issue is None else scene.issue.key
            order.check_version(versions[linked or case_key])
            if not needs_key(scene):
                new_key = None
            elif new_key is None:  # a repeated attempt takes the number that it has
                new_key = await self._new_key(team)
            if new_key is not None:
                versions[new_key] = 0
            decision = decide(scene, new_key)
            about = Carried(0, (), issue=new_key or linked, case=case_key, team=team_key)
            name = f"{team_key} {case_key}"
            return await self._settle(decision, about, name, versions, order)

        return await self._retrying((case_key,), attempt)

    async def resolve(self, named: str, patience: float) -> str | None:
        """The key of the case that ``named`` names, waited for if it is not here yet."""
        if ":" in named:
            return await self.arrivals.until(
                named, lambda: self._source_cases.find(named), patience
            )
        if not named.startswith(f"{OPS}-"):
            return None

        async def exists() -> str | None:
            case = (await self.states.load(named)).state
            return named if isinstance(case, Case) and case.opened_at is not None else None

        return await self.arrivals.until(named, exists, patience)

    async def team(self, key: str) -> Team | None:
        """A team that is defined."""
        state = (await self.states.load(key)).state
        return state if isinstance(state, Team) else None

    async def set_aside(self, issue: str) -> None:
        """Never gives the key of an issue in a tracker elsewhere to an issue on a board here.

        Durable before the claim that names it; if that is refused, one number stays unused.
        """
        if BOARD_KEY.fullmatch(issue) and not (await self.states.load(issue)).version:
            await self._log.store.keep((UniqueKey(ELSEWHERE, issue, ""),))

    async def cases(self, keys: Iterable[str], upto: int | None = None) -> dict[str, Case]:
        """What is known of these ops issues, now or when the log ended at ``upto``."""
        if upto is None:
            return (await self._cases(tuple(keys)))[0]
        found = {key: (await self.states.as_of(key, upto)).state for key in keys}
        return {key: state for key, state in found.items() if isinstance(state, Case)}

    async def _on_issue(
        self,
        key: str,
        decide: Callable[[Team, Issue, Mapping[str, Case]], Decision],
        order: Order,
    ) -> Result:
        async def attempt() -> Result:
            found = await self.states.load(key)
            issue = found.state
            if not isinstance(issue, Issue):
                return Missing("issue", key)
            order.check_version(found.version)
            team = await self.team(issue.team)
            assert team is not None, "an issue is on a team's board"
            cases, versions = await self._cases(issue.ops_issues)
            versions[key] = found.version
            about = Carried(found.position, (), issue=key)
            return await self._settle(decide(team, issue, cases), about, key, versions, order)

        return await self._retrying((key,), attempt)

    async def _scene(
        self, team: Team, case_key: str, named: str | None
    ) -> tuple[Scene, dict[str, int]]:
        cases, versions = await self._cases((case_key,))
        case = cases[case_key]
        key = named or case.issue_of(team.key)
        if key is None:
            return Scene(team, case, None, cases), versions
        found = await self.states.load(key)
        if not isinstance(found.state, Issue):
            return Scene(team, case, None, cases), versions
        others, other_versions = await self._cases(found.state.ops_issues)
        versions |= {key: found.version, **other_versions, case_key: versions[case_key]}
        return Scene(team, case, found.state, {**others, case_key: case}), versions

    async def _cases(self, keys: Sequence[str]) -> tuple[dict[str, Case], dict[str, int]]:
        found = await self.states.load_many(keys)
        cases = {key: each.state for key, each in found.items() if isinstance(each.state, Case)}
        return cases, {key: each.version for key, each in found.items()}

    async def _settle(
        self,
        decision: Decision,
        about: Carried,
        name: str,
        versions: Mapping[str, int],
        order: Order,
    ) -> Result:
        """Records what was decided. ``name`` is what a repeat of the command is answered from."""
        if not isinstance(decision, Accepted):
            return decision
        if not decision.events:
            position = about.position or self._log.head.position
            return Carried(position, (), about.issue, about.case, about.team)
        drafts = tuple(
            Draft(
                id=self._new_id(),
                subject=said.subject,
                time=order.at,
                correlationid=order.correlation,
                causationid=order.causation,
                actor=order.actor,
                data=said.data,
            )
            for said in decision.events
        )
        touched = {draft.subject: versions[draft.subject] for draft in drafts}
        appended = await self._log.append(Append(drafts, touched, order.keys(drafts[-1].id, name)))
        ids = tuple(draft.id for draft in drafts)
        return Carried(appended.position, ids, about.issue, about.case, about.team)

    async def _new_key(self, team: Team) -> str:
        while True:
            key = f"{team.key}-{await self._log.store.next_number(team.key)}"
            if await self._elsewhere.find(key) is None:
                return key
