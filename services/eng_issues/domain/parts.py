"""What part each team has in one ops issue: in its Team(s), claimed, asking, done.

The fold is total, and it is over the facts in *Operations'* order, whatever order they have here:
``crossing`` sees to that. Which of it counts when an ops issue is closed is said here alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

Claim = Literal["none", "open", "done"]
State = Literal["none", "assigned", "claimed", "in-review", "done", "rejected"]


class Part(Struct, frozen=True, kw_only=True):
    """One team's part; ``since`` is when its ``state`` last changed.

    A claim that is ``done`` is one whose engineering work is closed: it is still held.
    """

    assigned: bool = False
    claim: Claim = "none"
    in_review: bool = False
    rejected: bool = False
    since: datetime | None = None

    @property
    def state(self) -> State:
        """The part in one word, as it is shown."""
        if self.in_review:
            return "in-review"
        if self.claim != "none":
            return "claimed" if self.claim == "open" else "done"
        if self.assigned:
            return "assigned"
        return "rejected" if self.rejected else "none"

    @property
    def taken(self) -> bool:
        """Whether the team has a say: it is in Team(s) or holds a claim."""
        return self.assigned or self.claim != "none"


NO_PART: Final = Part()


class Parts(Struct, frozen=True, kw_only=True):
    """Every team's part, and whether Operations has closed the issue."""

    teams: Mapping[str, Part] = {}
    closed: bool = False

    def of(self, team: str) -> Part:
        return self.teams.get(team, NO_PART)


def assigned(parts: Parts, team: str, at: datetime) -> Parts:
    """The team joins Team(s); an earlier rejection is history."""
    return _with(parts, team, at, replace(parts.of(team), assigned=True, rejected=False))


def unassigned(parts: Parts, team: str, at: datetime) -> Parts:
    """The team leaves Team(s); its claim and its question end."""
    return _with(parts, team, at, NO_PART)


def returned(parts: Parts, teams: tuple[str, ...], at: datetime) -> Parts:
    """The teams' questions are answered; one whose work was closed holds its claim again."""
    for team in teams:
        part = parts.of(team)
        claim: Claim = "none" if part.claim == "none" else "open"
        parts = _with(parts, team, at, replace(part, claim=claim, in_review=False))
    return parts


def closed(parts: Parts) -> Parts:
    """Operations closed the issue: parts are kept."""
    return replace(parts, closed=True)


def reopened(parts: Parts) -> Parts:
    """Assignments, claims and open questions are as they were."""
    return replace(parts, closed=False)


def claimed(parts: Parts, team: str, at: datetime) -> Parts:
    """The team holds an open claim and is in Team(s), even if it was not; its question ends."""
    return _with(parts, team, at, Part(assigned=True, claim="open"))


def rejected(parts: Parts, team: str, at: datetime) -> Parts:
    """The team leaves Team(s); its claim and its question end."""
    return _with(parts, team, at, Part(rejected=True))


def asked(parts: Parts, team: str, at: datetime) -> Parts:
    """The team's question is open, unless it met a closed issue: a late question does not count.

    Nor does one of a team that Operations has unassigned meanwhile: nobody could return it.
    """
    part = parts.of(team)
    if parts.closed or not part.taken:
        return parts
    return _with(parts, team, at, replace(part, in_review=True))


def finished(parts: Parts, team: str, at: datetime) -> Parts:
    """The team's work is done and its question ends; without a claim there is none to end."""
    part = parts.of(team)
    if part.claim == "none":
        return parts
    return _with(parts, team, at, replace(part, claim="done", in_review=False))


def _with(parts: Parts, team: str, at: datetime, part: Part) -> Parts:
    before = parts.of(team)
    since = before.since if part.state == before.state else at
    return replace(parts, teams={**parts.teams, team: replace(part, since=since)})
