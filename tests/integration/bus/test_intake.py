"""The intake: one outcome and one receipt for each event; bad input never stops what follows."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.bus.intake import HTTP_ROUTE, INTERNAL_ERROR
from shared.eventlog.model import LogUnavailable
from shared.events.intake import Fault, IntakeEvent, Receipt
from tests.integration.bus.conftest import Begin, subscribed
from tests.kit.servers import NatsServer
from tests.kit.sides import Side
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration

SUBJECT = "intake.ops.servicenow.commented"
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


def event(event_id: str, subject: str = "OPS-1", **changes: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/servicenow/incidents",
        "type": "caselog.ops.commented.v1",
        "subject": subject,
        "time": "2026-03-02T15:00:00Z",
        "data": {"comment": "hello"},
    } | changes


class Publisher:
    """Another system, which hears its receipts."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.receipts: defaultdict[str, list[Receipt]] = defaultdict(list)

    async def listen(self) -> None:
        await self.client.subscribe("receipts.>", cb=self._heard)
        await subscribed(self.client)

    async def send(
        self, body: object, subject: str = SUBJECT, headers: Mapping[str, str] | None = None
    ) -> None:
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        given = dict(STRUCTURED if headers is None else headers)
        await self.client.jetstream().publish(subject, data, headers=given)

    async def receipt(self, event_id: str) -> Receipt:
        got: list[Receipt] = await eventually(lambda: self.receipts[event_id])
        return got[-1]

    async def _heard(self, message: Msg) -> None:
        receipt = msgspec.json.decode(message.data, type=Receipt)
        self.receipts[message.subject.split(".")[-1]].append(receipt)


@pytest.fixture
async def side(ops: Side) -> Side:
    await eventually(lambda: ops.exchange.status().leading)
    await ops.writable()
    return ops


@pytest.fixture
async def system(side: Side, outsider: Client) -> Publisher:
    publisher = Publisher(outsider)
    await publisher.listen()
    return publisher


async def test_an_event_is_recorded_and_gets_one_receipt(side: Side, system: Publisher) -> None:
    await system.send(event("a-1"))

    receipt = await system.receipt("a-1")
    assert (receipt.outcome, receipt.key, receipt.position) == ("recorded", "OPS-1", 1)
    await system.send(event("a-2"))
    await system.receipt("a-2")
    assert len(system.receipts["a-1"]) == 1


async def test_binary_mode_is_the_same(side: Side, system: Publisher) -> None:
    whole = event("b-1")
    headers = {f"ce-{name}": value for name, value in whole.items() if name != "data"}
    headers["Content-Type"] = "application/json"

    await system.send(whole["data"], headers=headers)

    assert (await system.receipt("b-1")).outcome == "recorded"


async def test_an_event_that_comes_again_is_a_duplicate(side: Side, system: Publisher) -> None:
    for _ in range(3):
        await system.send(event("a-1"))

    await eventually(lambda: len(system.receipts["a-1"]) == 3)
    outcomes = [receipt.outcome for receipt in system.receipts["a-1"]]
    assert outcomes == ["recorded", "duplicate", "duplicate"]
    assert side.log.head.position == 1


