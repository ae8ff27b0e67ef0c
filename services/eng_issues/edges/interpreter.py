"""What Engineering's log stores when it hears Operations: the events, and what policies say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from services.eng_issues.domain.case import Case, receive
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.reaction import ACTOR
from services.eng_issues.domain.states import State, evolve, foresee
from services.eng_issues.domain.team import Team
from services.eng_issues.edges.board import SOURCE_CASE
from services.eng_issues.policies.reactions import concerned, react
from shared.bus.races import Races
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, Foreign, UniqueKey
from shared.eventlog.states import States
from shared.events import ops
from shared.events.envelope import AnyRecorded, Draft
from shared.events.ids import derived_id

K = TypeVar("K", Issue, Team)


class Interpreter:
    """The port of ``shared.bus.storing``, for Engineering."""

    def __init__(self, log: EventLog, states: States[State]) -> None:
        self._log = log
        self._states = states
        self._races = Races()

    async def interpret(self, batch: Sequence[Foreign]) -> Append:
        """The batch with its reactions; one that loses race after race is read anew.

        Raises LogUnavailable.
        """
        scene = _Batch(self._log, self._states, anew=self._races.is_behind(batch[0].id))
        await scene.load(event.subject for event in batch)
        for foreign in batch:
            await scene.take(foreign)
        return scene.append()


class _Batch:
    """One batch on its way into the log: the streams it touches, as they will be."""

    def __init__(self, log: EventLog, states: States[State], *, anew: bool) -> None:
        self._log = log
        self._kept = states
        self._anew = anew
        self._states: dict[str, State] = {}
        self._versions: dict[str, int] = {}
        self._events: list[Draft | Foreign] = []
        self._keys: list[UniqueKey] = []

    async def load(self, streams: Iterable[str]) -> None:
        missing = [stream for stream in dict.fromkeys(streams) if stream not in self._states]
        if self._anew:
            self._kept.forget(missing)
        for stream, found in (await self._kept.load_many(missing)).items():
            self._states[stream] = found.state
            self._versions[stream] = found.version

    async def take(self, foreign: Foreign) -> None:
        """Adds the event, its reactions, and the key that finds its source case."""
        self._events.append(foreign)
        event = self._log.codec.decode(foreign.type, foreign.entry)
        before = self._states[foreign.subject]
        after = self._states[foreign.subject] = evolve(before, event)
        if isinstance(event.data, ops.Opened) and event.data.source_case is not None:
            case = event.data.source_case
            name = f"{case.system}:{case.number}"
            self._keys.append(UniqueKey(SOURCE_CASE, name, event.subject))
        if isinstance(before, Case) and isinstance(after, Case):
            await self._react(event, before, after)

    def append(self) -> Append:
        touched = {event.subject for event in self._events}
        expected = {stream: self._versions[stream] for stream in touched}
        return Append(tuple(self._events), expected, tuple(self._keys))

    async def _react(self, event: AnyRecorded, before: Case, after: Case) -> None:
        team_keys = concerned(event, after)
        if not team_keys:
            return
        issue_keys = [after.links[key].issue for key in team_keys]
        await self.load([*team_keys, *issue_keys])
        issues = self._of(Issue, issue_keys)
        await self.load([key for issue in issues.values() for key in issue.ops_issues])
        outcome = receive(before, event)[1]
        teams = self._of(Team, team_keys)
        for reaction in react(event, before, after, outcome, teams, issues):
            said = reaction.said
            self._events.append(
                Draft(
                    id=derived_id(event.id, reaction.name),
                    subject=said.subject,
                    time=event.time,
                    correlationid=event.correlationid,
                    causationid=str(event.id),
                    actor=ACTOR,
                    data=said.data,
                )
            )
            self._states[said.subject] = foresee(
                self._states[said.subject], said, at=event.time, actor=ACTOR
            )

    def _of(self, kind: type[K], keys: Iterable[str]) -> Mapping[str, K]:
        found = {key: self._states[key] for key in keys}
        return {key: state for key, state in found.items() if isinstance(state, kind)}
