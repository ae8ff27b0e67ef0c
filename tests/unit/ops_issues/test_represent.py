"""contract.md §4: what an issue and its history look like to others."""

from __future__ import annotations

from typing import Any

import msgspec

from services.ops_issues.domain import events
from services.ops_issues.projections.represent import history, view
from shared.events import eng
from shared.events.vocabulary import Institution, SourceCase
from tests.unit.ops_issues.desk import (
    AWAITED,
    CLOSED,
    OWNED,
    asked,
    assigned,
    claimed,
    close,
    desk,
    finished,
    progressed,
    rejected,
)
from tests.unit.ops_issues.shelf import CODEC, Shelf
from tests.unit.ops_issues.test_received import unreadable

ISSUE = {
    "key", "status", "resolution", "summary", "description", "severity", "board", "product",
    "reporter", "assignee", "source_case", "teams", "labels", "institutions", "links", "opened_at",
    "status_since", "clocks", "version", "position",
}  # fmt: skip
ENTRY = {
    "position", "service", "version", "id", "type", "actor", "occurred_at", "recorded_at",
    "causation_id", "correlation_id", "data", "status_after", "outcome",
}  # fmt: skip


def as_json(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


class TestIssue:
    def test_has_every_member_of_the_contract(self) -> None:
        assert set(as_json(view(desk().issue, 1, 1))) >= ISSUE

    def test_says_what_is_known(self) -> None:
        shelf = Shelf()
        issue = shelf.opens(
            OWNED,
            events.LabelAdded(label="vip"),
            events.Linked(kind="blocks", to="ba:7"),
            source_case=SourceCase(system="jsource", number="12"),
            institutions=(Institution(id="1", name="First"),),
            prior_issue="OPS-4",
        ).issue
        shown = as_json(view(issue, 5, 9))

        assert shown["status"] == "Ops Ownership"
        assert shown["assignee"] == "ann"
        assert shown["resolution"] is None
        assert shown["source_case"] == {"system": "jsource", "number": "12"}
        assert shown["institutions"] == [{"id": "1", "name": "First"}]
        assert shown["labels"] == ["vip"]
        assert shown["links"] == [
            {"kind": "follows", "to": "OPS-4"},
            {"kind": "blocks", "to": "ba:7"},
        ]
        assert (shown["version"], shown["position"]) == (5, 9)

    def test_teams_are_those_in_teams_each_with_its_state(self) -> None:
        issue = desk(
            assigned("MOB"),
            claimed("WEB"),
            claimed("API"),
            finished("API"),
            assigned("OUT"),
            rejected("OUT"),
            assigned("ASK"),
            asked("ASK"),
        ).issue
        shown = as_json(view(issue, 1, 1))["teams"]

        assert [(t["team"], t["state"], t["issue"]) for t in shown] == [
            ("MOB", "assigned", None),
            ("WEB", "claimed", "WEB-3"),
            ("API", "done", "API-3"),
            ("ASK", "in-review", None),
        ]

    def test_engineering_issues_can_be_followed(self) -> None:
        issue = desk(claimed("MOB"), progressed("MOB", "In Progress")).issue

        assert as_json(view(issue, 1, 1))["links"] == [
            {"kind": "tracks", "to": "MOB-3", "team": "MOB", "status": "In Progress"}
        ]

    def test_a_link_of_both_is_shown_once(self) -> None:
        issue = desk(events.Linked(kind="tracks", to="MOB-3"), claimed("MOB")).issue

        assert len(view(issue, 1, 1).links) == 1

    def test_waiting_says_for_whom_and_what(self) -> None:
        assert as_json(view(desk(AWAITED).issue, 1, 1))["awaiting"] == {
            "from": "customer",
            "comment": "Which phone?",
            "case_number": None,
            "answered_at": None,
        }

    def test_a_resolution_is_shown_while_it_is_closed(self) -> None:
        at_work = desk()
        at_work.does(close(resolution="Duplicate", duplicate_of="OPS-4"))
        shown = view(at_work.issue, 1, 1)

        assert (shown.resolution, shown.duplicate_of) == ("Duplicate", "OPS-4")


class TestHistory:
    def test_has_every_member_of_the_contract(self) -> None:
        shelf = Shelf()
        shelf.opens()
        (entry,) = history(shelf.rows, CODEC)

        assert set(as_json(entry)) >= ENTRY

    def test_lists_both_services_events_in_the_order_of_the_log(self) -> None:
        shelf = Shelf()
        shelf.opens(assigned("MOB"), claimed("MOB"), finished("MOB"))
        told = list(history(shelf.rows, CODEC))

        assert [(e.service, e.type, e.status_after) for e in told] == [
            ("ops", "opened", "New"),
            ("ops", "team-assigned", "New"),
            ("eng", "claimed", "Engineering Ownership"),
            ("ops", "status-changed", "Engineering Ownership"),
            ("eng", "closed", "Needs Ops Review"),
            ("ops", "status-changed", "Needs Ops Review"),
        ]
        assert [e.version for e in told] == [1, 2, 3, 4, 5, 6]

    def test_says_what_became_of_each(self) -> None:
        shelf = Shelf()
        at_work = shelf.opens(claimed("MOB"), claimed("MOB"), rejected("WEB"), CLOSED)
        at_work.hears(asked("MOB"))
        at_work.record(unreadable())
        at_work.hears(finished("MOB"))
        told = [e for e in history(shelf.rows, CODEC) if e.service == "eng"]

        assert [(e.type, e.outcome, e.rule) for e in told] == [
            ("claimed", "applied", None),
            ("claimed", "duplicate", None),
            ("rejected", "applied", None),
            ("sent-to-review", "late", None),
            ("paused", "parked", None),
            ("closed", "parked", None),
        ]

    def test_shows_a_body_as_its_author_wrote_it(self) -> None:
        shelf = Shelf()
        shelf.opens(eng.Commented(team="MOB", comment="On it.", visibility="internal"))

        assert as_json(list(history(shelf.rows, CODEC))[-1])["data"] == {
            "team": "MOB",
            "comment": "On it.",
            "visibility": "internal",
        }
