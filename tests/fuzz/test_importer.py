"""Whatever is in a file, the importer plans events from it or says which line is wrong."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from caselog.importing.servicenow import (
    _COLUMNS,
    AWAITED_FROM,
    Incident,
    UnusableLog,
    incidents,
    plan,
    team_key,
)
from caselog.importing.servicenow_files import rows_of
from shared.events import subjects
from tests.kit.mangling import mangled, mangled_text

Row = dict[str, str]

STATES = ["New", "Active", "Resolved", "Closed", "-100", "Unheard of", *AWAITED_FROM]
MOMENTS = ["1/3/2016 10:00", "29/2/2016 01:16", "30/2/2016 01:16", "0/0/0000 99:99"]
GROUPS = ["?", "Group 1", "Group 22", "Group", "Group " + "9" * 5_000, "Group \u0664"]
GOOD: Row = dict.fromkeys(_COLUMNS, "a") | {
    "number": "INC1",
    "incident_state": "New",
    "sys_mod_count": "0",
    "sys_updated_at": MOMENTS[0],
    "opened_at": MOMENTS[0],
    "assignment_group": "Group 1",
}
cells = {
    "number": st.sampled_from(["INC1", "INC2"]),
    "incident_state": st.sampled_from(STATES),
    "sys_mod_count": mangled_text(["0", "1", "-1", "9" * 5_000]),
    "sys_updated_at": mangled_text(MOMENTS),
    "opened_at": mangled_text(MOMENTS),
    "assignment_group": mangled_text(GROUPS),
}
any_row: st.SearchStrategy[Row] = st.fixed_dictionaries({}, optional=cells).map(
    lambda odd: {**GOOD, **odd}
)
sound_row: st.SearchStrategy[Row] = st.fixed_dictionaries(
    {
        **{name: st.just(GOOD[name]) for name in _COLUMNS},
        "incident_state": st.sampled_from(STATES),
        "assignment_group": st.sampled_from(["?", "Group 1", "Group 2", "Group 3"]),
        "priority": st.sampled_from(["1 - Critical", "3 - Moderate"]),
        "sys_mod_count": st.integers(0, 9).map(str),
    }
)


def check(incident: Incident) -> None:
    assert incident.rows >= 1
    ids = [event.id for event in incident.events]
    assert len(set(ids)) == len(ids)
    for event in incident.events:
        assert subjects.is_token(event.id)
        assert event.time.utcoffset() == timedelta(0)


@given(rows=st.lists(any_row, max_size=5))
@example(rows=[{**GOOD, "assignment_group": GROUPS[4]}])
def test_rows_become_plans_or_the_log_is_unusable(rows: list[Row]) -> None:
    try:
        for incident in incidents(rows):
            check(incident)
    except UnusableLog as error:
        assert str(error)


@given(rows=st.lists(sound_row, min_size=1, max_size=8))
def test_any_order_of_sound_rows_is_one_story(rows: list[Row]) -> None:
    incident = plan("INC1", rows)

    check(incident)
    assert incident.rows == len(rows)
    assert incident.events[0].type == "opened"
    assert [event.type for event in incident.events].count("opened") == 1


@given(group=mangled_text(GROUPS))
def test_a_group_becomes_a_team_key_or_is_refused(group: str) -> None:
    try:
        key = team_key(group)
    except UnusableLog:
        return
    assert key.isascii()
    assert key[0] == "G"
    assert 2 <= len(key) <= 16


HEADER = ",".join(_COLUMNS)
FILE = f"{HEADER}\n{','.join(GOOD[name] for name in _COLUMNS)}\n".encode()


@given(raw=mangled([FILE]) | mangled([FILE]).map(lambda raw: FILE + raw), suffix=st.integers(0, 2))
@example(raw=FILE.replace(b"INC1", b"x" * 200_000), suffix=0)
@example(raw=FILE.replace(b"INC1", b"\x00"), suffix=0)
def test_a_file_has_rows_or_is_unusable(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, suffix: int
) -> None:
    path = _file(tmp_path_factory, raw, suffix)

    try:
        rows = list(rows_of(path))
    except UnusableLog as error:
        assert str(error)
    else:
        assert all(set(_COLUMNS) <= set(row) for row in rows)


@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(_COLUMNS, st.text(max_size=5)))))
def test_rows_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row]
) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    writer.writerows(rows)

    assert list(rows_of(_file(tmp_path_factory, text.getvalue().encode(), 0))) == rows


def _file(factory: pytest.TempPathFactory, raw: bytes, suffix: int) -> Path:
    """The bytes as they are, or behind the beginning of a compressed file."""
    names = ("rows.csv", "rows.csv.gz", "rows.csv.xz")
    path = factory.getbasetemp() / names[suffix]
    path.write_bytes((raw, gzip.compress(raw), lzma.compress(raw)[: len(raw)])[suffix])
    return path
