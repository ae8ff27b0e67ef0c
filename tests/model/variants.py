"""Wrong protocols, each in the surroundings where nothing else makes its mistake good.

The exchange has nets under its nets. A relay that loses its place, a receiver that acknowledges too
soon, a broker that lies: announcements and healing make all of it good. To show that such a mistake
is one, the net above it is taken away: ``right`` is the same protocol, in the same surroundings,
without the mistake, and holds.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.model.states import Budget, Protocol

FULL: Final = Protocol()
"""The exchange as ARCHITECTURE.md describes it."""
TRUSTS_THE_BROKER: Final = FULL._replace(heads=False, resend=False, keeps_cursor=True)
"""The usual outbox: a kept cursor, and a broker that is believed to lose nothing."""
SENDS_AGAIN: Final = FULL._replace(heads=False)
"""Nobody announces; a loss at the end is made good by sending again."""
SEES_FOR_ITSELF: Final = FULL._replace(evidence="held or published")
"""Nobody tells a restored author: it asks the receiver, and looks at the end of its stream."""


class Wrong(NamedTuple):
    """A mistake: the protocol that has it, the one that has not, and what both go through."""

    name: str
    protocol: Protocol
    right: Protocol
    budget: Budget
    broken: str


NEVER: Final = "left alone, it never delivers all"
DIFFERS: Final = "the receiver holds what the author's log does not"
TWO_IN_ONE: Final = "one number stands for two events"

ONE_RESTORE: Final = Budget(events=2, restores=1)

WRONG: Final = (
    Wrong("no-new-epoch-on-restore", FULL._replace(bumps=False), FULL, ONE_RESTORE, TWO_IN_ONE),
    Wrong("no-recovery-on-restore", FULL._replace(recovers=False), FULL, ONE_RESTORE, DIFFERS),
    Wrong(
        "commands-before-recovery", FULL._replace(read_only=False), FULL, ONE_RESTORE, TWO_IN_ONE
    ),
    Wrong(
        "restore-seen-only-by-what-the-peer-holds",
        FULL._replace(evidence="held"),
        FULL,
        ONE_RESTORE,
        TWO_IN_ONE,
    ),
    Wrong(
        "restore-seen-only-by-the-end-of-the-stream",
        SEES_FOR_ITSELF,
        FULL,
        Budget(events=2, losses=1, restores=1),
        DIFFERS,
    ),
    Wrong("receives-during-recovery", FULL._replace(fences=False), FULL, ONE_RESTORE, DIFFERS),
    Wrong(
        "waits-for-the-stream-to-run-dry-instead",
        FULL._replace(fences=False, drains=True),
        FULL,
        Budget(events=2, duplicates=1, restores=1),
        DIFFERS,
    ),
    Wrong(
        "next-epoch-by-counting",
        FULL._replace(fresh_epochs=False),
        FULL,
        Budget(events=2, restores=2),
        TWO_IN_ONE,
    ),
    Wrong(
        "heals-only-on-the-next-message",
        FULL._replace(heads=False, resend=False),
        FULL,
        Budget(events=2, losses=1),
        NEVER,
    ),
    Wrong(
        "acknowledges-before-commit",
        TRUSTS_THE_BROKER._replace(ack_first=True),
        TRUSTS_THE_BROKER,
        Budget(events=2, crashes=2, duplicates=1),
        NEVER,
    ),
    Wrong(
        "cursor-before-publish",
        TRUSTS_THE_BROKER._replace(cursor_first=True),
        TRUSTS_THE_BROKER,
        Budget(events=2, crashes=2, duplicates=1),
        NEVER,
    ),
    Wrong(
        "trusts-the-answer-duplicate",
        SENDS_AGAIN._replace(fresh_ids=False),
        SENDS_AGAIN,
        Budget(events=2, crashes=1, losses=1, wipes=1),
        NEVER,
    ),
    Wrong(
        "takes-what-comes",
        FULL._replace(density=False),
        FULL,
        Budget(events=2),
        "the receiver has passed a hole",
    ),
    Wrong(
        "does-not-compare",
        FULL._replace(dedupes=False),
        FULL,
        Budget(events=2, crashes=1),
        "an event is delivered twice",
    ),
)

HARMLESS: Final = {
    "acknowledges-before-commit": FULL._replace(ack_first=True),
    "cursor-before-publish": FULL._replace(cursor_first=True),
    "keeps-a-cursor": FULL._replace(keeps_cursor=True),
    "trusts-the-answer-duplicate": FULL._replace(fresh_ids=False),
    "sends-nothing-again": FULL._replace(resend=False),
}
"""Mistakes that the whole exchange makes good: a broker and its relay need not be believed."""
