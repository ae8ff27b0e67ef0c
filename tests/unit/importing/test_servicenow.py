"""Given the snapshots of an incident, then exactly these events are published (contract §7)."""

import csv
import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest

from caselog.importing.servicenow import (
    Incident,
    Planned,
    UnusableLog,
    check_columns,
    incidents,
    plan,
)
from caselog.importing.servicenow_files import rows_of

SAMPLE = Path(__file__).parents[3] / "data" / "servicenow" / "incidents-sample.csv"


def snapshot(state: str, group: str = "?", **changes: str) -> dict[str, str]:
    row = {
        "number": "INC1",
        "incident_state": state,
        "sys_mod_count": "0",
        "sys_updated_at": "1/3/2016 10:00",
        "opened_at": "1/3/2016 09:00",
        "priority": "3 - Moderate",
        "assignment_group": group,
        "category": "Category 1",
        "subcategory": "Subcategory 2",
        "u_symptom": "Symptom 3",
        "caller_id": "Caller 4",
        "sys_updated_by": "Updated by 5",
        "resolved_by": "Resolved by 6",
        "closed_code": "code 6",
    }
    return row | changes


def history(*rows: dict[str, str]) -> Incident:
    numbered = [{**row, "sys_mod_count": str(n)} for n, row in enumerate(rows)]
    return plan("INC1", numbered)


def said(incident: Incident) -> list[str]:
    return [f"{event.service}:{event.type}" for event in incident.events]


def last(incident: Incident, event_type: str) -> Planned:
    return next(e for e in reversed(incident.events) if e.type == event_type)


def test_the_first_row_opens_the_issue_when_the_incident_was_opened() -> None:
    incident = history(snapshot("New", priority="1 - Critical"))
    (opened,) = incident.events
    assert opened.time.isoformat() == "2016-03-01T09:00:00+00:00"
    assert opened.data["severity"] == "1 - Critical"
    assert opened.data["summary"] == "Category 1 / Subcategory 2 / Symptom 3"
    assert opened.data["source_case"] == {"system": "servicenow", "number": "INC1"}
    assert opened.data["reporter"] == "Caller 4"


def test_a_group_known_for_the_first_time_is_assigned() -> None:
    incident = history(snapshot("New"), snapshot("New", "Group 56"))
    assert said(incident) == ["ops:opened", "ops:assign-team"]
    assert last(incident, "assign-team").data == {"team": "G56"}
    assert incident.groups == {"G56": "Group 56"}


def test_a_change_of_group_rejects_and_reassigns() -> None:
    incident = history(snapshot("New", "Group 1"), snapshot("New", "Group 2"))
    assert said(incident)[2:] == ["eng:rejected", "ops:assign-team"]
    assert last(incident, "rejected").data["belongs_to"] == "G2"


def test_a_group_whose_work_is_done_does_not_reject() -> None:
    incident = history(snapshot("Resolved", "Group 1"), snapshot("Resolved", "Group 2"))
    assert said(incident)[4:] == ["ops:assign-team"]


def test_an_unknown_group_changes_nothing_until_another_is_named() -> None:
    incident = history(snapshot("New", "Group 1"), snapshot("New", "?"), snapshot("New", "Group 2"))
    assert said(incident) == ["ops:opened", "ops:assign-team", "eng:rejected", "ops:assign-team"]
    assert incident.skipped["nothing new"] == 1


def test_becoming_active_claims_but_being_named_while_active_does_not() -> None:
    incident = history(
        snapshot("New", "Group 1"), snapshot("Active", "Group 1"), snapshot("Active", "Group 2")
    )
    assert said(incident)[2:] == ["eng:claimed", "eng:rejected", "ops:assign-team"]


@pytest.mark.parametrize(
    ("state", "awaited"),
    [
        ("Awaiting User Info", "customer"),
        ("Awaiting Vendor", "vendor"),
        ("Awaiting Problem", "other"),
        ("Awaiting Evidence", "customer"),
    ],
)
def test_awaiting_asks_if_the_group_holds_a_claim_and_then_waits(state: str, awaited: str) -> None:
    claimed = history(snapshot("Active", "Group 1"), snapshot(state, "Group 1"))
    unclaimed = history(snapshot("New", "Group 1"), snapshot(state, "Group 1"))
    assert said(claimed)[3:] == ["eng:sent-to-review", "ops:await-info"]
    assert said(unclaimed)[2:] == ["ops:await-info"]
    assert last(claimed, "await-info").data["from"] == awaited


def test_from_awaiting_to_active_is_returned_and_claimed_if_it_was_not() -> None:
    claimed = history(
        snapshot("Active", "Group 1"),
        snapshot("Awaiting Vendor", "Group 1"),
        snapshot("Active", "Group 1"),
    )
    unclaimed = history(snapshot("Awaiting Vendor", "Group 1"), snapshot("Active", "Group 1"))
    assert said(claimed)[5:] == ["ops:return-to-engineering"]
    assert said(unclaimed)[3:] == ["ops:return-to-engineering", "eng:claimed"]


