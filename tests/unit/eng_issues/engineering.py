"""Engineering without a log, a bus or a server: its states, its decisions, its reactions.

A story is a sequence of ``steps``: what Operations said and what people and trackers asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from services.eng_issues.domain.case import Case, Outcome, receive
from services.eng_issues.domain.events import Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.states import NOTHING, State, evolve
from services.eng_issues.domain.team import Team
from services.eng_issues.policies.reactions import concerned, react
from shared.events import eng, ops
from shared.events.decision import Accepted, Invalid, Refused
from shared.events.envelope import AnyRecorded, Body
from tests.kit.recording import Recorder

Decision = Accepted[Said] | Refused | Invalid
Ask = Callable[["Engineering"], Decision]
Step = Callable[["Engineering"], object]


class Engineering:
    """Folded streams by their names; ``log`` has the events in the order they were recorded."""

    def __init__(self) -> None:
        self.streams: dict[str, State] = {}
        self.log: list[AnyRecorded] = []
        self.outcomes: list[Outcome] = []
        self.own = Recorder(eng.SOURCE)
        self.ops = Recorder(ops.SOURCE)

    def case(self, key: str = "OPS-1") -> Case:
        state = self.streams[key]
        assert isinstance(state, Case)
        return state

    def issue(self, key: str) -> Issue:
        state = self.streams[key]
        assert isinstance(state, Issue)
        return state

    def team(self, key: str) -> Team:
        state = self.streams[key]
        assert isinstance(state, Team)
        return state

    def found(self, key: str | None) -> Issue | None:
        """The issue on a board here, or None."""
        state = self.streams.get(key or "")
        return state if isinstance(state, Issue) else None

    def linked(self, team: str, key: str) -> Issue | None:
        return self.found(self.case(key).issue_of(team))

    def cases_of(self, issue: Issue | None) -> Mapping[str, Case]:
        return {key: self.case(key) for key in (issue.ops_issues if issue else ())}

    def issues(self) -> list[Issue]:
        return [state for state in self.streams.values() if isinstance(state, Issue)]

    def new_key(self, team: str) -> str:
        made = [issue for issue in self.issues() if issue.team == team]
        return f"{team}-{len(made) + 1}"

    def record(self, said: Iterable[Said], actor: str = "person:ada") -> None:
        """As an append does."""
        for each in said:
            event = self.own.record(each.subject, each.data, actor=actor)
            self.log.append(event)
            self.streams[each.subject] = evolve(self.streams.get(each.subject, NOTHING), event)

    def do(self, ask: Ask) -> Decision:
        """The decision, and if it is accepted, what it says is recorded."""
        decision = ask(self)
        if isinstance(decision, Accepted):
            self.record(decision.events)
        return decision

    def receive(self, event: AnyRecorded) -> Outcome:
        """An event of Operations with all that follows from it."""
        before = self.streams.get(event.subject, NOTHING)
        case = before if isinstance(before, Case) else Case(key=event.subject)
        after, outcome = receive(case, event)
        self.log.append(event)
        self.outcomes.append(outcome)
        self.streams[event.subject] = evolve(before, event)
        names = concerned(event, after)
        teams = {key: self.team(key) for key in names if key in self.streams}
        links = [after.links[key].issue for key in names]
        issues = {key: issue for key in links if (issue := self.found(key))}
        said = [reaction.said for reaction in react(event, case, after, outcome, teams, issues)]
        self.record(said, actor="system:caselog")
        return outcome

    def published(self, key: str = "OPS-1") -> list[Body]:
        """What Engineering told of one ops issue, in order."""
        return [e.data for e in self.log if e.subject == key and e.source == eng.SOURCE]

    def heard(self, key: str) -> int:
        """The last sequence about this ops issue: what Operations holds if nothing crosses."""
        own = [e.sequence for e in self.log if e.subject == key and e.source == eng.SOURCE]
        return own[-1] if own and isinstance(own[-1], int) else 0
