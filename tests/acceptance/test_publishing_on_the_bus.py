"""Contract §3: what other systems publish on the intake, and the receipt that each event gets."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from nats.aio.client import Client

from tests.acceptance.publishing import Publisher, binary_message, encoded
from tests.acceptance.world import ISSUE, World
from tests.kit.waiting import eventually

pytestmark = [pytest.mark.integration]

MODES = pytest.mark.parametrize("binary", [False, True], ids=["structured", "binary"])
LONG_AGO = "2024-05-01T12:00:00+02:00"


def opened(publisher: Publisher, **data: Any) -> dict[str, Any]:
    """What opens an issue for a source case of the system's own."""
    case = {"system": publisher.system, "number": publisher.world.unique("INC")}
    return {**ISSUE, "source_case": case, **data}


@MODES
async def test_an_issue_is_opened(world: World, publisher: Publisher, binary: bool) -> None:
    body = opened(publisher, description="“Später” — 後で", reporter="Rita")
    event = publisher.event("ops", "opened", body, time=LONG_AGO, correlationid="Lou’s shift")
    await publisher.send(event, binary=binary)

    receipt = await publisher.receipt(event["id"])
    assert receipt.keys() == {"outcome", "key", "position"}
    assert receipt["outcome"] == "recorded"
    issue = await world.ops.get(f"/issues/{receipt['key']}")
    assert issue["source_case"] == body["source_case"]
    assert (issue["description"], issue["reporter"]) == (body["description"], "Rita")
    assert issue["position"] == receipt["position"]
    (entry,) = await world.ops.history(receipt["key"])
    assert entry["occurred_at"] == "2024-05-01T10:00:00Z"
    assert entry["actor"] == f"system:{publisher.system}"
    assert entry["causation_id"] == f"{event['source']}#{event['id']}"
    assert entry["correlation_id"] == "Lou’s shift"


async def test_a_message_without_headers_is_structured(publisher: Publisher) -> None:
    event = publisher.event("ops", "opened", opened(publisher))

    await publisher.publish(f"intake.ops.{publisher.system}.opened", encoded(event), {})

    assert (await publisher.receipt(event["id"]))["outcome"] == "recorded"


async def test_without_a_time_it_happened_now(world: World, publisher: Publisher) -> None:
    receipt = await publisher.tell("ops", "opened", opened(publisher))

    (entry,) = await world.ops.history(receipt["key"])
    occurred, recorded = (
        datetime.fromisoformat(entry[name]) for name in ("occurred_at", "recorded_at")
    )
    assert timedelta() <= recorded - occurred < timedelta(seconds=10)


async def test_however_often_it_comes_it_is_recorded_once(
    world: World, publisher: Publisher
) -> None:
    event = publisher.event("ops", "opened", opened(publisher))
    other_way = {**event, "data": {**event["data"], "summary": "Said otherwise"}}
    await publisher.send(event)
    first = await publisher.receipt(event["id"])

    await publisher.send(event)
    again = await publisher.receipt(event["id"], count=2)
    await publisher.send(other_way, binary=True)
    third = await publisher.receipt(event["id"], count=3)
    over_http = await publisher.post(event)

    assert first["outcome"] == "recorded"
    for receipt in (again, third, over_http.json()):
        assert receipt == {**first, "outcome": "duplicate"}
    assert len(await world.ops.history(first["key"])) == 1


async def test_the_same_id_of_another_source_is_another_event(publisher: Publisher) -> None:
    event = publisher.event("ops", "opened", opened(publisher))
    other = {**event, "source": f"/{publisher.system}/other", "data": opened(publisher)}
    await publisher.send(event)
    await publisher.receipt(event["id"])

    await publisher.send(other)

    assert (await publisher.receipt(event["id"], count=2))["outcome"] == "recorded"


async def test_many_copies_at_once_are_one_event(world: World, publisher: Publisher) -> None:
    event = publisher.event("ops", "opened", opened(publisher))

    await asyncio.gather(
        *(publisher.send(event) for _ in range(5)), *(publisher.post(event) for _ in range(5))
    )

    last = await publisher.receipt(event["id"], count=10)
    assert last["outcome"] == "duplicate"
    assert len(await world.ops.history(last["key"])) == 1


