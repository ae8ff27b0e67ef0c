"""What an ops issue is, written from the domain's description alone, to judge the product by.

It reads the entries of Operations' log as JSON and knows no code of the services. ``Case`` keeps
three sets and a status; each method is a line of the table "Ops issue status".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

NEW: Final = "New"
OPS: Final = "Ops Ownership"
ENGINEERING: Final = "Engineering Ownership"
WAITING: Final = "Waiting on Info"
REVIEW: Final = "Needs Ops Review"
PRODUCT: Final = "Product Management Ownership"
CLOSED: Final = "Issue is Closed"

Data = Mapping[str, Any]

ON_CLOSED: Final = frozenset(
    {"commented", "evidence-attached", "linked", "unlinked", "reopened", "status-changed"}
)
"""What Operations may say about a closed issue."""


class Wrong(AssertionError):
    """The log says what the domain does not allow."""


@dataclass
class Case:
    """One ops issue. ``claims`` are ``open`` or ``done``; ``stated`` is the status last said."""

    status: str = ""
    stated: str = NEW
    assigned: set[str] = field(default_factory=set)
    claims: dict[str, str] = field(default_factory=dict)
    asking: set[str] = field(default_factory=set)
    ever_claimed: set[str] = field(default_factory=set)
    resolution: str | None = None

    @property
    def closed(self) -> bool:
        return self.status == CLOSED

    @property
    def open_claims(self) -> set[str]:
        return {team for team, claim in self.claims.items() if claim == "open"}

    def part(self, team: str) -> tuple[bool, str, bool]:
        """A team's part: whether it is in Team(s), its claim, whether its question is open."""
        return team in self.assigned, self.claims.get(team, "none"), team in self.asking

    def hear(self, name: str, data: Data) -> None:
        """One more event of the issue's stream; ``name`` is ``ops.`` or ``eng.`` and the type.

        Raises Wrong.
        """
        if name.startswith("ops."):
            self._owner_may(name[4:])
        tell = TELLS.get(name)
        if tell is not None:
            tell(self, data)

    def _owner_may(self, said: str) -> None:
        if said != "opened" and not self.status:
            raise Wrong(f"{said} about an issue that was not opened")
        if self.closed and said not in ON_CLOSED:
            raise Wrong(f"{said} about a closed issue")

    # --- Operations ---------------------------------------------------------------------------

    def opened(self, data: Data) -> None:
        if self.status:
            raise Wrong("opened twice")
        self.status = NEW

    def team_assigned(self, data: Data) -> None:
        if data["team"] in self.assigned:
            raise Wrong("an assigned team was assigned: that adds no event")
        self.assigned.add(data["team"])

    def team_unassigned(self, data: Data) -> None:
        team = data["team"]
        if team not in self.assigned:
            raise Wrong("an absent team was unassigned: that adds no event")
        if team in self.open_claims and not data.get("comment"):
            raise Wrong("unassigning a team that holds a claim needs a comment")
        self._gone(team)

    def returned(self, data: Data) -> None:
        teams = data["teams"]
        if not self.assigned.issuperset(teams):
            raise Wrong("returned to a team that is not in Team(s)")
        waits = any(t in self.asking or self.claims.get(t) == "done" for t in teams)
        if not waits and self.status in {NEW, ENGINEERING}:
            raise Wrong(f"returned in {self.status}, though no named team waits")
        for team in teams:
            if team in self.claims:
                self.claims[team] = "open"
            self.asking.discard(team)
        self.status = ENGINEERING if self.ever_claimed.intersection(teams) else NEW

    def to_triage(self, data: Data) -> None:
        if self.status == NEW:
            raise Wrong("returning to triage what is New adds no event")
        self.status = NEW

    def to_product(self, data: Data) -> None:
        self.assigned.add("Product")
        self.status = PRODUCT

    def owned(self, data: Data) -> None:
        if not data.get("assignee"):
            raise Wrong("ownership without an assignee")
        self.status = OPS

    def awaited(self, data: Data) -> None:
        if not data.get("comment"):
            raise Wrong("awaiting information without a comment")
        self.status = WAITING

    def closed_by_operations(self, data: Data) -> None:
        if not (data.get("resolution") and data.get("comment") and data.get("cause")):
            raise Wrong("closed without resolution, comment or cause")
        self.resolution = data["resolution"]
        self.status = CLOSED

    def reopened(self, data: Data) -> None:
        if not self.closed:
            raise Wrong("an open issue was reopened")
        self.resolution = None
        self.status = REVIEW

    def status_changed(self, data: Data) -> None:
        said = (data["from_status"], data["to_status"], set(data["assigned"]), set(data["claimed"]))
        holds = (self.stated, self.status, self.assigned, self.open_claims)
        if said != holds:
            raise Wrong(f"status-changed says {said}, the log {holds}")
        self.stated = self.status

    # --- Engineering --------------------------------------------------------------------------

    def claimed(self, data: Data) -> None:
        team = data["team"]
        if team in self.claims and data["origin"] != "reopened":
            raise Wrong(f"{team} claimed a second time")
        self.assigned.add(team)
        self.ever_claimed.add(team)
        self.claims[team] = "open"
        self.asking.discard(team)
        if not (self.status == REVIEW and self.asking):
            self._falls_to(ENGINEERING)

    def rejected(self, data: Data) -> None:
        had_claims = bool(self.claims)
        self._gone(data["team"])
        if had_claims:
            self._falls_to(REVIEW)
        elif self.status in {REVIEW, ENGINEERING}:
            self._falls_to(NEW)

    def sent_to_review(self, data: Data) -> None:
        team = data["team"]
        if self.closed:
            return  # a late question does not count
        if team in self.asking:
            raise Wrong(f"{team} asks again while its question is open: that adds no event")
        if team in self.assigned:
            self.asking.add(team)
        self._falls_to(REVIEW)

    def closed_by_team(self, data: Data) -> None:
        team = data["team"]
        if team in self.claims:
            self.claims[team] = "done"
            self.asking.discard(team)
        if not self.open_claims:
            self._falls_to(REVIEW)

    def _gone(self, team: str) -> None:
        self.assigned.discard(team)
        self.claims.pop(team, None)
        self.asking.discard(team)

    def _falls_to(self, status: str) -> None:
        if not self.closed:
            self.status = status


TELLS: Final[Mapping[str, Callable[[Case, Data], None]]] = {
    "ops.opened": Case.opened,
    "ops.team-assigned": Case.team_assigned,
    "ops.team-unassigned": Case.team_unassigned,
    "ops.returned-to-engineering": Case.returned,
    "ops.returned-to-triage": Case.to_triage,
    "ops.handed-to-product": Case.to_product,
    "ops.ops-ownership-taken": Case.owned,
    "ops.info-awaited": Case.awaited,
    "ops.closed": Case.closed_by_operations,
    "ops.reopened": Case.reopened,
    "ops.status-changed": Case.status_changed,
    "eng.claimed": Case.claimed,
    "eng.rejected": Case.rejected,
    "eng.sent-to-review": Case.sent_to_review,
    "eng.closed": Case.closed_by_team,
}
"""What says something about the status; every other event leaves all of it as it is."""
