"""What clients want: commands and events about a few shared cases, many of which a rule refuses."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.history import Service

Json = dict[str, Any]
SEVERITY: Final = "3 - Moderate"
SYSTEM: Final = "chaos"


@dataclass(frozen=True, slots=True)
class Shared:
    """An ops issue with the team that works on it; ``issue`` is the team's, if it claimed."""

    key: str
    team: str
    issue: str | None


@dataclass(frozen=True, slots=True)
class Request:
    """One command: whom, with which role, where, what. The token is in ``body``."""

    service: Service
    f: str
    path: str
    body: Json
    role: str


@dataclass(frozen=True, slots=True)
class Published:
    """One event of another system: type and body, and what it is about."""

    f: str
    kind: str
    data: Json
    subject: str | None = None


@dataclass(slots=True)
class Ground:
    """What all clients share."""

    teams: list[str] = field(default_factory=list)
    shared: list[Shared] = field(default_factory=list)

    def choose(self, dice: random.Random) -> tuple[Service, str]:
        """Whom to ask for what."""
        chosen: tuple[Service, str] = dice.choices(*zip(*WEIGHTS.items(), strict=True))[0]
        return chosen

    def request(self, f: tuple[Service, str], token: str, dice: random.Random) -> Request:
        """A command with its token."""
        case = dice.choice(self.shared)
        match f:
            case ("ops", "open"):
                body = {"summary": f"Chaos {token}", "severity": SEVERITY}
                return Request("ops", "open", "/issues", body, "tier2")
            case ("ops", name):
                path = f"/issues/{case.key}/{name}"
                return Request("ops", name, path, ops_body(name, token, case), "tier2")
            case (_, "create"):
                body = {"team": case.team, "summary": f"Chaos {token}", "severity": SEVERITY}
                return Request("eng", "create", "/issues", body, "engineer")
            case (_, "comment" | "move" as name):
                path = f"/issues/{case.issue or f'{case.team}-1'}/{name}"
                return Request("eng", name, path, eng_body(name, token, dice), "engineer")
            case (_, name):
                path = f"/teams/{case.team}/ops-issues/{case.key}/{name}"
                return Request("eng", name, path, {"comment": f"Chaos {token}"}, "engineer")

    def event(self, token: str, dice: random.Random) -> Published:
        """An event with its token. Whether it is refused does not depend on the moment."""
        case = dice.choice(self.shared)
        match dice.randrange(10):
            case 0 | 1 | 2:
                number = token.strip("~")
                source = {"system": SYSTEM, "number": number}
                data = {"summary": f"Chaos {token}", "severity": SEVERITY, "source_case": source}
                return Published("intake-opened", "opened", data)
            case 3 | 4 | 5 | 6:
                data = {"comment": f"Chaos {token}"}
                return Published("intake-commented", "commented", data, case.key)
            case 7 | 8:
                data = {"kind": "log", "content": f"Chaos {token}"}
                return Published("intake-evidence-attached", "evidence-attached", data, case.key)
            case _:  # a field that there is not: refused, and kept as a dead letter
                data = {"comment": f"Chaos {token}", "colour": "blue"}
                return Published("intake-commented", "commented", data, case.key)


def ops_body(name: str, token: str, case: Shared) -> Json:
    text = f"Chaos {token}"
    match name:
        case "comment":
            return {"body": text, "visibility": "internal"}
        case "amend":
            return {"summary": text}
        case "await-info":
            return {"from": "vendor", "comment": text}
        case "return-to-engineering":
            return {"teams": [case.team], "comment": text}
        case "attach-evidence":
            return {"kind": "log", "content": text}
        case _:
            return {"label": token}


def eng_body(name: str, token: str, dice: random.Random) -> Json:
    if name == "comment":
        return {"body": f"Chaos {token}", "visibility": "internal"}
    return {"status": dice.choice(("To Do", "In Progress")), "comment": f"Chaos {token}"}


WEIGHTS: Final[dict[tuple[Service, str], int]] = {
    ("ops", "open"): 4,
    ("ops", "comment"): 10,
    ("ops", "amend"): 3,
    ("ops", "await-info"): 3,
    ("ops", "return-to-engineering"): 4,
    ("ops", "attach-evidence"): 3,
    ("ops", "add-label"): 3,
    ("eng", "claim"): 4,
    ("eng", "send-to-review"): 4,
    ("eng", "comment"): 10,
    ("eng", "move"): 4,
    ("eng", "create"): 2,
}
"""How often each command is wanted."""
