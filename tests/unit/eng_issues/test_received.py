"""What becomes of each event of Operations that is received."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from services.eng_issues.domain.case import APPLIED, DUPLICATE, PARKED, Case, Effect, Outcome
from services.eng_issues.domain.events import BODIES
from services.eng_issues.domain.rules import Rule
from shared.events import eng, ops
from shared.events.codec import Codec
from shared.events.envelope import Unreadable
from tests.kit.given_when_then import given
from tests.unit.eng_issues.engineering import Engineering, Step
from tests.unit.eng_issues.steps import (
    OPENED,
    a_case,
    assigned,
    claim,
    close,
    closed_by_ops,
    heard_from_ops,
    opened,
    reject,
    reopened_by_ops,
    returned,
    send_to_review,
    story,
    unassigned,
)

NEW_STATUS = ops.StatusChanged(
    from_status="New", to_status="Engineering Ownership", assigned=("MOB",), claimed=("MOB",)
)
COMMENT = ops.Commented(comment="See the log.", visibility="internal", mentions=())


def no_effect(rule: Effect) -> Outcome:
    return Outcome("no-effect", rule)


@pytest.mark.parametrize(
    ("before", "event", "outcome"),
    [
        ((), opened(), APPLIED),
        ((opened(),), opened(), DUPLICATE),
        ((), assigned(), no_effect(Effect.OPS_ISSUE_NOT_OPENED)),
        ((opened(),), assigned(), APPLIED),
        ((a_case("MOB"),), assigned(), DUPLICATE),
        ((a_case("MOB"),), unassigned(), APPLIED),
        ((opened(),), unassigned(), DUPLICATE),
        ((a_case("MOB"), claim()), unassigned(), APPLIED),
        ((a_case("MOB"), claim()), unassigned(missed=1), no_effect(Effect.CLAIM_CROSSED)),
        ((a_case("MOB"), reject()), assigned(missed=1), no_effect(Effect.REJECTION_CROSSED)),
        ((a_case("MOB"), send_to_review()), returned(), APPLIED),
        ((a_case("MOB"), reject()), returned(missed=1), no_effect(Effect.TEAM_NOT_ASSIGNED)),
        ((opened(),), heard_from_ops(ops.Amended(severity="1 - Critical")), APPLIED),
        ((opened(),), heard_from_ops(ops.Amended(severity="2 - High")), DUPLICATE),
        ((opened(),), heard_from_ops(COMMENT), APPLIED),
        ((a_case("MOB"),), heard_from_ops(ops.UpdateRequested(team="MOB", phase=1)), APPLIED),
        ((opened(),), heard_from_ops(NEW_STATUS), APPLIED),
        ((opened(), heard_from_ops(NEW_STATUS)), heard_from_ops(NEW_STATUS), DUPLICATE),
        ((opened(),), closed_by_ops(), APPLIED),
        ((opened(), closed_by_ops()), closed_by_ops(), DUPLICATE),
        ((opened(), closed_by_ops()), reopened_by_ops(), APPLIED),
        ((opened(),), reopened_by_ops(), DUPLICATE),
    ],
)
def test_a_received_event_ends_in_exactly_one_outcome(
    before: tuple[Step, ...], event: Step, outcome: Outcome
) -> None:
    assert story(*before, event).outcomes[-1] == outcome


def test_an_event_that_operations_cannot_say_has_no_effect() -> None:
    after = story(a_case("MOB"), heard_from_ops(eng.Linked(team="MOB", issue="MOB-9")))

    assert after.outcomes[-1] == no_effect(Effect.NOT_SAID_BY_OPERATIONS)
    assert after.case().issue_of("MOB") is None


def unreadable() -> Step:
    """Operations says something that this version does not know."""

    def step(engineering: Engineering) -> None:
        body: Any = Unreadable(type="caselog.ops.foretold.v1", reason="unknown type")
        body_type = ops.UpdateRequested(team="MOB", phase=1)
        event = engineering.ops.record("OPS-1", body_type)
        engineering.receive(replace(event, type=body.type, data=body))

    return step


def test_an_event_that_cannot_be_read_is_parked_and_later_ones_of_the_case_wait_behind_it() -> None:
    after = story(a_case("MOB"), unreadable(), closed_by_ops(), heard_from_ops(COMMENT))

    assert after.outcomes[-3:] == [PARKED, PARKED, PARKED]
    assert not after.case().closed
    assert len(after.case().held) == 3


def test_what_waits_is_kept_whole_and_what_cannot_be_read_by_its_id() -> None:
    case = story(a_case("MOB"), unreadable(), heard_from_ops(COMMENT)).case()
    unread, waiting = case.held

    assert (unread.type, unread.event) == ("caselog.ops.foretold.v1", b"")
    assert Codec(BODIES).decode(waiting.type, waiting.event).data == COMMENT
    assert msgspec.json.decode(msgspec.json.encode(case), type=Case) == case


def test_local_commands_go_on_behind_a_parked_event() -> None:
    after = story(a_case("MOB"), unreadable(), claim())

    assert after.case().part("MOB").state == "claimed"


def test_other_cases_go_on_beside_a_parked_event() -> None:
    after = story(a_case("MOB"), unreadable(), a_case("MOB", key="OPS-2"))

    assert after.outcomes[-1] == APPLIED
    assert after.case("OPS-2").part("MOB").assigned


def test_a_case_whose_opening_cannot_be_read_waits_whole() -> None:
    after = story(unreadable(), opened(), assigned())

    assert after.case().opened_at is None
    assert after.outcomes == [PARKED, PARKED, PARKED]


def test_the_case_knows_what_was_opened() -> None:
    case = story(opened()).case()

    assert (case.summary, case.severity, case.reporter, case.status) == (
        OPENED.summary,
        "2 - High",
        "tess",
        "New",
    )
    assert case.opened_at is not None


def test_an_assignment_brings_what_the_team_needs_to_act() -> None:
    body = ops.TeamAssigned(team="MOB", summary="New", description="More", severity="4 - Low")
    case = story(opened(), heard_from_ops(body)).case()

    assert (case.summary, case.description, case.severity) == ("New", "More", "4 - Low")


def test_the_status_is_operations_latest_statement_and_never_computed_here() -> None:
    after = story(a_case("MOB"), claim())
    assert after.case().status == "New"

    assert story(a_case("MOB"), claim(), heard_from_ops(NEW_STATUS)).case().status == (
        "Engineering Ownership"
    )


def test_the_resolution_is_cleared_by_reopening() -> None:
    assert story(opened(), closed_by_ops()).case().resolution == "Done"
    assert story(opened(), closed_by_ops(), reopened_by_ops()).case().resolution is None


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ((a_case("MOB"),), "assigned"),
        ((a_case("MOB"), claim()), "claimed"),
        ((a_case("MOB"), send_to_review()), "in-review"),
        ((a_case("MOB"), claim(), send_to_review()), "in-review"),
        ((a_case("MOB"), claim(), close("MOB-1")), "done"),
        ((a_case("MOB"), reject()), "rejected"),
        ((a_case("MOB"), unassigned()), "none"),
        ((a_case("MOB"), claim(), unassigned()), "none"),
        ((a_case("MOB"), send_to_review(), unassigned()), "none"),
        ((a_case("MOB"), send_to_review(), returned()), "assigned"),
        ((a_case("MOB"), claim(), close("MOB-1"), returned()), "claimed"),
        ((a_case("MOB"), claim(), closed_by_ops(), reopened_by_ops()), "claimed"),
    ],
)
def test_the_team_s_part_in_one_word(steps: tuple[Step, ...], state: str) -> None:
    assert story(*steps).case().part("MOB").state == state


def test_a_part_knows_since_when_it_is_what_it_is() -> None:
    after = story(a_case("MOB"), assigned())
    first_time = next(e.time for e in after.log if isinstance(e.data, ops.TeamAssigned))

    assert after.case().part("MOB").since == first_time


def test_nothing_is_asked_claimed_or_rejected_on_an_ops_issue_known_to_be_closed() -> None:
    closed = story(a_case("MOB"), closed_by_ops())

    for ask in (claim(), reject(), send_to_review()):
        given(closed).when(ask).refused(Rule.OPS_ISSUE_IS_CLOSED)
