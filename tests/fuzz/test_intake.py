import json
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from shared.events.cloudevents import from_bus, from_http
from shared.events.intake import IntakeEvent, Malformed, Service
from shared.events.limits import EVENT_BYTES_MAX

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

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
bodies = (
    st.binary(max_size=300)
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
