"""What a received event leads to at once: if it moves the case, Operations states the new status.

The statement is appended with its cause, so that whoever reads the log finds it equal to the fold.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from services.ops_issues.domain.fold import statement
from services.ops_issues.domain.ops_issue import OpsIssue, State
from shared.events.envelope import Body

STATUS_CHANGED: Final = "status-changed"
"""The name that the id of a statement is derived with; on disk, within ids."""


class Reaction(Struct, frozen=True):
    """What Operations says to a received event; its id is derived from the cause and ``name``."""

    name: str
    body: Body


def react(before: State, after: State) -> tuple[Reaction, ...]:
    """What to say, now that a received event led from one state to the other."""
    if not (isinstance(before, OpsIssue) and isinstance(after, OpsIssue)):
        return ()
    stated = statement(before, after)
    return () if stated is None else (Reaction(STATUS_CHANGED, stated),)
