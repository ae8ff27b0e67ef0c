"""A team as Operations knows it: what Engineering said of it last."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from shared.events import eng
from shared.events.envelope import AnyRecorded


class Team(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One team, from Engineering's ``team-defined``.

    Attributes:
        key: Its key.
        name: Its name.
        manager: Its engineering manager.
        product_manager: Its primary product manager.
        channel: Its chat channel.
        domains: What it owns, for suggesting a team.
    """

    key: str
    name: str
    manager: str | None = None
    product_manager: str | None = None
    channel: str | None = None
    domains: tuple[str, ...] = ()


class Undefined(Struct, frozen=True):
    """A key that Engineering has defined no team for."""


TeamState = Undefined | Team
UNDEFINED: Final = Undefined()


def evolve_team(state: TeamState, recorded: AnyRecorded) -> TeamState:
    """The team after one more event of its stream; all but a definition changes nothing."""
    said = recorded.data
    if not isinstance(said, eng.TeamDefined):
        return state
    return Team(
        key=said.team,
        name=said.name,
        manager=said.manager,
        product_manager=said.product_manager,
        channel=said.channel,
        domains=said.domains,
    )
