"""The read model of issues as a fold, and its filters as they are told of a state."""

from __future__ import annotations

import pytest

from services.ops_issues.projections.filters import Filter, Queue, holds, parse_queue
from services.ops_issues.projections.issue_rows import (
    TEXT_CHARS_MAX,
    Stored,
    columns,
    decode_issue,
    fold_rows,
    number_of,
    searchable,
    touched,
)
from shared.events import eng, ops
from shared.events.vocabulary import SourceCase
from tests.unit.ops_issues.desk import AWAITED, CLOSED, OWNED, assigned, claimed, desk, issue
from tests.unit.ops_issues.shelf import CODEC, Shelf

COMMENT = ops.Commented(comment="It hangs.", visibility="internal", mentions=())


class TestFolding:
    def test_each_touched_issue_is_written_once(self) -> None:
        shelf = Shelf()
        first, second = shelf.opens(assigned("MOB")), shelf.opens()
        first.hears(claimed("MOB"))
        changes = fold_rows({}, shelf.rows, CODEC)

        assert changes.issues == {
            1: Stored(first.issue, version=4, position=5, opened=1),
            2: Stored(second.issue, version=1, position=3, opened=3),
        }

    def test_two_batches_give_what_one_gives(self) -> None:
        shelf = Shelf()
        shelf.opens(assigned("MOB"), claimed("MOB"), CLOSED)
        whole = fold_rows({}, shelf.rows, CODEC)
        for cut in range(len(shelf.rows) + 1):
            first = fold_rows({}, shelf.rows[:cut], CODEC)
            second = fold_rows(first.issues, shelf.rows[cut:], CODEC)

            assert {**first.issues, **second.issues} == whole.issues

    def test_only_reworded_issues_are_searched_anew(self) -> None:
        shelf = Shelf()
        at_work = shelf.opens()
        held = fold_rows({}, shelf.rows, CODEC)
        at_work.lives(OWNED, ops.Amended(severity="1 - Critical"))
        owned = fold_rows(held.issues, shelf.rows[1:], CODEC)
        at_work.lives(ops.Amended(summary="Worse"))
        reworded = fold_rows(owned.issues, shelf.rows[-1:], CODEC)

        assert held.reworded == reworded.reworded == {1}
        assert owned.reworded == set()

    def test_comments_of_both_services_are_searched(self) -> None:
        shelf = Shelf()
        theirs = eng.Commented(team="MOB", comment="Found it.", visibility="internal")
        shelf.opens(COMMENT, theirs)
        changes = fold_rows({}, shelf.rows, CODEC)

        assert [(c.position, c.number, c.text) for c in changes.comments] == [
            (2, 1, "It hangs."),
            (3, 1, "Found it."),
        ]

    def test_the_state_comes_back_from_its_column(self) -> None:
        at_work = desk(claimed("MOB"), AWAITED)
        row = columns(17, Stored(at_work.issue, 4, 4, 1))

        assert decode_issue(row[9]) == at_work.issue

    def test_what_postgres_does_not_take_is_left_out(self) -> None:
        assert searchable("a\0b" + "c" * TEXT_CHARS_MAX) == "a b" + "c" * (TEXT_CHARS_MAX - 3)

    @pytest.mark.parametrize(
        ("stream", "number"), [("OPS-17", 17), ("MOB", None), ("OPS", None), ("OPS-x", None)]
    )
    def test_only_issues_have_rows(self, stream: str, number: int | None) -> None:
        assert number_of(stream) == number

    def test_touched(self) -> None:
        shelf = Shelf()
        shelf.opens()
        shelf.opens()

        assert touched(shelf.rows) == {1, 2}


class TestQueues:
    @pytest.mark.parametrize(
        ("name", "queue"),
        [
            ("new", Queue("new")),
            ("mine", Queue("mine")),
            ("team:MOB", Queue("team", "MOB")),
            ("team:Product", Queue("team", "Product")),
            ("team:mob", None),
            ("nothing", None),
        ],
    )
    def test_have_the_names_of_the_contract(self, name: str, queue: Queue | None) -> None:
        assert parse_queue(name) == queue

    def test_new_is_what_nobody_works_on(self) -> None:
        assert holds(Filter(queue=Queue("new")), issue())
        assert not holds(Filter(queue=Queue("new")), issue(OWNED))

    def test_unacknowledged_is_what_tier_2_did_not_touch(self) -> None:
        assert holds(Filter(queue=Queue("unacknowledged")), issue(claimed("MOB")))
        assert not holds(Filter(queue=Queue("unacknowledged")), issue(OWNED))
        assert not holds(Filter(queue=Queue("unacknowledged")), issue(CLOSED))

    def test_a_teams_queue_is_what_is_open_and_has_it_in_teams(self) -> None:
        wanted = Filter(queue=Queue("team", "MOB"))

        assert holds(wanted, issue(assigned("MOB")))
        assert not holds(wanted, issue(assigned("WEB")))
        assert not holds(wanted, issue(assigned("MOB"), CLOSED))

    def test_mine_is_what_is_open_and_assigned_to_me(self) -> None:
        assert holds(Filter(queue=Queue("mine"), me="ann"), issue(OWNED))
        assert not holds(Filter(queue=Queue("mine"), me="bob"), issue(OWNED))


def test_every_given_filter_must_hold() -> None:
    shelf = Shelf()
    found = shelf.opens(
        assigned("MOB"), source_case=SourceCase(system="jsource", number="12")
    ).issue

    assert holds(Filter(status="New", team="MOB", source_case="jsource:12"), found)
    assert not holds(Filter(status="New", team="WEB"), found)
    assert not holds(Filter(severity="1 - Critical"), found)
