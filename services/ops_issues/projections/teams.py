"""The teams that Engineering has defined, for people to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

import asyncpg
import msgspec

from services.ops_issues.domain.team import UNDEFINED, Team, evolve_team
from shared.eventlog.model import Row
from shared.events import eng
from shared.events.codec import Codec

UPSERT: Final = """
    INSERT INTO team (key, state) SELECT * FROM unnest($1::text[], $2::bytea[])
    ON CONFLICT (key) DO UPDATE SET state = excluded.state"""
ALL: Final = "SELECT state FROM team ORDER BY key"


class Teams:
    """The projection: ``apply`` runs within the transaction that moves its checkpoint."""

    name: Final = "teams"
    version: Final = 1

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    @property
    def sql(self) -> str:
        """Makes the tables of a generation."""
        return files(__package__).joinpath("teams.sql").read_text(encoding="utf-8")

    async def apply(self, connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
        """Takes in the next rows of the log."""
        defined: dict[str, Team] = {}
        for row in rows:
            if row.type == eng.TeamDefined.TYPE:
                team = evolve_team(UNDEFINED, self._codec.decode(row.type, row.entry))
                if isinstance(team, Team):
                    defined[team.key] = team
        if defined:
            keys = sorted(defined)
            states = [msgspec.json.encode(defined[key]) for key in keys]
            await connection.execute(UPSERT, keys, states)


async def all_teams(connection: asyncpg.Connection) -> list[Team]:
    """Every team, by key."""
    found = await connection.fetch(ALL)
    return [msgspec.json.decode(state, type=Team) for (state,) in found]
