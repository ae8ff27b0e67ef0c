"""The floor of propagation: asyncpg → JetStream → asyncpg, and nothing in between.

Text is inserted by a bare group commit, published as it was (an atomic batch, or one plain message
where there is only one or a few), received through the raw pull protocol and inserted again with
the cursor in the same statement. No entry is made or read, no hash taken, no sequence looked at:
what is lost on the way stays lost.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import asyncpg
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

STREAM: Final = "BARE"
DURABLE: Final = "bare"
GROUP_MAX: Final = 256
BATCH_MAX: Final = 500
ATOMIC_FROM: Final = 16
REQUEST: Final = 500
TABLES: Final = """
    CREATE TABLE IF NOT EXISTS bare_event (n bigint PRIMARY KEY, stream text NOT NULL,
        version integer NOT NULL, entry bytea NOT NULL, UNIQUE (stream, version));
    CREATE TABLE IF NOT EXISTS bare_cursor (
        one boolean PRIMARY KEY DEFAULT true, n bigint NOT NULL);
    INSERT INTO bare_cursor (n) VALUES (0) ON CONFLICT DO NOTHING;
"""
INSERT: Final = """
    WITH moved AS (UPDATE bare_cursor SET n = ($1::bigint[])[cardinality($1)])
    INSERT INTO bare_event (n, stream, version, entry)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::bytea[])
"""

Item = tuple[int, str, int, bytes]
Note = Callable[[int, int], None]


class BareAuthor:
    """Inserts and publishes. ``note`` is told each number and when it was committed, in ns."""

    def __init__(self, dsn: str, url: str, note: Note) -> None:
        self._dsn = dsn
        self._url = url
        self._note = note
        self._numbers = itertools.count(1)
        self._waiting: deque[tuple[str, int, bytes, asyncio.Future[None]]] = deque()
        self._arrived = asyncio.Event()
        self._committed: deque[Item] = deque()
        self._published = asyncio.Event()

    async def start(self) -> None:
        self._db = await asyncpg.connect(self._dsn)
        await self._db.execute(TABLES)
        self._statement = await self._db.prepare(INSERT)
        self._client = await nats.connect(self._url, pending_size=8 * 1024 * 1024)
        await self._client.jetstream().add_stream(
            name=STREAM, subjects=["bare.>"], allow_atomic=True, max_bytes=1024**3
        )
        self._tasks = [
            asyncio.create_task(self._commit()),
            asyncio.create_task(self._publish(self._client)),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._client.close()
        await self._db.close()

    async def append(self, stream: str, version: int, entry: bytes) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((stream, version, entry, done))
        self._arrived.set()
        await done

    async def _commit(self) -> None:
        while True:
            while not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
            size = min(len(self._waiting), GROUP_MAX)
            taken = [self._waiting.popleft() for _ in range(size)]
            items = [(next(self._numbers), s, v, entry) for s, v, entry, _ in taken]
            await self._statement.fetch(*map(list, zip(*items, strict=True)))
            now = time.monotonic_ns()
            for number, *_ in items:
                self._note(number, now)
            self._committed += items
            self._published.set()
            for *_, done in taken:
                done.set_result(None)

    async def _publish(self, client: Client) -> None:
        for batch in itertools.count():
            while not self._committed:
                self._published.clear()
                await self._published.wait()
            size = min(len(self._committed), BATCH_MAX)
            items = [self._committed.popleft() for _ in range(size)]
            if size < ATOMIC_FROM:
                await asyncio.gather(
                    *[client.request(f"bare.{s}", entry, timeout=5) for _, s, _, entry in items]
                )
                continue
            for index, (_, stream, _, entry) in enumerate(items[:-1], 1):
                headers = {"Nats-Batch-Id": f"b{batch}", "Nats-Batch-Sequence": str(index)}
                await client.publish(f"bare.{stream}", entry, headers=headers)
            headers = {
                "Nats-Batch-Id": f"b{batch}",
                "Nats-Batch-Sequence": str(size),
                "Nats-Batch-Commit": "1",
            }
            _, stream, _, entry = items[-1]
            await client.request(f"bare.{stream}", entry, timeout=5, headers=headers)


class BareReceiver:
    """Inserts what is published, in the order it comes."""

    def __init__(self, dsn: str, url: str, note: Note) -> None:
        self._dsn = dsn
        self._url = url
        self._note = note
        self._buffer: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._outstanding = 0

    async def start(self) -> None:
        self._db = await asyncpg.connect(self._dsn)
        await self._db.execute(TABLES)
        self._statement = await self._db.prepare(INSERT)
        self._client = await nats.connect(self._url)
        await self._client.jetstream().add_consumer(
            STREAM, name=DURABLE, durable_name=DURABLE, ack_policy="all", max_ack_pending=2_000
        )
        self._inbox = self._client.new_inbox()
        await self._client.subscribe(self._inbox, cb=self._take)
        await self._ask()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._client.close()
        await self._db.close()

    async def _ask(self) -> None:
        self._outstanding += REQUEST
        request = json.dumps({"batch": REQUEST, "expires": 60 * 10**9}).encode()
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{DURABLE}"
        await self._client.publish(subject, request, self._inbox)

    async def _take(self, message: Msg) -> None:
        if not message.reply:
            return
        self._outstanding -= 1
        self._buffer.append(message)
        self._arrived.set()
        if self._outstanding <= REQUEST // 2:
            await self._ask()

    async def _run(self) -> None:
        numbers = itertools.count(1)
        versions: dict[str, int] = {}
        while True:
            while not self._buffer:
                self._arrived.clear()
                await self._arrived.wait()
            taken = [self._buffer.popleft() for _ in range(min(len(self._buffer), GROUP_MAX))]
            items: list[Item] = []
            for message in taken:
                stream = message.subject[5:]
                versions[stream] = version = versions.get(stream, 0) + 1
                items.append((next(numbers), stream, version, message.data))
            await self._statement.fetch(*map(list, zip(*items, strict=True)))
            now = time.monotonic_ns()
            for number, *_ in items:
                self._note(number, now)
            await self._client.publish(taken[-1].reply, b"+ACK")