async def test_a_second_issue_for_a_source_case_is_refused_and_names_the_first(
    world: World, publisher: Publisher
) -> None:
    body = opened(publisher)
    first = await publisher.tell("ops", "opened", body)

    second = await publisher.tell("ops", "opened", body)
    over_http = await world.ops.ask("POST", "/issues", body)

    assert second["outcome"] == "refused"
    assert second["key"] == first["key"]
    assert second["rule"] == "source-case-has-an-issue"
    assert first["key"] in second["reason"]
    assert over_http.status_code == 409
    assert over_http.json()["rule"] == "source-case-has-an-issue"
    assert first["key"] in over_http.json()["detail"]


@pytest.mark.parametrize("by_source_case", [False, True], ids=["by key", "by source case"])
@pytest.mark.parametrize(
    ("kind", "data", "recorded"),
    [
        ("commented", {"comment": "They called again."}, "commented"),
        ("commented", {"body": "Again.", "visibility": "public"}, "commented"),
        ("customer-responded", {}, "customer-responded"),
        ("customer-updated", {"comment": "We are on it."}, "customer-updated"),
        ("evidence-attached", {"kind": "transcript", "content": "…"}, "evidence-attached"),
        ("amended", {"severity": "1 - Critical"}, "amended"),
    ],
)
async def test_facts_about_an_issue_are_recorded(
    world: World,
    publisher: Publisher,
    kind: str,
    data: dict[str, Any],
    recorded: str,
    by_source_case: bool,
) -> None:
    body = opened(publisher)
    key = (await publisher.tell("ops", "opened", body))["key"]
    number = f"{publisher.system}:{body['source_case']['number']}"

    receipt = await publisher.tell("ops", kind, data, subject=number if by_source_case else key)

    assert (receipt["outcome"], receipt["key"]) == ("recorded", key)
    last = (await world.ops.history(key))[-1]
    assert (last["type"], last["position"]) == (recorded, receipt["position"])
    assert last["actor"] == f"system:{publisher.system}"


async def test_what_changes_nothing_is_recorded_without_an_event(
    world: World, publisher: Publisher
) -> None:
    case = await world.case()
    event = publisher.event("ops", "amended", {"severity": ISSUE["severity"]}, subject=case.key)
    await publisher.send(event)

    receipt = await publisher.receipt(event["id"])

    assert (receipt["outcome"], receipt["key"]) == ("recorded", case.key)
    assert len(await case.history()) == 1
    await case.tell("amend", severity="1 - Critical")
    await publisher.send(event)
    assert (await publisher.receipt(event["id"], count=2))["outcome"] == "duplicate"
    assert (await case.read())["severity"] == "1 - Critical"


async def test_events_of_one_issue_keep_their_order(world: World, publisher: Publisher) -> None:
    case = await world.case()
    events = [
        publisher.event("ops", "commented", {"comment": str(number)}, subject=case.key)
        for number in range(30)
    ]

    for event in events:
        await publisher.send(event)
    await publisher.receipt(events[-1]["id"])

    said = [each["data"]["comment"] for each in await case.history() if each["type"] == "commented"]
    assert said == [str(number) for number in range(30)]


async def test_an_event_waits_for_an_issue_that_is_not_there_yet(
    world: World, bus: Client, publisher: Publisher
) -> None:
    body = opened(publisher)
    number = f"{publisher.system}:{body['source_case']['number']}"
    early = publisher.event("ops", "commented", {"comment": "Before."}, subject=number)
    over_http = publisher.event("ops", "commented", {"comment": "As well."}, subject=number)
    await publisher.send(early)
    posted = asyncio.create_task(publisher.post(over_http))
    await eventually(lambda: taken(bus, publisher))
    assert await publisher.no_receipt(early["id"])

    key = (await publisher.tell("ops", "opened", body))["key"]

    assert (await publisher.receipt(early["id"]))["key"] == key
    assert (await posted).json()["key"] == key
    assert len(await world.ops.history(key)) == 3


