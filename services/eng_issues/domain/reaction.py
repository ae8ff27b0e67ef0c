"""What Engineering says because of something that it received."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from services.eng_issues.domain.events import Said
from shared.events.envelope import short_name

ACTOR = "system:caselog"
"""Who reacts."""


class Reaction(Struct, frozen=True, kw_only=True):
    """One event of a policy; its id is derived from its cause's id and ``name``."""

    name: str
    said: Said


def reactions(said: Iterable[Said]) -> tuple[Reaction, ...]:
    """Each with a name that no other reaction to its cause has: what, where, and which team."""
    return tuple(Reaction(name=_name(each), said=each) for each in said)


def _name(said: Said) -> str:
    team: str = getattr(said.data, "team", "")
    return f"{short_name(said.data.TYPE)}:{said.subject}:{team}"
