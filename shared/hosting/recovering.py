"""What follows from a restored log for every service: which keys its events had taken.

The key of an event of another system is made again from the event that it caused. An
``Idempotency-Key`` is not: no event tells it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from shared.eventlog.model import Append, UniqueKey
from shared.events.envelope import AnyRecorded
from shared.hosting.intake import key_of_cause


class KeysOnly:
    """``Aftermath`` of a service that has nothing more to say."""

    def keys(self, recorded: AnyRecorded) -> Iterable[UniqueKey]:
        """The key of the event of another system that this one was recorded for."""
        return key_of_cause(recorded)

    async def restate(self, cause: AnyRecorded, streams: Collection[str]) -> Sequence[Append]:
        """Nothing."""
        return ()
