"""What comes in headers and queries: versions, moments, positions, cursors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.eventlog.memory import MemoryStore
from shared.hosting.as_of import position_as_of
from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id
from shared.hosting.occurred import parse_occurred_at
from shared.hosting.paging import Cursors
from shared.hosting.positions import POSITION_MAX, parse_position
from shared.hosting.preconditions import etag, parse_if_match
from shared.hosting.principal import Principal, Role
from shared.hosting.problems import ProblemRaised
from tests.kit.clock import MONDAY_MORNING


def status_and_field(action: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(ProblemRaised) as raised:
        action()
    problem = raised.value.problem
    return problem.status, problem.errors[0].field if problem.errors else ""


class TestIfMatch:
    @pytest.mark.parametrize("value", [None, "*", '"3"', ' "3" ', '"2", "3"', '"x","3"', etag(3)])
    def test_that_names_the_version_lets_it_pass(self, value: str | None) -> None:
        parse_if_match(value).check(3)

    @pytest.mark.parametrize("value", ['"2"', 'W/"3"', '"03"', '"x"', '""', '"3a"', '"9", "4"'])
    def test_that_names_another_fails(self, value: str) -> None:
        if_match = parse_if_match(value)

        assert status_and_field(lambda: if_match.check(3)) == (412, "")

    @pytest.mark.parametrize("value", ["3", "", '"3', '3"', '"3" "4"', ",", "'3'", '"3";'])
    def test_that_is_malformed_is_a_wrong_field(self, value: str) -> None:
        assert status_and_field(lambda: parse_if_match(value)) == (422, "If-Match")


def principal(*roles: Role) -> Principal:
    return Principal("ada", frozenset(roles), frozenset(), 0)


class TestOccurredAt:
    def test_is_now_unless_it_is_said(self) -> None:
        assert parse_occurred_at(None, principal(Role.TIER2), MONDAY_MORNING) == MONDAY_MORNING

    @pytest.mark.parametrize(
        ("value", "moment"),
        [
            ("2024-05-01T12:00:00Z", datetime(2024, 5, 1, 12, tzinfo=UTC)),
            ("2024-05-01t14:00:00+02:00", datetime(2024, 5, 1, 12, tzinfo=UTC)),
            ("2024-05-01 12:00:00.25z", datetime(2024, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)),
        ],
    )
    def test_is_what_a_system_says(self, value: str, moment: datetime) -> None:
        assert parse_occurred_at(value, principal(Role.SYSTEM), MONDAY_MORNING) == moment

    def test_is_not_for_persons(self) -> None:
        everything_else = principal(*(set(Role) - {Role.SYSTEM}))

        assert status_and_field(
            lambda: parse_occurred_at("2024-05-01T12:00:00Z", everything_else, MONDAY_MORNING)
        ) == (403, "")

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "yesterday",
            "2024-05-01",
            "2024-05-01T12:00:00",
            "2024-05-01T12:00Z",
            "2024-13-01T12:00:00Z",
            "2024-05-01T12:00:60Z",
            "1714564800",
            "0001-01-01T00:00:00+10:00",
            "\u0662024-05-01T12:00:00Z",
        ],
    )
    def test_that_is_no_moment_is_a_wrong_field(self, value: str) -> None:
        assert status_and_field(
            lambda: parse_occurred_at(value, principal(Role.SYSTEM), MONDAY_MORNING)
        ) == (422, "Occurred-At")

    def test_is_never_in_the_future(self) -> None:
        soon = (MONDAY_MORNING + timedelta(milliseconds=1)).isoformat()
        system = principal(Role.SYSTEM)

        now = MONDAY_MORNING.isoformat()
        assert parse_occurred_at(now, system, MONDAY_MORNING) == MONDAY_MORNING
        assert status_and_field(lambda: parse_occurred_at(soon, system, MONDAY_MORNING)) == (
            422,
            "Occurred-At",
        )


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("0", 0),
        ("17", 17),
        (str(POSITION_MAX), POSITION_MAX),
        (str(POSITION_MAX + 1), None),
        ("-1", None),
        ("1.0", None),
        ("", None),
        ("1" * 100, None),
        ("\u0661", None),  # a digit, and no number of ours
        (" 1", None),
    ],
)
def test_a_position_is_a_whole_number(text: str, position: int | None) -> None:
    assert parse_position(text) == position


class TestAsOf:
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore(source="/caselog/test", clock=utc_now, new_id=new_id)

    async def test_a_number_is_a_position(self, store: MemoryStore) -> None:
        assert await position_as_of(None, store) is None
        assert await position_as_of("0", store) == 0
        assert await position_as_of("12", store) == 12

    @pytest.mark.parametrize(
        "text", ["2024-05-01T12:00:00Z", "2024-05-01T12:00:00+02:00", "2024-05-01T12:00:00 02:00"]
    )
    async def test_a_moment_may_have_lost_its_plus(self, text: str, store: MemoryStore) -> None:
        assert await position_as_of(text, store) == 0

    @pytest.mark.parametrize("text", ["", "now", "-1", "1.5", "2024-05-01", "2024-05-01T12:00:00"])
    async def test_anything_else_is_a_wrong_field(self, text: str, store: MemoryStore) -> None:
        with pytest.raises(ProblemRaised) as raised:
            await position_as_of(text, store)

        assert raised.value.problem.errors[0].field == "as_of"


class TestCursors:
    cursors: Cursors[tuple[str, int]] = Cursors("things", tuple[str, int])

    @given(st.text(max_size=20), st.integers(0, 2**62))
    def test_what_is_written_is_read(self, text: str, number: int) -> None:
        cursor = self.cursors.write((text, number), {"colour": "red"})

        assert self.cursors.read(cursor, {"colour": "red", "size": None}) == (text, number)

    def test_the_first_page_has_none(self) -> None:
        assert self.cursors.read(None, {}) is None

    def test_a_cursor_is_for_one_list_and_its_filters(self) -> None:
        cursor = self.cursors.write(("a", 1), {"colour": "red"})
        others: Cursors[tuple[str, int]] = Cursors("other things", tuple[str, int])

        for read in (
            lambda: self.cursors.read(cursor, {"colour": "blue"}),
            lambda: self.cursors.read(cursor, {}),
            lambda: others.read(cursor, {"colour": "red"}),
        ):
            assert status_and_field(read) == (422, "cursor")

    @given(st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: raw.hex()))
    def test_what_nobody_wrote_is_a_wrong_field(self, cursor: str) -> None:
        assert status_and_field(lambda: self.cursors.read(cursor, {})) == (422, "cursor")

    def test_a_long_one_is_not_even_looked_at(self) -> None:
        assert status_and_field(lambda: self.cursors.read("a" * 5000, {})) == (422, "cursor")

    def test_pages_follow_each_other_without_gap_or_repeat(self) -> None:
        numbers: Cursors[int] = Cursors("numbers", int)
        everything = list(range(1, 8))
        seen: list[int] = []
        cursor: str | None = None
        while True:
            after = numbers.read(cursor, {}) or 0
            rows = [n for n in everything if n > after][: 3 + 1]
            page = numbers.page(rows, rows, 3, {})
            seen += page.items
            cursor = page.next_cursor
            if cursor is None:
                break

        assert seen == everything
