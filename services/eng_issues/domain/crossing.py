"""Facts of both sides in one order, though they cross on the way.

Operations' log decides the order. What Engineering says stands there behind all that Operations
had said by the time it arrives, so Engineering's own log may hold two crossing facts the other way
round. Each of Operations' facts tells how far it had ``heard``: what we said later was in flight,
and is replayed behind it. Once everything has arrived, both sides fold the same facts in the same
order, whatever crossed: a claim that crosses its unassignment stands, a closing that crosses its
return is a closing after the return, a question that crosses the closing is late.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct

from services.eng_issues.domain import parts
from services.eng_issues.domain.parts import Parts
from shared.events import eng

SpokenPart = eng.Claimed | eng.Rejected | eng.SentToReview | eng.Closed
"""What Engineering says that changes a team's part."""

NOT_YET_PUBLISHED: Final = 2**63 - 1
"""The sequence of an event that is decided but not recorded: nobody can have heard it."""


class InFlight(Struct, frozen=True, kw_only=True):
    """What Engineering said, as far as it matters here, until Operations is known to hold it."""

    sequence: int
    at: datetime
    team: str
    kind: str


class Crossing(Struct, frozen=True, kw_only=True):
    """The teams' parts, twice.

    ``confirmed`` is how Operations saw them when it last spoke of them; ``now`` is how it will see
    them once it holds all that is in flight.
    """

    confirmed: Parts = Parts()
    in_flight: tuple[InFlight, ...] = ()
    now: Parts = Parts()


def said(crossing: Crossing, sequence: int, at: datetime, fact: SpokenPart) -> Crossing:
    """Engineering said this: it is in flight, and counts here at once."""
    news = InFlight(sequence=sequence, at=at, team=fact.team, kind=fact.TYPE)
    return Crossing(
        confirmed=crossing.confirmed,
        in_flight=(*crossing.in_flight, news),
        now=_replay(crossing.now, news),
    )


def heard(crossing: Crossing, upto: int, fact: Callable[[Parts], Parts]) -> Crossing:
    """Operations said ``fact``, knowing what we had said up to the sequence ``upto``."""
    confirmed = crossing.confirmed
    later = tuple(news for news in crossing.in_flight if news.sequence > upto)
    for news in crossing.in_flight:
        if news.sequence <= upto:
            confirmed = _replay(confirmed, news)
    confirmed = now = fact(confirmed)
    for news in later:
        now = _replay(now, news)
    return Crossing(confirmed=confirmed, in_flight=later, now=now)


_FOLDS: Final[dict[str, Callable[[Parts, str, datetime], Parts]]] = {
    eng.Claimed.TYPE: parts.claimed,
    eng.Rejected.TYPE: parts.rejected,
    eng.SentToReview.TYPE: parts.asked,
    eng.Closed.TYPE: parts.finished,
}


def _replay(before: Parts, news: InFlight) -> Parts:
    return _FOLDS[news.kind](before, news.team, news.at)