def test_resolved_claims_if_needed_and_closes_the_work_once() -> None:
    incident = history(
        snapshot("New", "Group 1"),
        snapshot("Resolved", "Group 1", closed_code="code 9"),
        snapshot("Awaiting Vendor", "Group 1"),
        snapshot("Resolved", "Group 1"),
    )
    assert said(incident)[2:] == ["eng:claimed", "eng:closed", "ops:await-info"]
    assert last(incident, "closed").data["resolution"] == "Cannot Reproduce"


def test_resolved_with_no_group_known_is_taken_by_the_resolver() -> None:
    incident = history(snapshot("New"), snapshot("Resolved"))
    assert last(incident, "take-ownership").data == {"assignee": "Resolved by 6"}


def test_a_fix_that_did_not_hold_is_returned_and_holds_its_claim_again() -> None:
    incident = history(
        snapshot("Resolved", "Group 1"),
        snapshot("Active", "Group 1"),
        snapshot("Resolved", "Group 1"),
    )
    assert said(incident)[4:] == ["ops:return-to-engineering", "eng:closed"]


@pytest.mark.parametrize(
    ("code", "resolution"),
    [
        ("code 8", "Working as Intended"),
        ("code 9", "Cannot Reproduce"),
        ("code 11", "Configuration Issue"),
        ("code 5", "Won't Do"),
        ("code 6", "Done"),
        ("?", "Done"),
    ],
)
def test_closed_takes_its_resolution_from_the_code(code: str, resolution: str) -> None:
    incident = history(snapshot("New"), snapshot("Closed", closed_code=code))
    assert last(incident, "close").data["resolution"] == resolution
    assert incident.closed


def test_closed_to_another_state_reopens_and_goes_on_from_there() -> None:
    incident = history(
        snapshot("Resolved", "Group 1"),
        snapshot("Closed", "Group 1"),
        snapshot("Active", "Group 1"),
    )
    assert said(incident)[5:] == ["ops:reopen", "ops:return-to-engineering"]
    assert last(incident, "reopen").data["reason"] == "late-verification"
    assert not incident.closed


def test_what_changes_behind_a_closing_waits_for_a_reopening() -> None:
    incident = history(
        snapshot("Closed", "Group 1"),
        snapshot("Closed", "Group 2"),
        snapshot("Active", "Group 2"),
    )
    assert said(incident)[3:] == ["ops:reopen", "eng:rejected", "ops:assign-team", "eng:claimed"]
    assert incident.skipped["nothing new"] == 1


def test_priority_changes_amend() -> None:
    incident = history(snapshot("New"), snapshot("New", priority="2 - High"))
    assert last(incident, "amend").data == {"severity": "2 - High"}


def test_a_state_that_means_nothing_is_counted_and_the_rest_of_the_row_counts() -> None:
    incident = history(snapshot("New"), snapshot("-100", "Group 1"), snapshot("New", "Group 1"))
    assert said(incident) == ["ops:opened", "ops:assign-team"]
    assert incident.skipped == {"a state that means nothing": 1, "nothing new": 1}


def test_snapshots_are_taken_in_the_order_of_their_counter_then_of_their_time() -> None:
    late = snapshot("Resolved", "Group 1", sys_mod_count="4", sys_updated_at="2/3/2016 10:00")
    early = snapshot("Active", "Group 1", sys_mod_count="4", sys_updated_at="1/3/2016 10:00")
    first = snapshot("New", "Group 1", sys_mod_count="0")
    assert said(plan("INC1", [late, first, early]))[2:] == ["eng:claimed", "eng:closed"]


def test_the_same_file_gives_the_same_ids_and_no_id_twice() -> None:
    def ids() -> Iterator[str]:
        return (event.id for incident in incidents(rows_of(SAMPLE)) for event in incident.events)

    once = list(ids())
    assert once == list(ids())
    assert len(once) == len(set(once))
    assert len(once) > 1_000


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("opened_at", "yesterday", "opened_at is 'yesterday'"),
        ("sys_updated_at", "31/2/2016 10:00", "sys_updated_at is '31/2/2016 10:00'"),
        ("sys_mod_count", "many", "sys_mod_count is 'many'"),
        ("assignment_group", "Group", "assignment_group 'Group' has no number"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(column: str, value: str, complaint: str) -> None:
    with pytest.raises(UnusableLog, match=complaint.replace("(", r"\(")):
        plan("INC1", [snapshot("New", **{column: value})])


def test_a_file_of_another_shape_names_the_missing_columns() -> None:
    with pytest.raises(UnusableLog, match=r"the columns priority, .* are missing"):
        check_columns(["number", "incident_state", "sys_mod_count", "sys_updated_at", "opened_at"])


def test_rows_that_do_not_stand_together_are_refused() -> None:
    rows = [snapshot("New"), snapshot("New", number="INC2"), snapshot("Closed")]
    with pytest.raises(UnusableLog, match="incident INC1: its rows do not stand together"):
        list(incidents(rows))


def test_a_compressed_file_reads_the_same(tmp_path: Path) -> None:
    compressed = tmp_path / "log.csv.xz"
    compressed.write_bytes(lzma.compress(SAMPLE.read_bytes()))
    with SAMPLE.open(newline="") as plain:
        assert list(rows_of(compressed)) == list(csv.DictReader(plain))
