"""Brings a database's schema up to what this code needs. Plain SQL files, applied by yoyo.

Needs the owner's role, which no service runs with. Run again, it does nothing. Each file must be
harmless when it runs twice: a crash may come between its commit and the note that it ran. Names of
files are unique over all folders (``log-0001-…``), and never change.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg
from yoyo import get_backend, read_migrations

MIGRATIONS: Final = Path(__file__).parent / "migrations"
APPLICATIONS: Final = "caselog_app"
"""The role that services have, or are members of, unless told otherwise."""
LOCK: Final = 7_225_118
"""Held while migrating; two at once wait for each other."""

_logger = logging.getLogger(__name__)


def migrate(
    owner_dsn: str, app_role: str = APPLICATIONS, folders: Sequence[Path] = (MIGRATIONS,)
) -> list[str]:
    """Applies what is missing, in order, each file in a transaction of its own.

    Args:
        owner_dsn: the database, as the role that owns it.
        app_role: an existing role; it may read the log and append through its functions.
        folders: where the ``.sql`` files are: the log's own, then those of others.

    Returns:
        The ids of the migrations applied now; empty if there was nothing to do.

    Raises:
        psycopg.Error: the database cannot be reached, or refused a migration.
    """
    with psycopg.connect(owner_dsn, autocommit=True) as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        applied = _apply(owner_dsn, folders)
        guard.execute("SELECT log.admit(%s)", (app_role,))
    return applied


def _apply(owner_dsn: str, folders: Sequence[Path]) -> list[str]:
    applied: list[str] = []
    uri = urlsplit(owner_dsn)._replace(scheme="postgresql+psycopg").geturl()
    with get_backend(uri) as backend:
        for folder in folders:
            migrations = read_migrations(str(folder))
            # Not yoyo's own lock: it is a row, and outlives a crash.
            todo = backend.to_apply(migrations)
            backend.apply_migrations(todo)
            if left := [migration.id for migration in backend.to_apply(migrations)]:
                raise RuntimeError(f"migrations that cannot be loaded: {left}")
            applied += [migration.id for migration in todo]
    _logger.info("migrated", extra={"applied": applied})
    return applied
