"""That what one side holds of the other is what the other published: same number, same bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from shared.eventlog.port import LogStore

BATCH: Final = 5_000


async def compare(author: LogStore, receiver: LogStore, source: str) -> AsyncIterator[str]:
    """The differences between what ``source`` published and what its peer holds of it.

    What the peer does not hold yet is one difference: call this when both sides are at rest.
    """
    held = await receiver.received(source)
    reached = 0 if held is None else held.sequence
    head = await author.head()
    if reached > head.sequence:
        yield f"{source}: the peer holds {reached}, {head.sequence} were published"
    elif reached < head.sequence:
        yield f"{source}: {head.sequence} were published, the peer holds {reached}"
    after = 0
    while published := await author.read_published(after, BATCH):
        wanted: Sequence[int] = [row.sequence for row in published if row.sequence is not None]
        leaves = await receiver.received_leaves(source, published[-1].epoch, wanted)
        for row in published:
            if row.sequence is None or row.sequence > reached:
                continue
            leaf = leaves.get(row.sequence)
            if leaf is None:
                yield f"{source} sequence {row.sequence}: published, not held by the peer"
            elif leaf != row.leaf:
                yield f"{source} sequence {row.sequence}: the peer holds other bytes"
        after = wanted[-1]
