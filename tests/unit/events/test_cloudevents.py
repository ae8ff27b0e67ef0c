import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.events.cloudevents import CLOCK_SKEW_MAX, from_bus, from_http
from shared.events.findings import ERRORS_MAX
from shared.events.intake import After, Fault, IntakeEvent, Malformed, Receipt
from shared.events.limits import EVENT_BYTES_MAX, NESTING_MAX, TEXT_BYTES_MAX
from tests.kit.intake_examples import IntakeExample, Message, intake_examples

NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
SUBJECT = "intake.ops.servicenow.opened"
STRUCTURED = [("Content-Type", "application/cloudevents+json")]
EVENT: dict[str, Any] = {
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
EXAMPLES = list(intake_examples())


def body(**changes: Any) -> bytes:
    """The event with these members changed; with None, left out."""
    members = {**EVENT, **changes}
    return json.dumps({k: v for k, v in members.items() if v is not None}).encode()


def bus(content: bytes, subject: str = SUBJECT) -> IntakeEvent | Malformed:
    return from_bus(subject, STRUCTURED, content, now=NOW)


def refused(read: IntakeEvent | Malformed, *errors: str, fault: Fault = Fault.INVALID) -> Malformed:
    """It is refused, and names these attributes or fields, each with these words."""
    assert isinstance(read, Malformed), read
    found = [f"{error.field}: {error.detail}" for error in read.errors]
    assert len(found) == len(errors), found
    assert [None for f, e in zip(found, errors, strict=True) if not f.startswith(e)] == [], found
    assert read.fault is fault
    assert read.receipt() == Receipt(outcome="refused", reason="; ".join(found), rule=fault.value)
    return read


# --- what is read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("item", EXAMPLES, ids=lambda item: item.name)
@pytest.mark.parametrize("mode", [IntakeExample.structured, IntakeExample.binary])
def test_both_modes_on_both_ways_give_the_same_event(item: IntakeExample, mode: Any) -> None:
    message: Message = mode(item)

    assert from_bus(item.subject, *message, now=NOW) == item.event()
    assert from_http(item.service, *message, now=NOW) == item.event()


def test_on_the_bus_a_message_without_headers_is_structured() -> None:
    assert from_bus(SUBJECT, [], body(), now=NOW) == bus(body())


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+json",
        "Application/CloudEvents+JSON; charset=UTF-8",
        'application/cloudevents+json;charset="utf-8"',
        "application/cloudevents+json; profile=x",
    ],
)
def test_the_content_type_may_have_a_charset_and_any_case(content_type: str) -> None:
    assert from_http("ops", [("content-type", content_type)], body(), now=NOW) == bus(body())


def test_on_the_bus_the_data_content_type_is_its_own_header() -> None:
    headers = [*BINARY, ("ce-datacontenttype", "application/json"), ("CE-Time", EVENT["time"])]

    assert from_bus(SUBJECT, headers, json.dumps(EVENT["data"]).encode(), now=NOW) == bus(body())


def test_extensions_are_ignored_but_for_two() -> None:
    ours = {"correlationid": "a-story", "after": "eng:1204"}
    read = bus(body(**ours, traceparent="00-ab", whatever={"any": ["thing"]}))

    assert isinstance(read, IntakeEvent)
    assert (read.correlation, read.after) == ("a-story", After("eng", 1204))


@pytest.mark.parametrize("absent", [{"data": None}, {"data": 0}])
def test_an_event_without_data_says_an_empty_object(absent: dict[str, Any]) -> None:
    content = body(**absent).replace(b'"data": 0', b'"data": null')

    assert isinstance(read := bus(content), IntakeEvent)
    assert read.data == b"{}"


def test_data_is_kept_as_the_publisher_wrote_it() -> None:
    content = body(data=0).replace(b'"data": 0', b'"data":  {"b": 1.50, "a": "\\u00e4"} ')

    assert isinstance(read := bus(content), IntakeEvent)
    assert read.data == b'{"b": 1.50, "a": "\\u00e4"}'


