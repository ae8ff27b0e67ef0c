"""Contract §3: bad input is refused with field and reason, kept as it came, and stops nothing."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from tests.acceptance.publishing import (
    STRUCTURED,
    Publisher,
    binary_message,
    encoded,
)
from tests.acceptance.world import ISSUE, Json, World, problem
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.integration]

MIB = 1024 * 1024
DEEP = 10_000
BATCH = "application/cloudevents-batch+json"
HTTP_STATUS = {"unreadable": 400, "too-large": 413, "invalid": 422}


@dataclass(frozen=True)
class Bad:
    """One way to be wrong: the message made of a sound event, and what the refusal names."""

    name: str
    make: Callable[[Json], bytes]
    named: str
    rule: str = "invalid"
    receipt: bool = True
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": STRUCTURED})


def without(name: str) -> Callable[[Json], bytes]:
    return lambda event: encoded({k: v for k, v in event.items() if k != name})


def with_(**attributes: object) -> Callable[[Json], bytes]:
    return lambda event: encoded({**event, **attributes})


def with_data(**members: object) -> Callable[[Json], bytes]:
    return lambda event: encoded({**event, "data": {**event["data"], **members}})


def spliced(raw: bytes) -> Callable[[Json], bytes]:
    """The event with other data than JSON could be made of."""
    return lambda event: encoded({**event, "data": "@"}).replace(b'"@"', raw)


NESTED = b'{"a":' * DEEP + b"1" + b"}" * DEEP


def unreadable(
    name: str, make: Callable[[Json], bytes], named: str = "body", media: str = STRUCTURED
) -> Bad:
    """Nothing of it is understood, so nobody can be told."""
    return Bad(name, make, named, "unreadable", receipt=False, headers={"Content-Type": media})


BAD = [
    unreadable("not JSON", lambda e: b"<event>%s</event>" % e["id"].encode()),
    unreadable("nothing", lambda _: b""),
    unreadable("cut short", lambda e: encoded(e)[:-2]),
    unreadable("a list", lambda e: b"[" + encoded(e) + b"]"),
    unreadable("null", lambda e: b"null" + b" " * int(e["id"].rpartition("N")[2])),
    Bad("invalid UTF-8", spliced(b'{"summary":"\xff\xfe"}'), "body", "unreadable"),
    unreadable("half a surrogate pair", spliced(rb'{"summary":"\ud800"}')),
    Bad("nested 10,000 deep", spliced(NESTED), "nested", "unreadable"),
    unreadable("10,000 brackets", lambda e: b"[" * DEEP + encoded(e)),
    Bad("2 MiB", with_data(description="x" * (2 * MIB - 1000)), "body", "too-large"),
    Bad("a text too long", with_data(description="ä" * 70_000), "data.description", "too-large"),
    Bad("U+0000", with_data(description="\0"), "data.description"),
    Bad("no data", without("data"), "data.summary"),
    Bad("data is a list", with_(data=[1]), "data"),
    Bad("data is text", with_(data="opened"), "data"),
    Bad("data in base64", with_(data_base64="e30="), "data_base64"),
    Bad("a field is missing", with_data(severity=None), "data.severity"),
    Bad("a field is unknown", with_data(priority=1), "data.priority"),
    Bad("a field of another type", with_data(summary=7), "data.summary"),
    Bad("a value that is none", with_data(severity="urgent"), "data.severity"),
    Bad("a blank text", with_data(summary=" \n"), "data.summary"),
    Bad("a field within", with_data(source_case={"system": "a b", "number": "1"}), "data.source_"),
    Bad("an unknown type", with_(type="caselog.ops.exploded.v1"), "type"),
    Bad("an unknown version", with_(type="caselog.ops.opened.v2"), "type"),
    Bad("a foreign type", with_(type="com.acme.opened"), "type"),
    Bad("a type of the other service", with_(type="caselog.eng.claimed.v1"), "type"),
    Bad("no type", without("type"), "type"),
    Bad("no version of CloudEvents", without("specversion"), "specversion"),
    Bad("another version of it", with_(specversion="0.3"), "specversion"),
    Bad("no source", without("source"), "source"),
    Bad("our own name as source", with_(source="/caselog/ops"), "source"),
    Bad("an attribute of another type", with_(subject={"key": 1}), "subject"),
    Bad("a time without a zone", with_(time="2024-05-01T12:00:00"), "time"),
    Bad("no time at all", with_(time="yesterday"), "time"),
    Bad("a time to come", with_(time="2999-01-01T00:00:00Z"), "time"),
    Bad("a time before all", with_(time="1969-12-31T23:59:59Z"), "time"),
    Bad("no id", without("id"), "id", receipt=False),
    Bad("an id that is no token", with_(id="a.b"), "id", receipt=False),
    Bad("an id that is a wildcard", with_(id=">"), "id", receipt=False),
    Bad("an id too long", with_(id="x" * 129), "id", receipt=False),
    Bad("not JSON inside", with_(datacontenttype="text/xml"), "datacontenttype"),
    unreadable("a batch", lambda e: b"[" + encoded(e) + b"]", "content-type", BATCH),
    unreadable("another format", encoded, "content-type", "application/cloudevents+avro"),
    unreadable("another charset", encoded, "content-type", f"{STRUCTURED}; charset=utf-16"),
    unreadable("no CloudEvent", encoded, "content-type", "application/json"),
]  # fmt: skip
each_bad = pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)


def opening(publisher: Publisher) -> Json:
    return publisher.event("ops", "opened", {**ISSUE})


async def goes_on(publisher: Publisher) -> None:
    """What comes behind it is recorded."""
    event = opening(publisher)
    await publisher.send(event)
    assert (await publisher.receipt(event["id"]))["outcome"] == "recorded"


@pytest.mark.parametrize(
    ("service", "kind", "data"),
    [
        ("ops", "commented", {"comment": "About what?"}),
        ("eng", "rejected", {"team": "MOB", "comment": "No.", "belongs_to": "CORE"}),
    ],
)
async def test_an_event_about_an_issue_names_it(
    publisher: Publisher, service: str, kind: str, data: Json
) -> None:
    receipt = await publisher.tell(service, kind, data)

    assert receipt["outcome"] == "refused"
    assert receipt["reason"].startswith("subject: must name the issue")
    await goes_on(publisher)


@each_bad
async def test_on_the_bus(world: World, publisher: Publisher, bad: Bad) -> None:
    event = opening(publisher)
    subject = f"intake.ops.{publisher.system}.opened"
    body = bad.make(event)

    await publisher.publish(subject, body, bad.headers)

    await goes_on(publisher)
    letter = await eventually(lambda: publisher.dead_letters.find("ops", body, subject))
    assert letter is not None
    assert base64.b64decode(letter["body"]) == body
    assert (letter["rule"], letter["state"]) == (bad.rule, "open")
    assert bad.named in letter["reason"]
    if bad.receipt:
        receipt = await publisher.receipt(event["id"])
        assert receipt.keys() == {"outcome", "reason", "rule"}
        assert receipt["outcome"] == "refused"
        assert (receipt["rule"], receipt["reason"]) == (bad.rule, letter["reason"])
    else:
        assert await publisher.no_receipt(event["id"])


@each_bad
async def test_over_http(world: World, publisher: Publisher, bad: Bad) -> None:
    event = opening(publisher)
    body = bad.make(event)

    answer = await world.ops.ask(
        "POST", "/events", role="system", headers=bad.headers, content=body
    )

    said = problem(answer, HTTP_STATUS[bad.rule])
    fields = [each["field"] for each in said.get("errors", [])]
    assert bad.named in said["detail"] or any(name.startswith(bad.named) for name in fields)
    letter = await publisher.dead_letters.find("ops", body, "POST /events")
    assert letter is not None
    assert letter["rule"] == bad.rule
    assert "authorization" not in {name.lower() for name, _ in letter["headers"]}
    assert (await publisher.post(opening(publisher))).status_code == 200


@pytest.mark.parametrize(
    ("subject", "changed", "named"),
    [
        ("intake.ops.{other}.opened", {}, "source"),
        ("intake.ops.{system}.closed", {}, "type"),
        ("intake.eng.{system}.opened", {}, "type"),
        ("intake.ops.{system}.opened", {"source": "/{other}/tests"}, "source"),
        ("intake.ops.{system}", {}, "nats-subject"),
        ("intake.ops.{system}.opened.now", {}, "nats-subject"),
    ],
)
async def test_a_source_or_type_that_is_not_the_subjects(
    world: World, publisher: Publisher, subject: str, changed: dict[str, str], named: str
) -> None:
    other = world.unique("sys").lower()
    names = {"system": publisher.system, "other": other}
    event = opening(publisher) | {k: v.format(**names) for k, v in changed.items()}
    on = subject.format(**names)

    await publisher.publish(on, encoded(event))

    await goes_on(publisher)
    service = on.split(".")[1]
    letter = await eventually(lambda: publisher.dead_letters.find(service, encoded(event)))
    assert letter is not None
    assert letter["rule"] == "invalid"
    assert letter["reason"].startswith(named)
    # The receipt goes to the system whose subject it was, never to one that only a body names.
    assert (await world.ops.get("/lag"))["position"] > 0
    if f".{other}." not in on:
        assert (await publisher.receipt(event["id"]))["outcome"] == "refused"
    else:
        assert await publisher.no_receipt(event["id"])


GARBAGE = [
    b"NATS/1.0\r\nno colon at all\r\n\r\n",
    b"NATS/1.0\r\nce-id: \xff\xfe\r\nce-source: \x80\r\n\r\n",
    b"NATS/1.0\r\n: empty\r\n: \r\n\r\n",
    b"NATS/1.0\r\nce-: \x00\x01\r\nce-id: %zz\r\nce-id: twice\r\n\r\n",
    b"NATS/1.0\r\n folded\r\n\tagain\r\n\r\n",
    b"NATS/1.0 100 Idle Heartbeat\r\n\r\n",
    b"NATS/1.0 \xff\xff\xff \xfe\r\n\r\n",
    b"NATS/1.0 503\r\n\r\n",
    b"NATS/1.0\r\n" + b"x: y\r\n" * 5_000 + b"\r\n",
    b"NATS/1.0\r\nNats-Msg-Id: \r\nNats-Expected-Stream: INTAKE\r\n\r\n",
    b"HTTP/1.1\r\n\r\n",
    b"\r\n\r\n",
    b"\0",
]


@pytest.mark.parametrize("head", GARBAGE, ids=range(len(GARBAGE)))
async def test_header_garbage(world: World, publisher: Publisher, head: bytes) -> None:
    """As no client library would send it."""
    body = world.unique("garbage").encode()
    subject = f"intake.ops.{publisher.system}.opened"

    await send_raw(world.endpoints.nats, subject.encode(), head, body)

    await goes_on(publisher)
    letter = await eventually(lambda: publisher.dead_letters.find("ops", body))
    assert letter is not None
    assert letter["route"] == subject


@pytest.mark.parametrize("service", ["ops", "eng"])
@pytest.mark.parametrize(
    "rest",
    [b"\xff\xfe.opened", b"a.\0", b"a.\x01\x7f", b"*.opened", b">", b"x" * 3900, "ü.ö".encode()],
)
async def test_subject_garbage(
    world: World, publisher: Publisher, service: str, rest: bytes
) -> None:
    body = world.unique("garbage").encode()
    subject = f"intake.{service}.".encode() + rest

    await send_raw(world.endpoints.nats, subject, b"NATS/1.0\r\n\r\n", body)

    letter = await eventually(lambda: publisher.dead_letters.find(service, body))
    assert letter is not None
    assert "nats-subject: " in letter["reason"]
    await goes_on(publisher)


async def send_raw(url: str, subject: bytes, head: bytes, body: bytes) -> None:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        options = {"verbose": False, "pedantic": False, "headers": True, "protocol": 1}
        writer.write(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
        size = len(head)
        writer.write(b"HPUB %s %d %d\r\n" % (subject, size, size + len(body)) + head + body)
        writer.write(b"\r\nPING\r\n")
        async with asyncio.timeout(10):
            while (line := await reader.readline()) != b"PONG\r\n":
                assert not line.startswith(b"-ERR"), line
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ce-id": None}, "id"),
        ({"ce-specversion": None}, "specversion"),
        ({"ce-time": '"2024-05-01'}, "ce-time"),
        ({"ce-subject": "%zz"}, "ce-subject"),
        ({"ce-subject": "%ff"}, "ce-subject"),
        ({"Content-Type": "text/plain"}, "datacontenttype"),
    ],
)
async def test_binary_mode(
    world: World, publisher: Publisher, change: dict[str, str | None], named: str
) -> None:
    event = opening(publisher)
    body, headers = binary_message({**event, "data": {**ISSUE, "summary": event["id"]}})
    sent = {name: value for name, value in {**headers, **change}.items() if value is not None}

    await publisher.publish(f"intake.ops.{publisher.system}.opened", body, sent)

    await goes_on(publisher)
    letter = await eventually(lambda: publisher.dead_letters.find("ops", body))
    assert letter is not None
    assert letter["reason"].startswith(named)
    assert dict(letter["headers"]).items() >= sent.items()
    answer = await world.ops.ask("POST", "/events", role="system", headers=sent, content=body)
    assert problem(answer, 422)["errors"][0]["field"] == named


async def test_every_wrong_field_is_named_at_once(publisher: Publisher) -> None:
    data = {"summary": "", "severity": "urgent", "urgent": True}

    receipt = await publisher.tell("ops", "opened", data, time="soon", subject=7)

    for name in ("time", "subject"):
        assert f"{name}: " in receipt["reason"]
    receipt = await publisher.tell("ops", "opened", data)
    for name in ("data.summary", "data.severity", "data.urgent"):
        assert f"{name}: " in receipt["reason"]


async def test_the_very_same_message_again_is_the_same_dead_letter(
    world: World, publisher: Publisher
) -> None:
    body = world.unique("again").encode()
    subject = f"intake.ops.{publisher.system}.opened"

    for _ in range(3):
        await publisher.publish(subject, body)

    async def thrice() -> bool:
        letter = await publisher.dead_letters.find("ops", body)
        return letter is not None and letter["times"] == 3

    await eventually(thrice)
