"""The schema of a service's database: the log's, and that of the exchange."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psycopg

from shared.eventlog import migrate as eventlog

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def migrate(owner_dsn: str, app_role: str = eventlog.APPLICATIONS) -> list[str]:
    """Brings log and exchange up to what this code needs; run again, it does nothing.

    Returns the ids of the migrations applied now. Raises ``psycopg.Error``.
    """
    applied = eventlog.migrate(owner_dsn, app_role, (eventlog.MIGRATIONS, MIGRATIONS))
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute("SELECT bus.admit(%s)", (app_role,))
    return applied