def test_a_time_is_taken_to_utc_and_a_missing_one_is_now() -> None:
    assert isinstance(there := bus(body(time="2026-03-02T10:04:05-05:00")), IntakeEvent)
    assert isinstance(unsaid := bus(body(time=None)), IntakeEvent)

    assert there.time == datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)
    assert there.time.tzinfo is UTC
    assert unsaid.time == NOW


def test_a_clock_a_little_ahead_counts_as_now_and_a_later_time_is_refused() -> None:
    ahead = NOW + CLOCK_SKEW_MAX

    assert isinstance(read := bus(body(time=ahead.isoformat())), IntakeEvent)
    assert read.time == NOW
    later = ahead + timedelta(milliseconds=1)
    refused(bus(body(time=later.isoformat())), "time: must not lie in the future")


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_a_missing_attribute_is_named(name: str) -> None:
    refused(bus(body(**{name: None})), f"{name}: is missing")
    left = [(header, value) for header, value in BINARY if header != f"ce-{name}"]
    refused(from_http("ops", left, b"{}", now=NOW), f"{name}: is missing")


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time"])
@pytest.mark.parametrize("value", [1, 1.0, True, [], {}, ["1.0"]])
def test_an_attribute_that_is_no_string_is_named(name: str, value: Any) -> None:
    refused(bus(body(**{name: value})), f"{name}: must be a string")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"specversion": "0.3"}, "specversion: is '0.3': only 1.0"),
        ({"specversion": ""}, "specversion: is ''"),
        ({"id": ""}, "id: must be 1 to 128"),
        ({"id": "a.b"}, "id: must be 1 to 128"),
        ({"id": "a b"}, "id: must be 1 to 128"),
        ({"id": "é"}, "id: must be 1 to 128"),
        ({"id": "x" * 129}, "id: must be 1 to 128"),
        ({"source": ""}, "source: must be /<system>/"),
        ({"source": "servicenow"}, "source: must be /<system>/"),
        ({"source": "//servicenow/x"}, "source: must be /<system>/"),
        ({"source": "https://servicenow/x"}, "source: must be /<system>/"),
        ({"source": "/service now/x"}, "source: must be /<system>/"),
        ({"source": "/servicenow/\n"}, "source: must be /<system>/"),
        ({"source": "/servicenow/" + "x" * 512}, "source: must be /<system>/"),
        ({"source": "/caselog/ops"}, "source: the system caselog is this one"),
        ({"type": "opened"}, "type: must be caselog."),
        ({"type": "caselog.hr.opened.v1"}, "type: must be caselog."),
        ({"type": "caselog.ops.Opened.v1"}, "type: must be caselog."),
        ({"type": "caselog.ops.opened"}, "type: must be caselog."),
        ({"type": "caselog.ops.opened.v2"}, "type: is of version v2"),
        ({"subject": ""}, "subject: must be 1 to 512 characters"),
        ({"subject": " "}, "subject: must be 1 to 512 characters"),
        ({"subject": "OPS-1\n"}, "subject: must be 1 to 512 characters"),
        ({"subject": "x" * 513}, "subject: must be 1 to 512 characters"),
        ({"correlationid": "\x00"}, "correlationid: must be 1 to 512 characters"),
        ({"after": "1204"}, "after: must be <ops or eng>:<position>"),
        ({"after": "hr:1"}, "after: must be <ops or eng>:<position>"),
        ({"after": "eng:-1"}, "after: must be <ops or eng>:<position>"),
        ({"time": "2026-03-02T15:04:05"}, "time: must be RFC 3339"),
        ({"time": "2026-03-02"}, "time: must be RFC 3339"),
        ({"time": "yesterday"}, "time: must be RFC 3339"),
        ({"time": "1767225600"}, "time: must be RFC 3339"),
        ({"time": "2026-02-30T15:04:05Z"}, "time: must be RFC 3339"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "time: must be RFC 3339"),
        ({"time": "1969-12-31T23:59:59Z"}, "time: must not lie before 1970"),
        ({"datacontenttype": "text/xml"}, "datacontenttype: must be application/json"),
        ({"datacontenttype": "application/json; charset=latin-1"}, "datacontenttype: must"),
        ({"data_base64": "e30="}, "data_base64: is not read"),
        ({"data": []}, "data: must be a JSON object"),
        ({"data": "{}"}, "data: must be a JSON object"),
        ({"data": {"a": ["x", "\x00"]}}, "data.a[1]: must not contain the character U+0000"),
        ({"data": {"\x00": 1}}, "data.\x00: must not contain the character U+0000"),
    ],
    ids=str,
)
def test_an_attribute_or_field_that_is_wrong_is_named(changes: dict[str, Any], error: str) -> None:
    refused(bus(body(**changes)), error)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "body: must be JSON"),
        (b"<xml/>", "body: must be JSON"),
        (b"\xef\xbb\xbf{}", "body: must be JSON"),
        (b'{"id": NaN}', "body: must be JSON"),
        (body() + b"x", "body: must be JSON"),
        (b"[" + body() + b"]", "body: must be one JSON object"),
        (b"null", "body: must be one JSON object"),
        (b'"event"', "body: must be one JSON object"),
        (b'{"id": "\\ud800"}', "body: must be JSON"),
    ],
)
def test_a_body_that_is_no_json_object_is_unreadable(content: bytes, error: str) -> None:
    read = refused(bus(content), error, fault=Fault.UNREADABLE)

    assert (read.system, read.id) == ("servicenow", None)


