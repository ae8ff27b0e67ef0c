"""Every command of Operations with a body that is always accepted on a fresh issue, and its event.

A ``{team}`` in a body is a team that is assigned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tests.acceptance.world import Case, World

Json = dict[str, Any]


@dataclass(frozen=True)
class Accepted:
    """A command, what it records, the status it leads to, and what must be so before."""

    name: str
    body: Json
    event: str
    status: str = "New"
    before: tuple[tuple[str, Json], ...] = ()
    said: Json = field(default_factory=dict)

    def filled(self, team: str) -> Json:
        """The body about a team."""
        return filled(self.body, team)


def filled(body: Json, team: str) -> Json:
    """With ``{team}`` replaced."""

    def one(value: Any) -> Any:
        if isinstance(value, list):
            return [one(each) for each in value]
        return team if value == "{team}" else value

    return {name: one(value) for name, value in body.items()}


_COMMENT: Final = {"comment": "Because."}
_WAITS: Final = ("await-info", {"from": "customer", **_COMMENT})
_CLOSED: Final = ("close", {"resolution": "Done", **_COMMENT})

COMMANDS: Final = (
    Accepted("acknowledge", {}, "acknowledged"),
    Accepted("amend", {"summary": "Said otherwise", "severity": "2 - High"}, "amended"),
    Accepted("assign-team", {"team": "Product"}, "team-assigned"),
    Accepted("unassign-team", {"team": "{team}"}, "team-unassigned"),
    Accepted("take-ownership", {"assignee": "ada"}, "ops-ownership-taken", "Ops Ownership"),
    Accepted(
        "await-info",
        {"from": "internal-jha", "case_number": "JHA-1", **_COMMENT},
        "info-awaited",
        "Waiting on Info",
    ),
    Accepted("contact-customer", {"channel": "call", **_COMMENT}, "customer-contacted"),
    Accepted("customer-responded", {}, "customer-responded", "Waiting on Info", (_WAITS,)),
    Accepted("customer-updated", {**_COMMENT}, "customer-updated"),
    Accepted(
        "return-to-engineering",
        {"teams": ["{team}"], **_COMMENT},
        "returned-to-engineering",
        "New",
        (_WAITS,),
    ),
    Accepted("return-to-triage", {}, "returned-to-triage", "New", (_WAITS,)),
    Accepted(
        "hand-to-product",
        {"pm": "Pia", **_COMMENT},
        "handed-to-product",
        "Product Management Ownership",
    ),
    Accepted(
        "comment",
        {"body": "Look, @Tess.", "visibility": "public", "captured_from": "#deposit"},
        "commented",
    ),
    Accepted(
        "attach-evidence",
        {"kind": "log", "content": "15:04 ERROR 500", "query": "status>=500"},
        "evidence-attached",
    ),
    Accepted("add-label", {"label": "vip"}, "label-added"),
    Accepted("remove-label", {"label": "vip"}, "label-removed", "New",
             (("add-label", {"label": "vip"}),)),
    Accepted("add-institution", {"id": "4711", "name": "First Bank of Żary"}, "institution-added"),
    Accepted("link", {"kind": "relates", "to": "jira:BA-1"}, "linked"),
    Accepted("unlink", {"kind": "relates", "to": "jira:BA-1"}, "unlinked", "New",
             (("link", {"kind": "relates", "to": "jira:BA-1"}),)),
    Accepted("request-update", {"team": "{team}", "phase": 1}, "update-requested"),
    Accepted("close", {"resolution": "Done", **_COMMENT}, "closed", "Issue is Closed"),
    Accepted(
        "reopen",
        {"reason": "late-verification", **_COMMENT},
        "reopened",
        "Needs Ops Review",
        (_CLOSED,),
    ),
)  # fmt: skip
"""One for each command."""


async def ready(world: World, command: Accepted) -> tuple[Case, str]:
    """A case on which the command is accepted, and the team it is about."""
    team = await world.team()
    about_team = "{team}" in str(command.body)
    case = await world.case(*((team,) if about_team else ()))
    for name, body in command.before:
        await case.tell(name, filled(body, team))
    return case, team