async def taken(bus: Client, publisher: Publisher) -> bool:
    """Whether the services have been given all of the intake."""
    consumers = await bus.jetstream().consumers_info("INTAKE")
    return all(each.num_pending == 0 for each in consumers)


async def test_an_issue_that_never_comes_is_refused_in_the_end_and_delays_nobody(
    world: World, publisher: Publisher
) -> None:
    team = await world.team()
    lost = [
        publisher.event("ops", "commented", {"comment": "?"}, subject="OPS-999999999"),
        publisher.event("ops", "commented", {"comment": "?"}, subject=f"{publisher.system}:none"),
        publisher.event("eng", "claimed", {"team": team}, subject="OPS-999999999"),
    ]
    unheard = publisher.event(
        "ops", "acknowledge", {}, subject=(await world.case()).key, after="eng:999999999"
    )
    for event in (*lost, unheard):
        await publisher.send(event)
    posted = asyncio.create_task(publisher.post({**lost[0], "id": world.unique("e")}))

    assert (await publisher.tell("ops", "opened", opened(publisher)))["outcome"] == "recorded"
    assert all([await publisher.no_receipt(event["id"]) for event in lost])
    for event in lost:
        receipt = await publisher.receipt(event["id"])
        assert receipt["outcome"] == "refused"
        assert receipt["rule"] == "not-seen"
        assert event["subject"] in receipt["reason"]
        # It is a refusal, and no dead letter: nothing is wrong with the message.
        service = "eng" if ".eng." in event["type"] else "ops"
        assert await publisher.dead_letters.find(service, encoded(event)) is None
    receipt = await publisher.receipt(unheard["id"])
    assert receipt["outcome"] == "refused"
    assert "eng:999999999" in receipt["reason"]
    assert (await posted).status_code == 409
    assert (await posted).json()["rule"] == "not-seen"


async def test_what_was_refused_may_come_again(world: World, publisher: Publisher) -> None:
    """Only what was recorded is a duplicate."""
    case = await world.case()
    event = publisher.event(
        "ops", "reopen", {"reason": "late-verification", "comment": "Again."}, subject=case.key
    )
    await publisher.send(event)
    assert (await publisher.receipt(event["id"]))["rule"] == "not-closed"
    await case.tell("close", resolution="Done", comment="Verified.")

    await publisher.send(event)

    assert (await publisher.receipt(event["id"], count=2))["outcome"] == "recorded"


async def test_an_event_waits_for_what_its_publisher_had_seen(
    world: World, publisher: Publisher
) -> None:
    """A claim's receipt as ``after``: Operations decides when it holds the claim."""
    team = await world.team()
    case = await world.case(team)
    claimed = await publisher.tell("eng", "claimed", {"team": team}, subject=case.key)

    receipt = await publisher.tell(
        "ops",
        "unassign-team",
        {"team": team},
        subject=case.key,
        after=f"eng:{claimed['position']}",
    )

    assert receipt["rule"] == "unassigning-a-claim-needs-a-comment"


async def test_binary_headers_are_percent_decoded(world: World, publisher: Publisher) -> None:
    event = publisher.event("ops", "opened", opened(publisher), correlationid="50 % “später”")
    body, headers = binary_message(event)
    assert "%25" in headers["ce-correlationid"]

    await publisher.publish(f"intake.ops.{publisher.system}.opened", body, headers)

    key = (await publisher.receipt(event["id"]))["key"]
    assert (await world.ops.history(key))[0]["correlation_id"] == "50 % “später”"


async def test_receipts_are_kept_on_their_stream(bus: Client, publisher: Publisher) -> None:
    event = publisher.event("ops", "opened", opened(publisher))
    await publisher.send(event)
    receipt = await publisher.receipt(event["id"])

    subject = f"receipts.{publisher.system}.{event['id']}"
    kept = await bus.jetstream().get_last_msg("RECEIPTS", subject)

    assert kept.data is not None
    assert json.loads(kept.data) == receipt
