"""Tokens signed by the local key, as people ask for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from caselog.endpoints import DATA_VARIABLE, Unreachable
from caselog.stack import Layout
from shared.hosting.keys import KeyFileWrong
from shared.hosting.principal import ALL_TEAMS, Role
from shared.hosting.tokens import issue_token

TTL_MAX: Final = timedelta(days=3650)
_TTL: Final = re.compile(r"(\d{1,9})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_TEAM: Final = re.compile(r"[A-Z][A-Z0-9]{0,15}")


class WrongOption(ValueError):
    """An option has a value that cannot be; ``option`` says which."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


def time_to_live(text: str) -> timedelta:
    """``8h`` → eight hours. Raises WrongOption."""
    match = _TTL.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise WrongOption("--ttl", f"{text!r} is not a duration such as 30m, 8h or 7d")
    try:
        ttl = timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError:
        ttl = timedelta.max
    if ttl > TTL_MAX:
        raise WrongOption("--ttl", f"{text!r} is too long; at most {TTL_MAX.days}d")
    return ttl


def token(data: Path, *, name: str, role: str, teams: Sequence[str], ttl: str) -> str:
    """A bearer token. Raises WrongOption, and Unreachable where no stack ever was."""
    if role not in set(Role):
        raise WrongOption("--role", f"{role!r} is not a role; there are {', '.join(Role)}")
    for team in teams:
        if team != ALL_TEAMS and _TEAM.fullmatch(team) is None:
            raise WrongOption("--team", f"{team!r} is not a team's key such as MOB")
    holds = time_to_live(ttl)
    try:
        return issue_token(Layout.of(data).token_key, name=name, role=role, teams=teams, ttl=holds)
    except KeyFileWrong as error:
        raise Unreachable(
            f"no token can be signed: {error}. `caselog up` makes the key; "
            f"--data or {DATA_VARIABLE} names the stack's directory"
        ) from error
    except ValueError as error:
        raise WrongOption("--name", str(error)) from error
