"""What FastStream, the NATS client and the server do that our design relies on, or works around.

When one of these fails after an upgrade, read ``shared/bus`` again before going on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import nats.errors
import pytest
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.specification import AsyncAPI
from nats.aio.client import Client
from pydantic.errors import PydanticSchemaGenerationError

from shared.bus.broker import Broker
from shared.bus.port import BusUnavailable
from tests.integration.bus.conftest import subscribed
from tests.kit.servers import NatsServer
from tests.kit.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def stream(outsider: Client) -> str:
    await outsider.jetstream().add_stream(name="S", subjects=["s.>"], allow_atomic=True)
    return "S"


@pytest.fixture
async def plain(nats_server: NatsServer) -> AsyncIterator[NatsBroker]:
    """FastStream as it comes."""
    broker = NatsBroker(nats_server.url, logger=None)
    yield broker
    await broker.stop()


async def test_a_failing_handler_terminates_the_message(
    plain: NatsBroker, stream: str, outsider: Client
) -> None:
    """Hence MANUAL acknowledgement, and our own consumers."""
    calls: list[object] = []

    @plain.subscriber(
        "s.>",
        durable="d",
        stream=JStream(stream, declare=False),
        pull_sub=PullSub(timeout=0.1),
    )
    async def handle(body: object) -> None:
        calls.append(body)
        raise RuntimeError("a passing fault")

    await plain.start()
    await outsider.jetstream().publish("s.1", b"x")
    await eventually(lambda: calls)

    async def settled() -> bool:
        info = await outsider.jetstream().consumer_info(stream, "d")
        return (info.num_ack_pending, info.num_pending) == (0, 0)

    await eventually(settled)
    assert len(calls) == 1


async def test_pulling_several_without_batch_scrambles_their_order(
    plain: NatsBroker, stream: str, outsider: Client
) -> None:
    """Hence one ordered loop of our own."""
    order: list[int] = []

    @plain.subscriber(
        "s.>",
        durable="d",
        stream=JStream(stream, declare=False),
        pull_sub=PullSub(batch_size=10, timeout=0.1),
    )
    async def handle(body: int) -> None:
        for _ in range(10 - body):
            await asyncio.sleep(0)
        order.append(body)

    for number in range(10):
        await outsider.jetstream().publish("s.1", b"%d" % number)
    await plain.start()
    await eventually(lambda: len(order) == 10)
    assert order != sorted(order)


async def test_a_declared_stream_overwrites_what_operators_set(
    plain: NatsBroker, outsider: Client
) -> None:
    """Hence no JStream of ours is declared by FastStream: the provisioner merges."""
    await outsider.jetstream().add_stream(name="S", subjects=["s.>"], max_msgs=123)

    @plain.subscriber(
        "s.>",
        durable="d",
        stream=JStream("S", subjects=["s.>"], max_msgs=7),
        pull_sub=PullSub(timeout=0.1),
    )
    async def handle(body: object) -> None: ...

    await plain.start()
    assert (await outsider.jetstream().stream_info("S")).config.max_msgs == 7


async def test_a_publish_without_stream_is_not_acknowledged(plain: NatsBroker) -> None:
    """Hence events and receipts never go through FastStream's publish."""
    await plain.start()
    await plain.publish(b"lost", "nobody.listens")


async def test_publish_async_never_resolves_on_an_error_answer(
    stream: str, outsider: Client
) -> None:
    """Hence our own inbox, and always a bounded wait."""
    errors: list[Exception] = []

    async def note(error: Exception) -> None:
        errors.append(error)

    outsider._error_cb = note
    future = await outsider.jetstream().publish_async(
        "s.1", b"x", headers={"Nats-Expected-Last-Sequence": "99"}
    )
    await eventually(lambda: errors)
    assert not future.done()
    future.cancel()


async def test_a_duplicate_is_no_proof_that_the_message_is_there(
    stream: str, outsider: Client
) -> None:
    """Hence what is sent again gets another id."""
    jetstream = outsider.jetstream()
    await jetstream.publish("s.1", b"x", headers={"Nats-Msg-Id": "a"})
    await jetstream.purge_stream(stream)

    answer = await jetstream.publish("s.1", b"x", headers={"Nats-Msg-Id": "a"})

    assert answer.duplicate
    assert (await jetstream.stream_info(stream)).state.messages == 0


