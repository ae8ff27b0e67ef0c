"""What Operations' log stores when it hears Engineering: the events, and the status they give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.ops_issues.domain.fold import evolve, told
from services.ops_issues.domain.ops_issue import State
from services.ops_issues.domain.team import TeamState
from services.ops_issues.edges.desk import PREFIX
from services.ops_issues.policies.a_case_that_moved_states_its_status import react
from shared.bus.races import Races
from shared.eventlog.log import EventLog
from shared.eventlog.model import Append, Foreign
from shared.eventlog.states import States
from shared.events.envelope import AnyRecorded, Draft
from shared.events.ids import derived_id

REACTING: Final = "system:caselog"
"""Who says what follows by rule."""


class Interpreter:
    """The port of ``shared.bus.storing``, for Operations."""

    def __init__(self, log: EventLog, issues: States[State], teams: States[TeamState]) -> None:
        self._log = log
        self._issues = issues
        self._teams = teams
        self._races = Races()

    async def interpret(self, batch: Sequence[Foreign]) -> Append:
        """The batch with its reactions; one that loses race after race is read anew.

        Raises LogUnavailable.
        """
        streams = list(dict.fromkeys(event.subject for event in batch))
        if self._races.is_behind(batch[0].id):
            self._issues.forget(streams)
            self._teams.forget(streams)
        issues = await self._issues.load_many([s for s in streams if is_issue(s)])
        teams = await self._teams.load_many([s for s in streams if not is_issue(s)])
        expected = {key: found.version for key, found in issues.items()}
        expected |= {key: found.version for key, found in teams.items()}
        states = {key: found.state for key, found in issues.items()}
        events: list[Draft | Foreign] = []
        for foreign in batch:
            events.append(foreign)
            if foreign.subject in states:
                recorded = self._log.codec.decode(foreign.type, foreign.entry)
                states[foreign.subject] = self._follow(states[foreign.subject], recorded, events)
        return Append(tuple(events), expected)

    def _follow(self, before: State, recorded: AnyRecorded, events: list[Draft | Foreign]) -> State:
        after = evolve(before, recorded)
        for reaction in react(before, after):
            events.append(
                Draft(
                    id=derived_id(recorded.id, reaction.name),
                    subject=recorded.subject,
                    time=recorded.time,
                    correlationid=recorded.correlationid,
                    causationid=str(recorded.id),
                    actor=REACTING,
                    data=reaction.body,
                )
            )
            after = told(
                after, reaction.body, key=recorded.subject, at=recorded.time, actor=REACTING
            )
        return after


def is_issue(stream: str) -> bool:
    """Whether a stream is that of an ops issue; the others are teams."""
    return stream.startswith(f"{PREFIX}-")
