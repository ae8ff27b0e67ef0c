"""That what one side holds of the other is what the other published: same number, same bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import groupby
from time import monotonic
from typing import Final

import msgspec

from shared.eventlog.model import Row
from shared.eventlog.port import LogStore

BATCH: Final = 5_000
REST_SECONDS: Final = 10.0
"""How long to wait until a side holds what the other had published when it was asked."""
LOOK_SECONDS: Final = 0.1


async def compare(
    author: LogStore, receiver: LogStore, source: str, upto: int
) -> AsyncIterator[str]:
    """The differences between what ``source`` published up to a sequence and what its peer holds.

    What is on its way gets ``REST_SECONDS`` to arrive; both sides may go on meanwhile.
    """
    try:
        reached = await _reached(receiver, source, upto)
    except msgspec.DecodeError as error:
        yield f"{source}: the last event that the peer holds cannot be read: {error}"
        reached = upto
    if reached < upto:
        yield f"{source}: {upto} were published, the peer holds {reached}"
    published = (await author.head()).sequence
    if reached > published:
        yield f"{source}: the peer holds {reached}, {published} were published"
    last = 0
    while last < upto and (rows := await author.read_published(last, BATCH)):
        rows = [row for row in rows if (row.sequence or 0) <= upto]
        for epoch, said in groupby(rows, key=lambda row: row.epoch):
            batch = list(said)
            wanted = [row.sequence for row in batch if row.sequence is not None]
            held = await receiver.received_leaves(source, epoch, wanted)
            for difference in _differences(batch, held, last, min(upto, reached)):
                yield f"{source} {difference}"
            last = wanted[-1]
        if not rows:
            return


def _differences(
    published: Sequence[Row], held: Mapping[int, bytes], last: int, upto: int
) -> Iterator[str]:
    for row in published:
        sequence = row.sequence or 0
        if sequence > last + 1:
            yield f"sequence {last + 1}: missing in its author's log; {sequence} follows {last}"
        last = sequence
        if sequence > upto:
            continue
        leaf = held.get(sequence)
        if leaf is None:
            yield f"sequence {sequence}: published, not held by the peer"
        elif leaf != row.leaf:
            yield f"sequence {sequence} ({row.stream}): the peer holds other bytes"


async def _reached(receiver: LogStore, source: str, upto: int) -> int:
    deadline = monotonic() + REST_SECONDS
    while True:
        held = await receiver.received(source)
        reached = 0 if held is None else held.sequence
        if reached >= upto or monotonic() >= deadline:
            return reached
        await asyncio.sleep(LOOK_SECONDS)