async def test_one_known_id_refuses_a_whole_atomic_batch(stream: str, outsider: Client) -> None:
    """Hence the fallback to single messages."""
    await outsider.jetstream().publish("s.1", b"x", headers={"Nats-Msg-Id": "a"})
    batch = {"Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"}
    answer = await outsider.request("s.1", b"x", headers={**batch, "Nats-Msg-Id": "a"}, timeout=20)
    assert msgspec.json.decode(answer.data)["error"]["err_code"] == 10201


async def test_atomic_batches_that_are_not_allowed_are_refused_as_such(outsider: Client) -> None:
    await outsider.jetstream().add_stream(name="P", subjects=["p.>"])
    batch = {"Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"}
    answer = await outsider.request("p.1", b"x", headers=batch, timeout=20)
    assert msgspec.json.decode(answer.data)["error"]["err_code"] == 10174


async def test_a_stream_made_anew_has_another_birth_and_counts_from_one(
    stream: str, outsider: Client
) -> None:
    """Hence no number of a stream is kept, and a message's identity has its time in it."""
    jetstream = outsider.jetstream()
    before = await jetstream.stream_info(stream)
    await jetstream.publish("s.1", b"x")
    await jetstream.delete_stream(stream)
    await jetstream.add_stream(name=stream, subjects=["s.>"])

    assert (await jetstream.stream_info(stream)).created != before.created
    assert (await jetstream.publish("s.1", b"x")).seq == 1


async def test_asyncapi_needs_help_with_structs(plain: NatsBroker) -> None:
    """Hence the document is generated from our own definitions, in ``shared.events``."""

    class Said(msgspec.Struct):
        text: str

    @plain.subscriber("s")
    async def handle(body: Said) -> None: ...

    with pytest.raises(PydanticSchemaGenerationError):
        AsyncAPI(plain).to_specification()


async def test_a_subscriber_of_ours_gets_bytes_and_survives_its_own_faults(
    nats_server: NatsServer, outsider: Client
) -> None:
    broker = Broker(nats_server.url, service="ops", on_closed=lambda: None)
    await broker.start()
    heard: list[bytes] = []

    async def listen(body: bytes) -> None:
        heard.append(body)
        if len(heard) == 1:
            raise RuntimeError("a bug")

    async with broker.listen("a.head", listen):
        await subscribed(broker.connection())
        await outsider.publish(
            "a.head", b'{"n": "5"}', headers={"Content-Type": "application/json"}
        )
        await outsider.publish("a.head", b"\xff")
        await eventually(lambda: len(heard) == 2, describe=lambda: heard)
    assert heard == [b'{"n": "5"}', b"\xff"]
    await broker.stop()


async def test_the_connection_never_gives_up(nats_server: NatsServer) -> None:
    """Not after 60 attempts either; and meanwhile nothing is published into the void."""
    broker = Broker(nats_server.url, service="ops", on_closed=lambda: None)
    await broker.start()
    assert broker.nats._connection_kwargs["max_reconnect_attempts"] == -1

    await nats_server.kill()
    await eventually(lambda: not broker.is_connected)
    with pytest.raises(BusUnavailable):
        broker.connection()
    await nats_server.start()

    await eventually(lambda: broker.is_connected)
    await broker.stop()


async def test_a_connection_closed_for_good_ends_the_process(nats_server: NatsServer) -> None:
    told: list[str] = []
    broker = Broker(nats_server.url, service="ops", on_closed=lambda: told.append("exit"))
    await broker.start()

    await broker.connection().close()

    assert told == ["exit"]


async def test_stopping_is_not_a_closed_connection(nats_server: NatsServer) -> None:
    told: list[str] = []
    broker = Broker(nats_server.url, service="ops", on_closed=lambda: told.append("exit"))
    await broker.start()
    await broker.stop()
    assert told == []


async def test_stopping_while_the_server_is_away_does_not_wait_for_it(
    nats_server: NatsServer,
) -> None:
    """``drain`` raises then."""
    broker = Broker(nats_server.url, service="ops", on_closed=lambda: None)
    await broker.start()
    await nats_server.kill()
    await eventually(lambda: not broker.is_connected)
    async with asyncio.timeout(5):
        await broker.stop()
    await nats_server.start()


async def test_a_message_larger_than_the_server_takes_is_refused_here(outsider: Client) -> None:
    """The server would close the connection."""
    with pytest.raises(nats.errors.MaxPayloadError):
        await outsider.publish("s.1", b"x" * (outsider.max_payload + 1))