def test_a_body_that_is_no_utf8_is_unreadable_but_gets_a_receipt() -> None:
    content = body(data={"summary": "XX"}).replace(b"XX", b"\xc0\xa0")

    read = refused(bus(content), "body: must be UTF-8", fault=Fault.UNREADABLE)

    assert (read.system, read.id) == ("servicenow", "a-1")


@pytest.mark.parametrize(
    "deep",
    [
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"a":' * (NESTING_MAX + 1) + b"1" + b"}" * (NESTING_MAX + 1),
    ],
)
def test_a_body_that_is_nested_too_deep_is_unreadable_but_gets_a_receipt(deep: bytes) -> None:
    content = body(data=0).replace(b'"data": 0', b'"data":' + deep)

    structured = bus(content)
    binary = from_bus(SUBJECT, BINARY, deep, now=NOW)

    for read in (structured, binary):
        assert isinstance(read, Malformed)
        assert "must not be nested more than 32 deep" in read.reason
        assert (read.fault, read.system, read.id) == (Fault.UNREADABLE, "servicenow", "a-1")


def test_nesting_up_to_the_limit_is_read() -> None:
    deep = b'{"a":' * NESTING_MAX + b"1" + b"}" * NESTING_MAX

    assert isinstance(bus(body(data=0).replace(b'"data": 0', b'"data":' + deep)), IntakeEvent)


def test_a_text_over_its_limit_is_too_large() -> None:
    assert isinstance(bus(body(data={"summary": "x" * TEXT_BYTES_MAX})), IntakeEvent)
    longer = bus(body(data={"summary": "x" * (TEXT_BYTES_MAX + 1)}))

    refused(longer, "data.summary: must be at most 128 KiB", fault=Fault.TOO_LARGE)


def test_an_event_over_its_limit_is_too_large_but_gets_a_receipt() -> None:
    padding = " " * (EVENT_BYTES_MAX - len(body()))
    assert isinstance(bus(body() + padding.encode()), IntakeEvent)
    two_mebibytes = body(data={"content": ["x" * 1024] * 2048})

    read = refused(bus(two_mebibytes), "body: must be at most 256 KiB", fault=Fault.TOO_LARGE)

    assert (read.system, read.id) == ("servicenow", "a-1")


def test_everything_wrong_is_named_at_once_up_to_a_limit() -> None:
    refused(
        bus(body(specversion="2.0", time="now", type=None, data=[])),
        "specversion: ",
        "data: ",
        "type: ",
        "time: ",
    )
    assert isinstance(many := bus(body(data={"texts": ["\x00"] * 1000})), Malformed)
    assert len(many.errors) == ERRORS_MAX


