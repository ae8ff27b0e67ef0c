"""A process that appends to a log from many tasks at once, and says what it was told.

    python -m tests.integration.eventlog.writing DSN SEED

One line of JSON for each request: the ids of its events, how it ended, and its positions.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from typing import Any

from shared.eventlog.log import EventLog
from shared.eventlog.model import (
    Append,
    AppendUnsettled,
    EventLogError,
    LogUnavailable,
    UniqueKey,
    VersionConflict,
)
from shared.eventlog.postgres import PostgresStore
from shared.eventlog.states import States
from shared.hosting.clock import utc_now
from tests.kit.noted import CODEC, SILENCE, SOURCE, append, murmured, noted, texts

WRITERS = 24
APPENDS = 50
STREAMS = [f"S-{n}" for n in range(30)]


async def started(dsn: str) -> EventLog:
    for _ in range(20):  # the network may cut it short
        store = PostgresStore(dsn, source=SOURCE)
        log = EventLog(store, source=SOURCE, codec=CODEC, clock=utc_now)
        try:
            await log.start()
        except LogUnavailable:
            continue
        return log
    raise LogUnavailable(dsn)


async def write(log: EventLog, states: States[Any], dice: random.Random) -> None:
    for _ in range(APPENDS):
        streams = dice.sample(STREAMS, dice.choice([1, 1, 1, 2]))
        keys: tuple[UniqueKey, ...] = ()
        if dice.random() < 0.1:
            keys = (UniqueKey("k", str(dice.randrange(500)), "v"),)
        try:
            found = await states.load_many(streams)
        except LogUnavailable:
            continue
        request = append(
            *[dice.choice([noted, murmured])(stream) for stream in streams],
            at={stream: found[stream].version for stream in streams},
            keys=keys,
        )
        try:
            done = await log.append(request)
        except VersionConflict as conflict:
            states.forget(conflict.streams)
            report(request, "refused")
        except AppendUnsettled:
            report(request, "unsettled")
        except EventLogError:
            report(request, "refused")
        else:
            report(request, "appended", [row.position for row in done.rows])


def report(request: Append, outcome: str, positions: list[int] | None = None) -> None:
    ids = [str(event.id) for event in request.events]
    line = json.dumps({"ids": ids, "outcome": outcome, "positions": positions})
    sys.stdout.write(f"{line}\n")


async def main(dsn: str, seed: int) -> None:
    random.seed(seed)
    log = await started(dsn)
    states = States(log, SILENCE, texts)
    dice = random.Random(seed)
    await asyncio.gather(*[write(log, states, dice) for _ in range(WRITERS)])
    await log.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
