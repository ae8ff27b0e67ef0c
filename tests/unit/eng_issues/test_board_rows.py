"""What the read model of boards must hold, as a fold."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.states import State
from services.eng_issues.projections.board_rows import (
    Kept,
    fold_rows,
    is_case,
    is_issue,
    queued,
    short,
)
from shared.events import ops
from shared.events.vocabulary import Severity
from tests.unit.eng_issues.engineering import Engineering, Step
from tests.unit.eng_issues.rows import CODEC, rows_of
from tests.unit.eng_issues.steps import (
    a_case,
    claim,
    close,
    closed_by_ops,
    comment,
    define,
    heard_from_ops,
    link,
    opened,
    reject,
    reopened_by_ops,
    send_to_review,
    story,
    unassigned,
)
from tests.unit.eng_issues.test_walk import WALK, after


def kept(engineering: Engineering, batch: int = 1000) -> dict[str, Kept]:
    """The read model after the whole log, taken in by batches."""
    held: dict[str, Kept] = {}
    rows = rows_of(engineering)
    for start in range(0, len(rows), batch):
        held |= fold_rows(held, rows[start : start + batch], CODEC)
    return held


def queue_of(engineering: Engineering, team: str = "MOB") -> list[str]:
    """The team's queue, in order."""
    found = [row for each in kept(engineering).values() for row in queued(each)]
    ordered = sorted(row for row in found if row.team == team)
    return [row.ops_issue for row in sorted(ordered, key=lambda row: row[2:])]


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ((opened(), define("MOB")), False),
        ((a_case("MOB"),), True),
        ((a_case("MOB"), send_to_review()), True),
        ((a_case("MOB"), reject()), False),
        ((a_case("MOB"), unassigned()), False),
        ((a_case("MOB"), claim()), True),
        ((a_case("MOB"), claim(), send_to_review()), True),
        ((a_case("MOB"), claim(), close("MOB-1")), False),
        ((a_case("MOB"), closed_by_ops()), False),
        ((a_case("MOB"), claim(), closed_by_ops()), False),
        ((a_case("MOB"), claim(), closed_by_ops(), reopened_by_ops()), True),
    ],
)
def test_the_queue_shows_open_ops_issues_that_wait_for_the_team_or_are_its_own(
    steps: tuple[Step, ...], shown: bool
) -> None:
    assert queue_of(story(*steps)) == (["OPS-1"] if shown else [])


def test_what_waits_comes_before_what_is_owned_each_by_severity_and_then_age() -> None:
    def severity(key: str, severity: Severity) -> Step:
        return heard_from_ops(ops.Amended(severity=severity), key)

    engineering = story(
        *(a_case("MOB", key=f"OPS-{n}") for n in range(1, 7)),
        severity("OPS-2", "1 - Critical"),
        severity("OPS-5", "4 - Low"),
        severity("OPS-6", "1 - Critical"),
        *(claim(key=key) for key in ("OPS-4", "OPS-6", "OPS-3")),
    )

    assert queue_of(engineering) == ["OPS-2", "OPS-1", "OPS-5", "OPS-6", "OPS-3", "OPS-4"]


def test_each_team_has_a_queue_of_its_own() -> None:
    engineering = story(a_case("MOB", "WEB"), claim("WEB"), reject("MOB"))

    assert (queue_of(engineering, "MOB"), queue_of(engineering, "WEB")) == ([], ["OPS-1"])


def test_a_stream_says_by_its_name_what_it_is() -> None:
    kinds = [(is_case(stream), is_issue(stream)) for stream in ("OPS-1", "MOB-1", "MOB")]

    assert kinds == [(True, False), (False, True), (False, False)]


def test_a_case_is_kept_without_its_long_texts() -> None:
    engineering = story(a_case("MOB"), claim(), comment("MOB-1"))

    case = kept(engineering)["OPS-1"].state

    assert isinstance(case, Case)
    assert (case.description, case.comments) == ("", ())
    assert case == short(engineering.case())


def test_a_stream_knows_its_version_and_where_it_began_and_ended() -> None:
    engineering = story(a_case("MOB"), claim(), link("MOB-1"))

    each = kept(engineering, batch=2)["OPS-1"]

    assert (each.version, each.begun, each.position) == (3, 2, 6)


@settings(deadline=None)
@given(walk=WALK)
def test_the_read_model_equals_the_fold_of_the_log_however_it_is_batched(walk: list[Step]) -> None:
    engineering = after(walk)

    whole = kept(engineering)

    assert whole == kept(engineering, batch=3)
    assert {key: each.state for key, each in whole.items()} == {
        key: short(state) for key, state in engineering.streams.items()
    }


@settings(deadline=None)
@given(walk=WALK)
def test_a_state_is_read_back_as_it_was_written(walk: list[Step]) -> None:
    for state in after(walk).streams.values():
        assert read_back(state) == state


def read_back(state: State) -> State:
    return msgspec.json.decode(msgspec.json.encode(state), type=type(state))
