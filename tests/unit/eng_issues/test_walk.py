"""Any walk through Engineering: shared issues, several cases, facts of Operations that cross."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.events import Said
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.states import State
from services.eng_issues.domain.team import DEFAULT_WORKFLOW
from shared.events.decision import Accepted
from tests.unit.eng_issues import steps
from tests.unit.eng_issues.engineering import Ask, Engineering, Step

TEAMS = ("MOB", "WEB")
CASES = ("OPS-1", "OPS-2", "OPS-3")
BOARD = tuple(f"{team}-{number}" for team in TEAMS for number in (1, 2))
"""Each team's board begins with two issues of its own; claims add clones."""
BEGIN: tuple[Step, ...] = (
    *(steps.define(team) for team in TEAMS),
    *(steps.create(issue.partition("-")[0]) for issue in BOARD),
    *(steps.opened(key) for key in CASES),
)


def asks() -> Iterator[Ask]:
    """What people and trackers ask, except what is a new fact every time."""
    for team, key in product(TEAMS, CASES):
        yield steps.claim(team, key, "Same.")
        yield steps.reject(team, key)
        yield steps.send_to_review(team, key)
        yield steps.tracker_claim(team, key, "JIRA-7")
        yield steps.tracker_closes(team, key)
        yield steps.tracker_moves("In Progress", team, key)
    for issue, key in product(BOARD, CASES):
        yield steps.link(issue, issue.partition("-")[0], key)
        yield steps.unlink(issue, issue.partition("-")[0], key)
    for issue, status in product(BOARD, DEFAULT_WORKFLOW.statuses):
        yield steps.move(issue, status, resolution="Fixed", comment="As said.")
        yield steps.assign(issue, status)


def facts() -> Iterator[Step]:
    """What Operations says, knowing all that Engineering said or missing the last of it."""
    for key, missed in product(CASES, (0, 1, 3)):
        yield steps.closed_by_ops(key, missed=missed)
        yield steps.reopened_by_ops(key, missed=missed)
        yield steps.returned(*TEAMS, key=key, missed=missed)
        for team in TEAMS:
            yield steps.assigned(team, key, missed=missed)
            yield steps.unassigned(team, key, missed=missed)
            yield steps.returned(team, key=key, missed=missed)


ASKS = st.sampled_from(list(asks()))
FACTS = st.sampled_from(list(facts()))
WALK = st.lists(ASKS | FACTS, max_size=50)


def after(walk: list[Step]) -> Engineering:
    engineering = steps.story(*BEGIN)
    for step in walk:
        decision = step(engineering)
        if isinstance(decision, Accepted):
            engineering.record(decision.events)
    return engineering


def served_by(engineering: Engineering, team: str, key: str) -> list[Issue]:
    return [i for i in engineering.issues() if i.team == team and key in i.ops_issues]


def part_is_sound(engineering: Engineering, team: str, key: str) -> None:
    case = engineering.case(key)
    part, linked = case.part(team), case.issue_of(team)
    served = served_by(engineering, team, key)
    assert len(served) <= 1, "a team has at most one engineering issue per ops issue"
    assert [issue.key for issue in served] == ([linked] if engineering.found(linked) else [])
    assert part.claim == "none" or linked is not None, "a claim has an issue"
    assert part.claim == "none" or part.assigned, "a team that claims is in Team(s)"
    assert part.taken or not part.in_review, "who asks has a say"
    assert part.claim != "done" or not part.in_review, "closed work asks nothing"
    if part.claim == "open":
        assert all(issue.status not in DEFAULT_WORKFLOW.closed for issue in served)


def issue_is_sound(issue: Issue) -> None:
    assert len(set(issue.ops_issues)) == len(issue.ops_issues)
    assert issue.resolution is not None or issue.status not in DEFAULT_WORKFLOW.closed
    if issue.status in {"To Do", "In Progress"}:
        assert issue.resolution is None, "work that goes on has no resolution"


@settings(deadline=None)
@given(walk=WALK)
def test_links_claims_and_boards_stay_sound_on_any_walk(walk: list[Step]) -> None:
    engineering = after(walk)

    for team, key in product(TEAMS, CASES):
        part_is_sound(engineering, team, key)
    for issue in engineering.issues():
        issue_is_sound(issue)


@settings(deadline=None)
@given(walk=WALK, ask=ASKS)
def test_what_is_said_twice_adds_nothing(walk: list[Step], ask: Ask) -> None:
    """The second time it is accepted without an event, or refused (a claim, a rejection)."""
    engineering = after(walk)
    engineering.do(ask)

    again = ask(engineering)

    assert not isinstance(again, Accepted) or again.events == ()


@settings(deadline=None)
@given(walk=WALK, ask=ASKS)
def test_what_is_not_accepted_leaves_no_event(walk: list[Step], ask: Ask) -> None:
    engineering = after(walk)
    before = len(engineering.log)

    decision = engineering.do(ask)

    assert isinstance(decision, Accepted) or len(engineering.log) == before


@settings(deadline=None)
@given(walk=WALK, ask=ASKS)
def test_a_decision_is_foreseen_as_it_is_recorded(walk: list[Step], ask: Ask) -> None:
    """What follows in the same append sees the states that will be, but for our sequence."""
    engineering = after(walk)
    decision = ask(engineering)
    said: tuple[Said, ...] = decision.events if isinstance(decision, Accepted) else ()
    foreseen: dict[str, State] = {}
    for each in said:
        foreseen[each.subject] = steps.foreseen(engineering, each, foreseen.get(each.subject))

    engineering.record(said)

    for key, state in foreseen.items():
        held = engineering.streams[key]
        assert type(held) is type(state)
        if isinstance(held, Case) and isinstance(state, Case):
            assert (held.links, plain(held)) == (state.links, plain(state))
        if isinstance(held, Issue) and isinstance(state, Issue):
            assert (held.status, held.ops_issues) == (state.status, state.ops_issues)


def plain(case: Case) -> dict[str, tuple[bool, str, bool, bool]]:
    """Every team's part, whenever it became so."""
    return {
        team: (part.assigned, part.claim, part.in_review, part.rejected)
        for team, part in case.parts.teams.items()
    }
