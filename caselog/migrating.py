"""Bringing a database of somebody's own to this version."""

from __future__ import annotations

from urllib.parse import urlsplit

import psycopg
import typer

from caselog.endpoints import Service, Unreachable
from caselog.wording import one_line
from shared.bus.migrate import migrate as apply


def migrate(service: Service, owner_dsn: str, role: str) -> None:
    """Prints what was applied now.

    Raises Unreachable, and BadParameter for a DSN that is none, or if the database refuses.
    """
    if urlsplit(owner_dsn).scheme not in {"postgresql", "postgres"}:
        raise typer.BadParameter("must begin with postgresql://", param_hint="--owner-dsn")
    try:
        steps = apply(owner_dsn, role)
    except psycopg.OperationalError as error:
        if error.sqlstate is not None:  # the server is there, and said no
            raise typer.BadParameter(one_line(str(error)), param_hint="--owner-dsn") from error
        raise Unreachable(f"the database of {service} cannot be reached: {error}") from error
    except psycopg.Error as error:
        raise typer.BadParameter(
            f"the database refused: {one_line(str(error))}", param_hint="--owner-dsn, --role"
        ) from error
    for step in steps:
        typer.echo(f"{service}: {step}")
    if not steps:
        typer.echo(f"{service}: nothing to do, it is of this version already")
