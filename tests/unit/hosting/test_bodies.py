"""Bodies are read strictly, and everything that is wrong with one is said at once."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from shared.hosting import bodies
from shared.hosting.bodies import TEXT_BYTES_MAX, BodyDecoder, is_json
from shared.hosting.problems import ProblemRaised


class Kind(StrEnum):
    LOG = "log"
    SCREENSHOT = "screenshot"


class Place(Struct, frozen=True, kw_only=True):
    """Of the published language: it would pass over what it does not know."""

    system: Annotated[str, Meta(min_length=1)]
    number: int | None = None


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=10)]
    size: Literal["small", "large"]
    count: Annotated[int, Meta(ge=1)] = 1
    kind: Kind = Kind.LOG
    due: datetime | None = None
    place: Place | None = None
    places: tuple[Place, ...] = ()
    labels: dict[str, int] = {}
    fragile: bool = False


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    pass


DECODER = BodyDecoder(Order)
GOOD: dict[str, Any] = {"name": "box", "size": "small"}


def errors(raw: bytes) -> dict[str, str]:
    with pytest.raises(ProblemRaised) as raised:
        DECODER.decode(raw)
    assert raised.value.problem.status == 422
    return {error.field: error.detail for error in raised.value.problem.errors}


def status(raw: bytes, body: type[Struct] = Order) -> int:
    with pytest.raises(ProblemRaised) as raised:
        BodyDecoder(body).decode(raw)
    return raised.value.problem.status


def encode(**members: Any) -> bytes:
    return json.dumps({**GOOD, **members}).encode()


def test_a_good_body_is_read() -> None:
    order = DECODER.decode(encode(place={"system": "a", "number": 1}, due="2024-05-01T12:00:00Z"))

    assert order.name == "box"
    assert order.place == Place(system="a", number=1)


def test_every_wrong_field_is_named_at_once() -> None:
    raw = json.dumps(
        {
            "size": "huge",
            "count": "5",
            "kind": "video",
            "due": "yesterday",
            "place": {"system": "", "number": 1.5, "town": "x"},
            "places": [{"system": "a"}, {"number": 2}, 7],
            "labels": {"a": 1, "b": "2"},
            "fragile": 1,
            "colour": "red",
        }
    ).encode()

    assert errors(raw) == {
        "name": "is required",
        "size": "must be one of: 'small', 'large'",
        "count": "must be an integer, not a string",
        "kind": "must be one of: 'log', 'screenshot'",
        "due": "Invalid RFC3339 encoded datetime",
        "place.system": "must be a string of length >= 1",
        "place.number": "must be an integer or null, not a number",
        "place.town": "is not known here",
        "places[1].system": "is required",
        "places[2]": "must be an object, not an integer",
        "labels.b": "must be an integer, not a string",
        "fragile": "must be true or false, not an integer",
        "colour": "is not known here",
    }


@pytest.mark.parametrize("raw", [b"[]", b"3", b'"text"', b"null", b"true"])
def test_what_is_no_object_is_said_to_be_none(raw: bytes) -> None:
    assert errors(raw)["body"].startswith("must be an object, not")


def test_nothing_of_what_was_sent_is_repeated() -> None:
    said = errors(encode(size="SECRET", name="SECRET" * 5, due="SECRET", place="SECRET"))

    assert "SECRET" not in str(said)


def test_a_long_name_is_not_repeated_whole() -> None:
    (field,) = errors(encode(**{"x" * 5000: 1}))

    assert len(field) == 100


def test_no_more_errors_than_a_reader_can_use() -> None:
    assert len(errors(encode(**{f"x{n}": 1 for n in range(5000)}))) == bodies.ERRORS_MAX


def test_a_member_unknown_only_in_a_struct_that_skips_them_is_found() -> None:
    assert errors(encode(place={"system": "a", "town": "x"})) == {"place.town": "is not known here"}


@pytest.mark.parametrize("value", ["5", 5.5, True, None, [5]])
def test_only_an_integer_is_an_integer(value: Any) -> None:
    assert errors(encode(count=value)).keys() == {"count"}


def test_a_whole_number_is_an_integer_however_it_is_written() -> None:
    places = b'[{"system": "a", "number": 1e1}]'
    raw = b'{"name": "box", "size": "small", "count": 5.0, "places": %b}' % places

    order = DECODER.decode(raw)

    assert order.count == 5
    assert order.places[0].number == 10


class TestUnreadable:
    @pytest.mark.parametrize(
        "raw",
        [
            b"{",
            b"{'name': 1}",
            b"not json",
            b"{} {}",
            b'{"name": NaN}',
            b'{"name": "\xff"}',
            b'{"name": "\\ud800x"}',
            b'{"name": "\\udc00"}',
            b'{"name": "a\x00b"}',
            b'\xef\xbb\xbf{"name": "box"}',
            b"[" * 100_000,
            b'{"name":' * 100_000,
            b'{"labels": ' + b'{"a":' * 100_000,
            b'{"count": ' + b"1" * 6000 + b"}",
        ],
    )
    def test_is_400(self, raw: bytes) -> None:
        assert status(raw) == 400

    @given(st.binary(max_size=60))
    def test_whatever_the_bytes_only_a_problem_is_raised(self, raw: bytes) -> None:
        with suppress(ProblemRaised):
            DECODER.decode(raw)


class TestTexts:
    def test_a_text_that_no_database_stores_is_refused(self) -> None:
        assert errors(encode(name="a\0b")) == {"name": "must not hold the character U+0000"}

    def test_an_escaped_backslash_is_no_such_text(self) -> None:
        assert DECODER.decode(encode(name="\\u0000")).name == "\\u0000"

    def test_a_text_may_be_as_long_as_is_promised(self) -> None:
        class Note(Struct, forbid_unknown_fields=True):
            text: str

        for text in ("a" * TEXT_BYTES_MAX, "é" * (TEXT_BYTES_MAX // 2), "😀" * 32768):
            raw = json.dumps({"text": text}).encode()
            assert BodyDecoder(Note).decode(raw).text == text

            longer = json.dumps({"text": text + "a"}).encode()
            with pytest.raises(ProblemRaised) as raised:
                BodyDecoder(Note).decode(longer)
            assert raised.value.problem.status == 413
            assert raised.value.problem.errors[0].field == "text"


class TestNoBody:
    def test_is_an_empty_object(self) -> None:
        assert BodyDecoder(Nothing).decode(b"") == Nothing()
        assert errors(b"").keys() == {"name", "size"}

    def test_is_required_only_where_a_member_is(self) -> None:
        assert DECODER.required
        assert not BodyDecoder(Nothing).required


def test_an_object_decoded_elsewhere_is_judged_alike() -> None:
    assert DECODER.from_object(GOOD) == DECODER.decode(encode())
    with pytest.raises(ProblemRaised):
        DECODER.from_object({"name": "a\0b", "size": "small"})


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)
orders = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys([*Order.__struct_fields__, "other"], json_values),
)


@given(orders)
def test_a_body_is_refused_exactly_when_something_is_named(value: dict[str, Any]) -> None:
    """The finder of errors and msgspec, the judge, agree on what is good."""
    try:
        order = DECODER.decode(msgspec.json.encode(value))
        named = False
    except ProblemRaised as error:
        order = None
        named = bool(error.problem.errors)

    assert named is (order is None)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (None, True),
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/merge-patch+json", True),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("text/json", False),
        ("", False),
    ],
)
def test_only_json_is_json(content_type: str | None, expected: bool) -> None:
    assert is_json(content_type) is expected