BAD: dict[str, tuple[object, str, dict[str, str]]] = {
    "not JSON": (b"hello", SUBJECT, STRUCTURED),
    "empty": (b"", SUBJECT, STRUCTURED),
    "not an object": (b"[]", SUBJECT, STRUCTURED),
    "wrong types": (event("x", time=17, source=None), SUBJECT, STRUCTURED),
    "missing attributes": ({"data": {}}, SUBJECT, STRUCTURED),
    "2 MiB": (event("x", data={"comment": "x" * 2 * 1024 * 1024}), SUBJECT, STRUCTURED),
    "invalid UTF-8": (
        msgspec.json.encode(event("x")).replace(b"hello", b"\xff\xfe"),
        SUBJECT,
        STRUCTURED,
    ),
    "deep nesting": (
        b'{"specversion":"1.0","data":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        SUBJECT,
        STRUCTURED,
    ),
    "header garbage": (
        b"{}",
        SUBJECT,
        {"ce-id": "%zz", "ce-": "", "ce-specversion": "\x00\x7f", "Content-Type": ";;;"},
    ),
    "a batch": (b"[]", SUBJECT, {"Content-Type": "application/cloudevents-batch+json"}),
    "wrong source for the subject": (event("x", source="/salesforce/x"), SUBJECT, STRUCTURED),
    "wrong type for the subject": (event("x", type="caselog.ops.opened.v1"), SUBJECT, STRUCTURED),
    "another service's type": (event("x", type="caselog.eng.commented.v1"), SUBJECT, STRUCTURED),
    "an id that is no token": (event("a.b c"), SUBJECT, STRUCTURED),
    "in the future": (event("x", time="2999-01-01T00:00:00Z"), SUBJECT, STRUCTURED),
    "too many parts": (event("x"), f"{SUBJECT}.more", STRUCTURED),
    "too few parts": (event("x"), "intake.ops.servicenow", STRUCTURED),
    "our own name": (event("x", source="/caselog/ops"), "intake.ops.caselog.commented", STRUCTURED),
}


@pytest.mark.parametrize("kind", BAD)
async def test_bad_input_is_kept_and_never_stops_what_follows(
    side: Side, system: Publisher, kind: str
) -> None:
    body, subject, headers = BAD[kind]
    await system.send(body, subject, headers)
    await system.send(event("after"))

    assert (await system.receipt("after")).outcome == "recorded"
    (letter,) = await eventually(side.dead_letters.page)
    exact = body if isinstance(body, bytes) else msgspec.json.encode(body)
    assert (letter.body, letter.route) == (exact, subject)
    assert letter.rule in set(Fault)
    assert letter.reason


async def test_a_malformed_event_with_a_sound_id_gets_its_receipt(
    side: Side, system: Publisher
) -> None:
    await system.send(event("x", time="yesterday"))

    receipt = await system.receipt("x")

    assert (receipt.outcome, receipt.rule) == ("refused", Fault.INVALID)
    assert "time" in (receipt.reason or "")


async def test_events_about_one_thing_are_handled_in_the_order_they_came(
    side: Side, system: Publisher
) -> None:
    sent: defaultdict[str, list[str]] = defaultdict(list)
    for number in range(200):
        subject = f"OPS-{number % 7}"
        sent[subject].append(f"e-{number}")
        await system.send(event(f"e-{number}", subject))

    await eventually(lambda: side.log.head.position == 200)
    assert side.handler.handled == sent


async def test_what_waits_holds_up_nobody_else(side: Side, system: Publisher) -> None:
    seen = asyncio.Event()

    async def wait(what: IntakeEvent) -> Receipt | None:
        if what.subject == "OPS-404":
            await seen.wait()
        return None

    side.handler.before = wait
    for number in range(50):
        await system.send(event(f"w-{number}", "OPS-404"))
    await system.send(event("other", "OPS-2"))

    assert (await system.receipt("other")).outcome == "recorded"
    assert side.exchange.status().intake.in_flight == 50
    seen.set()
    assert (await system.receipt("w-49")).outcome == "recorded"
    assert side.handler.handled["OPS-404"] == [f"w-{number}" for number in range(50)]


