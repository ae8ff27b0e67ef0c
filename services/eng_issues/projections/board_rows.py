"""The read model of boards as a fold: rows of the log in, what its tables must hold out.

A stream is folded by the domain itself, so the read model cannot say anything else than the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from services.eng_issues.domain.case import Case
from services.eng_issues.domain.issue import Issue
from services.eng_issues.domain.states import NOTHING, State, evolve
from services.eng_issues.domain.team import OPS
from shared.eventlog.model import Row
from shared.events.codec import Codec
from shared.events.vocabulary import Severity


class Kept(Struct, frozen=True):
    """A stream as the read model keeps it.

    It is so after its event number ``version``, which lies at ``position`` of the log; its first
    one lies at ``begun``.
    """

    state: State
    version: int
    position: int
    begun: int


NOT_KEPT: Final = Kept(NOTHING, 0, 0, 0)


class Queued(NamedTuple):
    """An ops issue in a team's queue; in the order of the last four, those it owns behind."""

    team: str
    ops_issue: str
    owned: bool
    severity: Severity
    opened_at: datetime
    begun: int


def is_case(stream: str) -> bool:
    """Whether a stream is an ops issue's."""
    return stream.startswith(f"{OPS}-")


def is_issue(stream: str) -> bool:
    """Whether a stream is an engineering issue's."""
    return "-" in stream and not is_case(stream)


def fold_rows(held: Mapping[str, Kept], rows: Iterable[Row], codec: Codec) -> dict[str, Kept]:
    """Every stream that the rows touch as it is after them, given what is kept of it so far."""
    after: dict[str, Kept] = {}
    for row in rows:
        before = after.get(row.stream) or held.get(row.stream, NOT_KEPT)
        state = evolve(before.state, codec.decode(row.type, row.entry))
        after[row.stream] = Kept(
            state=short(state),
            version=row.version,
            position=row.position,
            begun=before.begun or row.position,
        )
    return after


def short(state: State) -> State:
    """As the read model keeps a state: a case without the texts that no list shows."""
    return replace(state, description="", comments=()) if isinstance(state, Case) else state


def queued(kept: Kept) -> Iterator[Queued]:
    """The queues that a case is in."""
    case = kept.state
    if not isinstance(case, Case) or case.closed or case.opened_at is None:
        return
    for team, part in case.parts.teams.items():
        owned = part.claim == "open"
        if owned or (part.assigned and part.claim == "none"):
            yield Queued(team, case.key, owned, case.severity, case.opened_at, kept.begun)


def issues_of(kept: Mapping[str, Kept]) -> Iterator[tuple[Issue, Kept]]:
    """The engineering issues among the streams."""
    for each in kept.values():
        if isinstance(each.state, Issue):
            yield each.state, each