@pytest.mark.parametrize(
    ("content_type", "error"),
    [
        ("application/cloudevents-batch+json", "content-type: batches are not read"),
        ("application/cloudevents-batch+json; charset=utf-8", "content-type: batches"),
        ("application/cloudevents+avro", "content-type: of these formats only"),
        ("application/cloudevents", "content-type: of these formats only"),
        ("application/cloudevents+json; charset=utf-16", "content-type: must have no charset"),
        ("application/json", "content-type: must be application/cloudevents+json"),
        ("", "content-type: must be application/cloudevents+json"),
        ("garbage;;=;charset", "content-type: must be application/cloudevents+json"),
    ],
)
def test_a_form_that_is_not_read_is_refused(content_type: str, error: str) -> None:
    headers = [("Content-Type", content_type)]

    refused(from_http("ops", headers, body(), now=NOW), error, fault=Fault.UNREADABLE)
    refused(from_bus(SUBJECT, headers, body(), now=NOW), error, fault=Fault.UNREADABLE)


def test_http_without_any_header_of_cloudevents_is_refused() -> None:
    read = from_http("ops", [], body(), now=NOW)

    refused(read, "content-type: must be application/cloudevents", fault=Fault.UNREADABLE)


def test_a_header_that_is_given_twice_is_refused() -> None:
    twice = from_http("ops", [*BINARY, ("CE-Id", "b-2")], b"{}", now=NOW)
    types = from_http("ops", [*STRUCTURED, *STRUCTURED], body(), now=NOW)

    refused(twice, "ce-id: must be given once")
    refused(types, "content-type: must be given once", fault=Fault.UNREADABLE)


@pytest.mark.parametrize("value", ["%C0%A0", "%zz", "%", "caf\xe9", '"open', "a\x00b"])
def test_a_header_that_cannot_be_decoded_is_refused(value: str) -> None:
    headers = [(name, value if name == "ce-subject" else text) for name, text in BINARY]

    read = from_http("ops", headers, b"{}", now=NOW)

    assert isinstance(read, Malformed)
    assert [error.field for error in read.errors] == ["ce-subject"]


def test_binary_data_that_is_no_json_is_unreadable_but_gets_a_receipt() -> None:
    for data in (b"<xml/>", b"\xff", b'{"a":'):
        read = from_bus(SUBJECT, BINARY, data, now=NOW)

        assert isinstance(read, Malformed)
        assert (read.fault, read.errors[0].field, read.id) == (Fault.UNREADABLE, "data", "a-1")
    types = from_http("ops", [*BINARY, ("content-type", "text/plain")], b"{}", now=NOW)
    refused(types, "datacontenttype: must be application/json")


# --- the route ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "error"),
    [
        ("intake.eng.servicenow.opened", "type: is not for the subject's service, eng"),
        ("intake.ops.servicenow.close", "type: is not the subject's type, close"),
        ("intake.ops.jira.opened", "source: is not of the subject's system, jira"),
        ("intake.ops.servicenow.opened.now", "nats-subject: must be intake."),
        ("intake.hr.servicenow.opened", "nats-subject: must be intake."),
    ],
)
def test_on_the_bus_source_and_type_agree_with_the_subject(subject: str, error: str) -> None:
    read = refused(bus(body(), subject), error)

    assert (read.system, read.id) == (subject.split(".")[2], "a-1")


def test_a_receipt_never_goes_to_a_system_that_only_the_body_names() -> None:
    assert isinstance(read := bus(body(source="/victim/x")), Malformed)
    assert isinstance(nowhere := bus(body(), "intake"), Malformed)

    assert read.system == "servicenow"
    assert nowhere.system is None


def test_over_http_the_port_decides_the_service() -> None:
    read = refused(
        from_http("eng", STRUCTURED, body(), now=NOW), "type: is not for this service, eng"
    )

    assert (read.system, read.id) == ("servicenow", "a-1")
