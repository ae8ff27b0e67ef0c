"""Streams and consumers are as declared, made again when gone, put right when changed."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import nats.js.errors
import pytest
from nats.aio.client import Client

from shared.bus.jetstream import NatsTransport
from shared.events import subjects
from tests.kit.sides import Side
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration

WEEK_NS = 7 * 24 * 3600 * 10**9


async def info(client: Client, call: str) -> dict[str, Any]:
    answer = await client.request(f"$JS.API.{call}", b"", timeout=20)
    found: dict[str, Any] = msgspec.json.decode(answer.data)
    assert "error" not in found, found
    config: dict[str, Any] = found["config"]
    return config


def provisioner_of(side: Side) -> Any:
    assert isinstance(side.transport, NatsTransport)
    return side.transport.provisioner


def is_leading(side: Side) -> bool:
    return side.exchange.status().leading


@pytest.fixture(autouse=True)
async def both(ops: Side, eng: Side) -> None:
    for side in (ops, eng):
        await eventually(partial(is_leading, side))
        await provisioner_of(side).ensure()


@pytest.mark.parametrize("stream", subjects.STREAM_SUBJECTS)
async def test_every_stream_is_a_file_kept_for_a_week(outsider: Client, stream: str) -> None:
    config = await info(outsider, f"STREAM.INFO.{stream}")

    assert config["subjects"] == [subjects.STREAM_SUBJECTS[stream]]
    assert (config["storage"], config["retention"]) == ("file", "limits")
    assert config["max_age"] == WEEK_NS
    is_log = stream in subjects.EVENT_STREAMS.values()
    assert config.get("deny_delete", False) is is_log
    assert config.get("deny_purge", False) is is_log
    assert config["allow_atomic"] is True


async def test_a_receiver_is_redelivered_for_ever_and_acknowledges_by_batch(
    outsider: Client,
) -> None:
    config = await info(outsider, "CONSUMER.INFO.OPS_EVENTS.eng-receiver")

    assert (config["ack_policy"], config["max_deliver"]) == ("all", -1)
    assert config["deliver_policy"] == "all"
    assert config["durable_name"] == "eng-receiver"


async def test_nobody_deletes_a_message_of_a_log(outsider: Client, ops: Side) -> None:
    await ops.say(1)
    await eventually(lambda: ops.exchange.status().lag_out == 0)

    with pytest.raises(nats.js.errors.Error):
        await outsider.jetstream().purge_stream(subjects.OPS_EVENTS)
    with pytest.raises(nats.js.errors.Error):
        await outsider.jetstream().delete_msg(subjects.OPS_EVENTS, 1)


async def test_what_somebody_changed_is_put_right_and_the_rest_is_left(
    outsider: Client, ops: Side
) -> None:
    jetstream = outsider.jetstream()
    await jetstream.update_stream(
        name=subjects.INTAKE,
        subjects=["intake.>", "elsewhere.>"],
        max_age=60.0,
        max_msgs=123,
        description="ours",
    )
    await jetstream.delete_consumer(subjects.INTAKE, "ops-intake")
    await jetstream.add_consumer(
        subjects.INTAKE,
        durable_name="ops-intake",
        name="ops-intake",
        filter_subject="intake.ops.>",
        max_ack_pending=5,
        description="mine",
    )

    await provisioner_of(ops).ensure()

    stream = await info(outsider, f"STREAM.INFO.{subjects.INTAKE}")
    assert (stream["subjects"], stream["max_age"]) == (["intake.>"], WEEK_NS)
    assert (stream["max_msgs"], stream["description"]) == (123, "ours")
    consumer = await info(outsider, "CONSUMER.INFO.INTAKE.ops-intake")
    assert (consumer["max_ack_pending"], consumer["description"]) == (2_000, "mine")
    assert provisioner_of(ops).drift == {}


async def test_what_cannot_be_put_right_is_said(outsider: Client, ops: Side) -> None:
    await outsider.jetstream().delete_stream(subjects.RECEIPTS)
    await outsider.jetstream().add_stream(
        name=subjects.RECEIPTS, subjects=["receipts.>"], storage="memory"
    )

    await provisioner_of(ops).ensure()

    assert subjects.RECEIPTS in provisioner_of(ops).drift
    assert subjects.RECEIPTS in ops.exchange.status().trouble["transport"]


async def test_a_stream_made_anew_is_noticed(outsider: Client, ops: Side) -> None:
    await outsider.jetstream().delete_stream(subjects.OPS_EVENTS)

    await provisioner_of(ops).ensure()

    assert provisioner_of(ops).remade == 1
