"""Whatever another system publishes is read, or refused with a reason."""

import json
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from shared.events.cloudevents import from_bus, from_http
from shared.events.headers import BadHeader, decode_value, encode_value
from shared.events.intake import IntakeEvent, Malformed, Service
from shared.events.limits import EVENT_BYTES_MAX
from tests.kit.mangling import json_values, mangled, mangled_text

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
SUBJECT = "intake.ops.servicenow.opened"
STRUCTURED = [("Content-Type", "application/cloudevents+json")]
EVENT: dict[str, object] = {
    "specversion": "1.0",
    "id": "a-1",
    "source": "/servicenow/incidents",
    "type": "caselog.ops.opened.v1",
    "subject": "servicenow:INC0012",
    "time": "2026-03-02T15:04:05Z",
    "data": {"summary": "Deposit fails", "severity": "3 - Moderate"},
}
BINARY = [
    (f"ce-{name}", str(value)) for name, value in EVENT.items() if name not in {"data", "time"}
]

bodies = (
    mangled([json.dumps(EVENT).encode()])
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from([*EVENT, "data_base64"]), json_values).map(
        lambda members: json.dumps({**EVENT, **members}).encode()
    )
)
names = st.sampled_from([*(f"ce-{name}" for name in EVENT), "Content-Type", "CE-ID", "ce-", "x"])
values = st.text(max_size=40) | st.sampled_from([*map(str, EVENT.values()), STRUCTURED[0][1]])
headers = st.lists(st.tuples(names | st.text(max_size=12), values), max_size=9)


@given(subject=st.text(max_size=30) | st.just(SUBJECT), headers=headers, content=bodies)
@example(subject=SUBJECT, headers=STRUCTURED, content=b"[" * EVENT_BYTES_MAX)
@example(subject=SUBJECT, headers=STRUCTURED, content=b'{"a":' * 50_000)
@example(subject=SUBJECT, headers=STRUCTURED, content=b'{"a":"' + b"\\" * 99_999)
@example(subject=SUBJECT, headers=STRUCTURED, content=b'{"id":' + b"9" * 5_000 + b"}")
@example(subject=SUBJECT, headers=BINARY, content=b'{"a":' + b"9" * 5_000 + b"}")
@example(subject=SUBJECT, headers=BINARY, content=b'{"a":1e999}')
def test_whatever_comes_is_read_or_refused_with_a_reason(
    subject: str, headers: list[tuple[str, str]], content: bytes
) -> None:
    ways: list[tuple[Service, IntakeEvent | Malformed]] = [
        ("ops", from_bus(subject, headers, content, now=NOW)),
        ("ops", from_http("ops", headers, content, now=NOW)),
        ("eng", from_http("eng", headers, content, now=NOW)),
    ]

    for service, read in ways:
        if isinstance(read, IntakeEvent):
            assert read.service == service
            assert read.time <= NOW
            assert isinstance(json.loads(read.data), dict)
        else:
            assert read.errors
            assert all(error.field and error.detail for error in read.errors)


@given(
    members=st.fixed_dictionaries(
        {},
        optional={
            "id": st.from_regex(r"\A[A-Za-z0-9_-]{1,128}\Z"),
            "source": st.from_regex(r"\A/servicenow(/[!-~]{0,20})?\Z"),
            "subject": st.text(max_size=20),
            "time": st.sampled_from(["2026-03-02T15:04:05Z", "2026-03-02t16:04:05.123456+01:00"]),
            "correlationid": st.text(max_size=20),
            "after": st.integers(0, 2**53).map("eng:{}".format),
        },
    ),
    data=st.dictionaries(st.text(max_size=8), json_values, max_size=4),
)
def test_both_modes_over_both_bindings_say_the_same(
    members: dict[str, str], data: dict[str, object]
) -> None:
    attributes = {**EVENT, **members}
    del attributes["data"]
    body = json.dumps(data).encode()
    structured = json.dumps({**attributes, "data": data}).encode()
    binary = [
        ("content-type", "application/json"),
        *((f"ce-{name}", encode_value(str(value))) for name, value in attributes.items()),
    ]

    read = [
        from_http("ops", STRUCTURED, structured, now=NOW),
        from_bus(SUBJECT, STRUCTURED, structured, now=NOW),
        from_http("ops", binary, body, now=NOW),
        from_bus(SUBJECT, binary, body, now=NOW),
    ]

    first = read[0]
    for other in read:
        assert type(other) is type(first)
        if isinstance(other, IntakeEvent) and isinstance(first, IntakeEvent):
            assert other.once == first.once
            assert (other.subject, other.time) == (first.subject, first.time)
            assert (other.correlation, other.after) == (first.correlation, first.after)
            assert json.loads(other.data) == json.loads(first.data)


@given(value=st.text(max_size=40))
def test_a_value_survives_a_header(value: str) -> None:
    assert decode_value(encode_value(value)) == value


@given(value=mangled_text(["a%20b", '"a \\" b"', "%ff", "\u00e9"]))
def test_a_header_has_a_value_or_it_is_said_what_it_must_be(value: str) -> None:
    try:
        decoded = decode_value(value)
    except BadHeader as error:
        assert str(error).startswith("must ")
    else:
        assert decode_value(encode_value(decoded)) == decoded