async def test_what_is_handled_long_is_not_delivered_again(
    side: Side, system: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its acknowledgement is due after a second; copies that come all the same are known."""
    done = asyncio.Event()
    calls: list[str] = []

    async def linger(what: IntakeEvent) -> Receipt | None:
        calls.append(what.id)
        if what.id == "slow":
            await done.wait()
        return None

    side.handler.before = linger
    await system.send(event("slow"))
    jetstream = system.client.jetstream()

    async def redelivered() -> bool:
        info = await jetstream.consumer_info("INTAKE", "ops-intake")
        return bool(info.num_redelivered)

    await eventually(redelivered)
    done.set()

    assert (await system.receipt("slow")).outcome == "recorded"
    await system.send(event("next"))
    await system.receipt("next")
    assert calls == ["slow", "next"]
    assert len(system.receipts["slow"]) == 1


async def test_after_a_crash_before_the_acknowledgement_it_is_a_duplicate(
    begin: Begin, outsider: Client, nats_server: NatsServer
) -> None:
    first = await begin("ops")
    system = Publisher(outsider)
    await system.listen()
    await eventually(lambda: first.exchange.status().leading)
    await first.writable()
    recorded = asyncio.Event()

    async def crash(what: IntakeEvent) -> Receipt | None:
        first.handler.before = None
        await first.handler.handle(what)
        recorded.set()
        await asyncio.get_running_loop().create_future()
        return None

    first.handler.before = crash
    await system.send(event("a-1"))
    await recorded.wait()
    await first.exchange.stop()
    assert not system.receipts["a-1"]

    await begin("ops", store=first.store)

    assert (await system.receipt("a-1")).outcome == "duplicate"
    assert len(await first.store.read(0, 10)) == 1


async def test_a_log_that_is_away_is_waited_for(side: Side, system: Publisher) -> None:
    attempts = 0

    async def away(_: IntakeEvent) -> Receipt | None:
        nonlocal attempts
        attempts += 1
        if attempts < 4:
            raise LogUnavailable("restarting")
        return None

    side.handler.before = away
    await system.send(event("a-1"))

    assert (await system.receipt("a-1")).outcome == "recorded"
    assert not await side.dead_letters.page()


async def test_an_event_that_breaks_the_handler_is_kept_and_told(
    side: Side, system: Publisher
) -> None:
    async def fail(what: IntakeEvent) -> Receipt | None:
        if what.id == "bad":
            raise RuntimeError("a bug")
        return None

    side.handler.before = fail
    await system.send(event("bad"))
    await system.send(event("good"))

    assert (await system.receipt("good")).outcome == "recorded"
    receipt = await system.receipt("bad")
    assert (receipt.outcome, receipt.rule) == ("refused", INTERNAL_ERROR)
    (letter,) = await side.dead_letters.page()
    side.handler.before = None
    retried = await side.exchange.intake.retry(letter)
    assert retried.outcome == "recorded"
    (letter,) = await side.dead_letters.page()
    assert letter.state == "retried"


async def test_a_refusal_by_a_rule_is_no_dead_letter(side: Side, system: Publisher) -> None:
    async def refuse(_: IntakeEvent) -> Receipt | None:
        return Receipt(outcome="refused", reason="it is closed", rule="issue-is-closed")

    side.handler.before = refuse
    await system.send(event("a-1"))

    assert (await system.receipt("a-1")).rule == "issue-is-closed"
    assert not await side.dead_letters.page()


async def test_over_http_it_is_the_same(side: Side, system: Publisher) -> None:
    headers = [("content-type", "application/cloudevents+json"), ("authorization", "Bearer x")]
    intake = side.exchange.intake

    good = await intake.receive_http(headers, msgspec.json.encode(event("h-1")))
    bad = await intake.receive_http(headers, b"{")

    assert good.outcome == "recorded"
    assert (await system.receipt("h-1")).outcome == "recorded"
    assert (bad.outcome, bad.rule) == ("refused", Fault.UNREADABLE)
    (letter,) = await side.dead_letters.page()
    assert (letter.route, letter.body) == (HTTP_ROUTE, b"{")
    assert letter.headers == (("content-type", "application/cloudevents+json"),)


async def test_a_wiped_jetstream_gets_its_streams_back_and_takes_in_again(
    side: Side, system: Publisher, nats_server: NatsServer
) -> None:
    await system.send(event("a-1"))
    await system.receipt("a-1")

    await nats_server.wipe()

    async def published() -> bool:
        try:
            await system.send(event("a-2"))
        except Exception:  # noqa: BLE001 - the stream is not there yet
            return False
        return True

    await eventually(published, 20)
    assert (await system.receipt("a-2")).outcome == "recorded"
