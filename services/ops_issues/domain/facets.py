"""What one team has to do with one ops issue. One team's act never hides another team's work."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

FacetState = Literal["assigned", "claimed", "in-review", "done", "rejected", "none"]


class Facet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One team's side of an issue. Who holds a claim or asks is in Team(s).

    Attributes:
        team: Key of the team.
        since: When it came into its present ``state``.
        assigned: Whether it is in Team(s).
        claim: Its claim; ``done`` once its work is closed. None: it holds none.
        asking: Whether a question of its is open.
        rejected: Whether it said that the issue is not its own, and nobody asked it again.
        ever_claimed: Whether it has claimed the issue at any time.
        issue: Key of its engineering issue that is linked.
        issue_status: The status of that issue, if it has moved since it was linked.
        phase: How far it was asked for an update without an answer, 1 to 4; 0: not at all.
        asked_at: When it was asked last, if ``phase`` is not 0.
    """

    team: str
    since: datetime
    assigned: bool = False
    claim: Literal["open", "done"] | None = None
    asking: bool = False
    rejected: bool = False
    ever_claimed: bool = False
    issue: str | None = None
    issue_status: str | None = None
    phase: int = 0
    asked_at: datetime | None = None

    @property
    def state(self) -> FacetState:
        """The one word for it; an open question comes before the claim that the team keeps."""
        if self.asking:
            return "in-review"
        if self.claim is not None:
            return "claimed" if self.claim == "open" else "done"
        if self.assigned:
            return "assigned"
        return "rejected" if self.rejected else "none"


def changed(facet: Facet, at: datetime, **changes: Any) -> Facet:
    """The facet with these fields; the very same if that changes nothing."""
    after = replace(facet, **changes)
    if after == facet:
        return facet
    return after if after.state == facet.state else replace(after, since=at)


def answered(facet: Facet, at: datetime, **changes: Any) -> Facet:
    """``changed`` by the team's own comment or movement, which answers a request for an update."""
    after = changed(facet, at, **changes)
    return replace(after, phase=0, asked_at=None) if after.phase else after
