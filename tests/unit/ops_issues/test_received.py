"""What becomes of received events: exactly one outcome each, and a status that is stated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from services.ops_issues.domain import events
from services.ops_issues.domain.fold import evolve, fold, outcome
from services.ops_issues.domain.ops_issue import UNOPENED, OpsIssue
from services.ops_issues.domain.own import TELL
from services.ops_issues.domain.received import (
    APPLIED,
    DUPLICATE,
    HEAR,
    NOT_OPENED,
    PARKED,
    Outcome,
)
from services.ops_issues.domain.rules import Rule
from shared.events import eng, ops
from shared.events.codec import Codec
from shared.events.envelope import Body, Recorded, Unreadable, short_name
from shared.events.vocabulary import Workflow
from tests.kit.recording import Recorder
from tests.unit.ops_issues.desk import (
    KEY,
    OWNED,
    asked,
    assigned,
    claimed,
    desk,
    finished,
    issue,
    progressed,
    rejected,
)


def unreadable(source: str = eng.SOURCE) -> Recorded[Any]:
    """An event of a newer version."""
    recorded = Recorder(source).record(KEY, claimed("MOB"))
    return replace(
        recorded,
        type="caselog.eng.paused.v1",
        data=Unreadable(type="caselog.eng.paused.v1", reason="unknown type"),
    )


def test_every_event_that_may_stand_in_the_log_is_defined() -> None:
    about_teams = {eng.TeamDefined}

    assert set(events.KNOWN) == set(TELL) | set(HEAR) | about_teams


@pytest.mark.parametrize("said", events.KNOWN, ids=lambda said: said.TYPE)
def test_the_readme_lists_every_event(said: type[Body]) -> None:
    readme = Path(events.__file__).parents[1] / "README.md"

    assert f"`{short_name(said.TYPE)}`" in readme.read_text(encoding="utf-8")


@pytest.mark.parametrize("said", [*TELL, *HEAR])
def test_no_two_events_share_a_type(said: type[Body]) -> None:
    assert [known.TYPE for known in events.KNOWN].count(said.TYPE) == 1


class TestOutcomes:
    def test_applied(self) -> None:
        assert desk(assigned("MOB")).hears(claimed("MOB")) == APPLIED

    @pytest.mark.parametrize(
        "said",
        [
            claimed("MOB"),
            progressed("MOB"),
            eng.Linked(team="MOB", issue="MOB-3"),
            eng.Unlinked(team="MOB", issue="MOB-9"),
        ],
        ids=lambda said: said.TYPE,
    )
    def test_what_holds_already_is_a_duplicate(self, said: Body) -> None:
        assert desk(claimed("MOB"), progressed("MOB")).hears(said) == DUPLICATE

    def test_what_was_rejected_already_is_a_duplicate(self) -> None:
        assert desk(assigned("MOB"), rejected("MOB")).hears(rejected("MOB")) == DUPLICATE

    def test_what_is_done_already_is_a_duplicate(self) -> None:
        assert desk(claimed("MOB"), finished("MOB")).hears(finished("MOB")) == DUPLICATE

    @pytest.mark.parametrize(
        ("said", "rule"),
        [
            (rejected("MOB"), Rule.TEAM_NOT_ASSIGNED),
            (progressed("MOB"), Rule.ISSUE_NOT_LINKED),
            (
                eng.TeamDefined(
                    team="MOB",
                    name="Mobile",
                    workflow=Workflow(statuses=("a",), default="a", review="a", closed=("a",)),
                    domains=(),
                ),
                Rule.NOT_ABOUT_AN_ISSUE,
            ),
        ],
    )
    def test_no_effect_says_the_rule(self, said: Body, rule: Rule) -> None:
        assert desk().hears(said) == Outcome("no-effect", rule)

    def test_a_question_of_a_team_that_is_not_asked_has_no_effect_in_review(self) -> None:
        at_work = desk(assigned("WEB"), asked("WEB"))

        assert at_work.hears(asked("MOB")) == Outcome("no-effect", Rule.TEAM_NOT_ASSIGNED)

    def test_every_comment_is_news(self) -> None:
        said = eng.Commented(team="MOB", comment="On it.", visibility="internal")

        assert desk(said).hears(said) == APPLIED

    def test_operations_own_events_are_applied(self) -> None:
        assert set(desk(OWNED, OWNED).outcomes) == {APPLIED}


class TestAStreamThatWasNotOpened:
    @pytest.mark.parametrize("said", [claimed("MOB"), finished("MOB")], ids=lambda s: s.TYPE)
    def test_hears_without_effect(self, said: Body) -> None:
        recorded = Recorder(eng.SOURCE).record(KEY, said)

        assert outcome(UNOPENED, recorded) == NOT_OPENED
        assert evolve(UNOPENED, recorded) is UNOPENED

    def test_tells_nothing(self) -> None:
        assert evolve(UNOPENED, Recorder(ops.SOURCE).record(KEY, OWNED)) is UNOPENED

    def test_parks_what_it_cannot_read(self) -> None:
        assert outcome(UNOPENED, unreadable()) == PARKED


class TestParking:
    def test_what_cannot_be_read_is_parked_and_what_follows_waits_behind_it(self) -> None:
        at_work = desk(assigned("MOB"))
        at_work.record(unreadable())

        assert at_work.outcomes[-1] == PARKED
        assert at_work.hears(claimed("MOB")) == PARKED
        assert at_work.issue.status == "New"
        assert at_work.issue.claimed == ()

    def test_local_commands_go_on(self) -> None:
        at_work = desk()
        at_work.record(unreadable())
        at_work.stores(OWNED)

        assert at_work.issue.status == "Ops Ownership"

    def test_what_waits_is_kept_as_it_came(self) -> None:
        at_work = desk(assigned("MOB"))
        at_work.record(unreadable())
        at_work.hears(claimed("MOB"))
        first, second = at_work.issue.parked

        assert (first.type, first.event) == ("caselog.eng.paused.v1", b"")
        codec = Codec(events.KNOWN)
        assert codec.decode(second.type, second.event) == at_work.log[-1]

    def test_it_was_not_heard(self) -> None:
        at_work = desk(claimed("MOB"))
        at_work.record(unreadable())
        at_work.hears(finished("MOB"))

        assert at_work.issue.heard == 1

    def test_an_event_of_its_own_that_it_cannot_read_parks_nothing(self) -> None:
        at_work = desk()
        at_work.record(unreadable(ops.SOURCE))

        assert at_work.outcomes[-1] == APPLIED
        assert at_work.issue.parked == ()


class TestStatement:
    def test_a_case_that_moved_states_its_status(self) -> None:
        at_work = desk(assigned("MOB"), claimed("MOB"))

        assert at_work.log[-1].data == ops.StatusChanged(
            from_status="New",
            to_status="Engineering Ownership",
            assigned=("MOB",),
            claimed=("MOB",),
        )

    def test_one_that_did_not_says_nothing(self) -> None:
        at_work = desk(claimed("MOB"), claimed("WEB"))

        assert isinstance(at_work.log[-1].data, eng.Claimed)

    def test_a_late_event_moves_nothing(self) -> None:
        at_work = desk(ops.Closed(resolution="Done", comment="So.", cause="resolved", teams=()))
        at_work.hears(claimed("MOB"))

        assert isinstance(at_work.log[-1].data, eng.Claimed)


class TestFacets:
    def test_tell_since_when_and_with_which_engineering_issue(self) -> None:
        at_work = desk(assigned("MOB"), claimed("MOB"), progressed("MOB"))
        facet = at_work.issue.facets[0]

        assert facet.state == "claimed"
        assert (facet.issue, facet.issue_status) == ("MOB-3", "In Progress")
        assert facet.since == next(e.time for e in at_work.log if isinstance(e.data, eng.Claimed))

    def test_an_unlinked_issue_is_gone(self) -> None:
        after = issue(claimed("MOB"), eng.Unlinked(team="MOB", issue="MOB-3"))

        assert after.facets[0].issue is None

    @pytest.mark.parametrize(
        ("said", "state"),
        [
            ((assigned("MOB"),), "assigned"),
            ((claimed("MOB"),), "claimed"),
            ((claimed("MOB"), asked("MOB")), "in-review"),
            ((claimed("MOB"), finished("MOB")), "done"),
            ((assigned("MOB"), rejected("MOB")), "rejected"),
            ((eng.Linked(team="MOB", issue="MOB-3"),), "none"),
        ],
    )
    def test_have_one_state_each(self, said: tuple[Body, ...], state: str) -> None:
        assert issue(*said).facets[0].state == state


def test_the_state_can_be_encoded_and_decoded() -> None:
    at_work = desk(claimed("MOB"), asked("MOB"), OWNED)
    at_work.record(unreadable())
    at_work.hears(finished("MOB"))
    again = msgspec.json.decode(msgspec.json.encode(at_work.issue), type=OpsIssue)

    assert again == at_work.issue
    assert fold(at_work.log) == again
