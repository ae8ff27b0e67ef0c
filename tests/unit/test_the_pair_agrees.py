"""Both services at work at once, and everything that crosses: once it has arrived, they agree.

No log, no bus, no clock: the two pure domains, and two queues between them that keep the order of
each author and nothing else. People and trackers act on either side while the other does not know.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.eng_issues.domain import crossing
from services.eng_issues.domain.case import Case
from services.eng_issues.domain.crossing import NOT_YET_PUBLISHED, Crossing, heard
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.parts import Parts
from services.eng_issues.domain.team import DEFAULT_WORKFLOW
from services.ops_issues.domain import commands
from services.ops_issues.domain.commands import Command
from services.ops_issues.domain.decisions.context import Context
from services.ops_issues.domain.decisions.decide import decide
from services.ops_issues.domain.fold import evolve, with_status
from services.ops_issues.domain.ops_issue import UNOPENED, OpsIssue, State
from services.ops_issues.policies.a_case_that_moved_states_its_status import react
from shared.events import eng, ops
from shared.events.decision import Accepted
from shared.events.envelope import AnyRecorded, Body, Published
from tests.kit.recording import FIRST_DAY, Recorder
from tests.unit.eng_issues import steps
from tests.unit.eng_issues.engineering import Ask, Engineering

TEAMS = ("MOB", "WEB")
CASES = ("OPS-1", "OPS-2")
TIER_2 = Context(
    actor="person:tia", at=FIRST_DAY, is_tier_2=True, known_teams=frozenset({*TEAMS, "Product"})
)


class Operations:
    """Every ops issue, the log that it folds, and what of that was published."""

    def __init__(self) -> None:
        self.issues: dict[str, State] = {}
        self.log: list[AnyRecorded] = []
        self.published: list[AnyRecorded] = []
        self.recorder = Recorder(ops.SOURCE)

    def issue(self, key: str) -> OpsIssue:
        state = self.issues[key]
        assert isinstance(state, OpsIssue)
        return state

    def opens(self, key: str) -> None:
        self.holds(self.recorder.record(key, steps.OPENED))

    def does(self, key: str, command: Command) -> None:
        issue = self.issue(key)
        decision = decide(command, issue, TIER_2)
        if isinstance(decision, Accepted):
            self.says(key, with_status(issue, decision.events, at=TIER_2.at, actor=TIER_2.actor))

    def receives(self, event: AnyRecorded) -> None:
        before = self.issues[event.subject]
        self.holds(event)
        said = react(before, self.issues[event.subject])
        self.says(event.subject, tuple(each.body for each in said), cause=str(event.id))

    def says(self, key: str, bodies: tuple[Body, ...], *, cause: str = "a-request") -> None:
        for body in bodies:
            event = self.recorder.record(key, body, actor=TIER_2.actor)
            self.holds(replace(event, causationid=cause))

    def holds(self, event: AnyRecorded) -> None:
        """As an append does."""
        self.log.append(event)
        self.issues[event.subject] = evolve(self.issues.get(event.subject, UNOPENED), event)
        if event.source == ops.SOURCE and isinstance(event.data, Published):
            self.published.append(event)


class Pair:
    """The two services and what is on its way between them."""

    def __init__(self) -> None:
        self.operations = Operations()
        self.engineering = Engineering()
        for team in TEAMS:
            self.engineering.do(steps.define(team))
            self.engineering.do(steps.create(team))
        for key in CASES:
            self.operations.opens(key)
        self._to_eng = self._to_ops = 0
        self.deliver_all()

    def deliver_to_eng(self, count: int) -> bool:
        """So many events of Operations arrive; whether there were any."""
        news = self.operations.published[self._to_eng : self._to_eng + count]
        for event in news:
            self.engineering.receive(event)
        self._to_eng += len(news)
        return bool(news)

    def deliver_to_ops(self, count: int) -> bool:
        own = [event for event in self.engineering.log if is_published_about_a_case(event)]
        news = own[self._to_ops : self._to_ops + count]
        for event in news:
            self.operations.receives(event)
        self._to_ops += len(news)
        return bool(news)

    def deliver_all(self) -> None:
        """Until nobody has anything more to say."""
        rounds = deque((self.deliver_to_eng, self.deliver_to_ops))
        quiet = 0
        while quiet < 2:
            quiet = 0 if rounds[0](1000) else quiet + 1
            rounds.rotate()


def is_published_about_a_case(event: AnyRecorded) -> bool:
    return (
        event.source == eng.SOURCE
        and isinstance(event.data, Published)
        and not isinstance(event.data, eng.TeamDefined)
    )


def agree(pair: Pair) -> None:
    """What the two services must see alike, for each case and team."""
    for key in CASES:
        issue, case = pair.operations.issue(key), pair.engineering.case(key)
        assert case.closed == issue.is_closed
        assert case.status == issue.stated == issue.status
        for team in TEAMS:
            assert seen_by_engineering(case, team) == seen_by_operations(issue, team), (key, team)


def seen_by_engineering(case: Case, team: str) -> tuple[bool, str, bool, str | None]:
    part = case.part(team)
    return part.assigned, part.claim, part.in_review, case.issue_of(team)


def seen_by_operations(issue: OpsIssue, team: str) -> tuple[bool, str, bool, str | None]:
    facet = issue.facet(team)
    if facet is None:
        return False, "none", False, None
    return facet.assigned, facet.claim or "none", facet.asking, facet.issue


def boards_are_sound(pair: Pair) -> None:
    """Links are said alike on both ends, and no claim is open on closed work."""
    engineering = pair.engineering
    for issue in engineering.issues():
        for key in issue.ops_issues:
            assert engineering.case(key).issue_of(issue.team) == issue.key
    for key in CASES:
        case = engineering.case(key)
        for team, link in case.links.items():
            held = engineering.found(link.issue)
            assert held is None or key in held.ops_issues
            assert held is None or held.team == team
        for team in TEAMS:
            part = case.part(team)
            assert part.claim == "none" or case.issue_of(team) is not None
            held = engineering.linked(team, key)
            if held is not None and part.claim == "open":
                assert not is_closed(engineering, held)


def is_closed(engineering: Engineering, issue: Issue) -> bool:
    return engineering.team(issue.team).is_closed(issue.status)


class Act:
    """Something that one person, tracker or message does to the pair; printed as ``name``."""

    def __init__(self, name: str, run: Callable[[Pair], object]) -> None:
        self._name, self._run = name, run

    def __call__(self, pair: Pair) -> None:
        self._run(pair)

    def __repr__(self) -> str:
        return self._name


def by_eng(name: str, ask: Ask) -> Act:
    return Act(name, lambda pair: pair.engineering.do(ask))


def by_ops(command: Command, key: str = "OPS-1") -> Act:
    return Act(f"{key} {command}", lambda pair: pair.operations.does(key, command))


def on_board(name: str, issue: str, ask: Ask) -> Act:
    """Done if the issue is on a board by then."""

    def run(pair: Pair) -> None:
        if pair.engineering.found(issue):
            pair.engineering.do(ask)

    return Act(f"{name} {issue}", run)


def arriving(count: int) -> tuple[Act, Act]:
    return (
        Act(f"{count} to Engineering", lambda pair: pair.deliver_to_eng(count)),
        Act(f"{count} to Operations", lambda pair: pair.deliver_to_ops(count)),
    )


def for_a_team(team: str, key: str) -> Iterator[Act]:
    """What engineers and trackers may do for the team on one case."""
    where = f"{team} {key}"
    yield by_eng(f"claim {where}", steps.claim(team, key, "Same."))
    yield by_eng(f"reject {where}", steps.reject(team, key))
    yield by_eng(f"ask {where}", steps.send_to_review(team, key))
    yield by_eng(f"tracker claims {where}", steps.tracker_claim(team, key, "JIRA-7"))
    yield by_eng(f"tracker closes {where}", steps.tracker_closes(team, key))
    yield by_eng(f"tracker moves {where}", steps.tracker_moves("In Progress", team, key))
    for number in (1, 2):
        issue = f"{team}-{number}"
        yield on_board(f"link to {key}", issue, steps.link(issue, team, key))


def on_a_board(issue: str) -> Iterator[Act]:
    for status in DEFAULT_WORKFLOW.statuses:
        move = steps.move(issue, status, resolution="Fixed", comment="As said.")
        yield on_board(f"to {status}", issue, move)


def by_tier_2(key: str) -> Iterator[Act]:
    """What changes the parts of teams is done most; a closed issue is opened again soon."""
    for team in TEAMS:
        yield from [by_ops(commands.AssignTeam(team=team), key)] * 3
        yield from [by_ops(commands.UnassignTeam(team=team, comment="Wrong."), key)] * 2
    for teams in (("MOB",), ("WEB",), TEAMS):
        yield from [by_ops(commands.ReturnToEngineering(teams=teams, comment="Here."), key)] * 3
    yield from [by_ops(commands.Reopen(reason="late-verification", comment="Still so."), key)] * 4
    yield by_ops(commands.Close(resolution="Done", comment="Verified."), key)
    yield by_ops(commands.TakeOwnership(assignee="tia"), key)
    yield by_ops(commands.AwaitInfo(awaited_from="vendor", comment="Logs."), key)
    yield by_ops(commands.ReturnToTriage(), key)
    yield by_ops(commands.HandToProduct(pm="pat", comment="A project."), key)
    yield by_ops(commands.Amend(severity="1 - Critical"), key)
    yield by_ops(commands.Amend(severity="4 - Low"), key)


ENGINEERS = [
    *(act for team in TEAMS for key in CASES for act in for_a_team(team, key)),
    *(act for team in TEAMS for number in (1, 2) for act in on_a_board(f"{team}-{number}")),
]
TIER_2S = [act for key in CASES for act in by_tier_2(key)]
ARRIVALS = [act for count in (1, 2, 5) for act in arriving(count)]
ACT = st.sampled_from((ENGINEERS, TIER_2S, ARRIVALS)).flatmap(st.sampled_from)


@settings(max_examples=300, deadline=None)
@given(acts=st.lists(ACT, max_size=60))
def test_once_everything_has_arrived_both_services_agree(acts: list[Act]) -> None:
    pair = Pair()
    for act in acts:
        act(pair)
        boards_are_sound(pair)

    pair.deliver_all()

    boards_are_sound(pair)
    agree(pair)


ASSIGN = by_ops(commands.AssignTeam(team="MOB"))
UNASSIGN = by_ops(commands.UnassignTeam(team="MOB", comment="Wrong."))
RETURN = by_ops(commands.ReturnToEngineering(teams=("MOB",), comment="Here."))
CLOSE = by_ops(commands.Close(resolution="Done", comment="Verified."))
REOPEN = by_ops(commands.Reopen(reason="late-verification", comment="Still so."))
CLAIM = by_eng("claim", steps.claim())
REJECT = by_eng("reject", steps.reject())
ASK = by_eng("ask", steps.send_to_review())
FINISH = by_eng("finish", steps.close("MOB-2"))
TAKE_UP = by_eng("take up again", steps.move("MOB-2", "In Progress"))


CROSSINGS = [
    ([ASSIGN], [UNASSIGN, CLAIM], "claimed"),
    ([ASSIGN, CLAIM], [UNASSIGN, REJECT, CLAIM], "claimed"),
    ([ASSIGN, CLAIM], [UNASSIGN, FINISH], "none"),
    ([ASSIGN], [UNASSIGN, ASK], "none"),
    ([ASSIGN], [UNASSIGN, ASSIGN, REJECT], "rejected"),
    ([ASSIGN, CLAIM, ASK], [RETURN, FINISH], "claimed"),
    ([ASSIGN, CLAIM, FINISH], [RETURN, TAKE_UP], "claimed"),
    ([ASSIGN, CLAIM, FINISH], [RETURN, TAKE_UP, FINISH], "claimed"),
    ([ASSIGN, CLAIM, FINISH], [RETURN, TAKE_UP, REJECT], "rejected"),
    ([ASSIGN, ASK], [RETURN, CLAIM, ASK], "in-review"),
    ([ASSIGN], [CLOSE, ASK], "assigned"),
    ([ASSIGN], [CLOSE, REOPEN, ASK], "in-review"),
    ([ASSIGN], [CLOSE, CLAIM], "claimed"),
    ([ASSIGN, CLAIM], [CLOSE, FINISH, REOPEN], "done"),
]
"""What everybody knew, what happened then before anything more arrived, and how it must end."""


@pytest.mark.parametrize(("before", "meanwhile", "state"), CROSSINGS)
def test_what_crosses_ends_alike_on_both_sides(
    before: list[Act], meanwhile: list[Act], state: str
) -> None:
    pair = after_crossing(before, meanwhile)

    agree(pair)
    assert pair.engineering.case("OPS-1").part("MOB").state == state


def after_crossing(before: list[Act], meanwhile: list[Act]) -> Pair:
    pair = Pair()
    for act in before:
        act(pair)
        pair.deliver_all()
    for act in meanwhile:
        act(pair)
    pair.deliver_all()
    return pair


@pytest.mark.parametrize("upto", [0, NOT_YET_PUBLISHED], ids=["nothing", "everything"])
def test_they_would_not_agree_if_engineering_took_no_notice_of_what_was_heard(
    upto: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deliberately wrong variant, to see that these stories can tell."""

    def careless(held: Crossing, _: int, fact: Callable[[Parts], Parts]) -> Crossing:
        return heard(held, upto, fact)

    monkeypatch.setattr(crossing, "heard", careless)

    def all_agree() -> None:
        for before, meanwhile, _ in CROSSINGS:
            agree(after_crossing(before, meanwhile))

    with pytest.raises(AssertionError):
        all_agree()
