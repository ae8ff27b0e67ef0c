from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.moments import parse_moment

offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


@given(
    st.datetimes(
        min_value=datetime(1, 1, 2),  # noqa: DTZ001 - the offset is drawn beside it
        max_value=datetime(9999, 12, 30),  # noqa: DTZ001
        timezones=offsets,
    )
)
def test_what_python_writes_is_read_as_the_same_moment_in_utc(moment: datetime) -> None:
    read = parse_moment(moment.isoformat())

    assert read == moment
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02t15:04:05z", datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)),
        ("2026-03-02 15:04:05Z", datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)),
        ("2026-03-02T15:04:05-00:00", datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)),
        ("2026-03-02T15:04:05.0000006Z", datetime(2026, 3, 2, 15, 4, 5, 1, tzinfo=UTC)),
        ("2026-12-31T23:30:00-01:00", datetime(2027, 1, 1, 0, 30, tzinfo=UTC)),
    ],
)
def test_the_forms_that_rfc_3339_allows(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-02",
        "2026-03-02T15:04Z",
        "2026-03-02T15:04:05",
        "2026-03-02T15:04:05+0100",
        "2026-03-02T15:04:05+25:00",
        "2026-02-29T15:04:05Z",
        "2026-03-02T24:00:00Z",
        "2016-12-31T23:59:60Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-01:00",
        "+2026-03-02T15:04:05Z",
        "\N{FULLWIDTH DIGIT TWO}026-03-02T15:04:05Z",
        " 2026-03-02T15:04:05Z",
        "2026-03-02T15:04:05Z\n",
    ],
)
def test_what_is_no_moment(text: str) -> None:
    assert parse_moment(text) is None


@given(st.text(max_size=40))
def test_reading_never_fails(text: str) -> None:
    assert parse_moment(text) is None or text[:4].isdigit()
