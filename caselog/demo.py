"""``caselog up --demo``: three teams, and a few issues in every status, made as people make them.

Told over HTTP by the roles that would. Each step has an idempotency key, so a demo that was killed
half way goes on; when it is complete a file in the data directory says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

from caselog.client import ask, service_client
from caselog.endpoints import SERVICES, Endpoints, Service, Unreachable

DONE: Final = "demo.done"
ARRIVAL_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.02

WORKFLOW: Final = {
    "statuses": ["To Do", "In Progress", "Needs Ops Review", "Done", "Won't Fix"],
    "default": "To Do",
    "review": "Needs Ops Review",
    "closed": ["Done", "Won't Fix"],
}
TEAMS: Final[Mapping[str, Mapping[str, Any]]] = {
    "MOB": {
        "name": "Mobile",
        "manager": "Mara Lind",
        "domains": ["login", "mobile app"],
        "channel": "#team-mobile",
    },
    "PAY": {
        "name": "Payments",
        "manager": "Pavel Orsov",
        "domains": ["transfers", "bill pay"],
        "channel": "#team-payments",
    },
    "CORE": {
        "name": "Core Banking",
        "manager": "Cora Haan",
        "domains": ["accounts", "statements"],
        "channel": "#team-core",
    },
}


@dataclass(frozen=True, slots=True)
class Step:
    """One command; in its path ``{key}`` is the issue, ``{work}`` the last engineering issue."""

    service: Service
    role: str
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """One issue and what people did with it."""

    opened: Mapping[str, Any]
    steps: Sequence[Step] = ()


def _ops(command: str, **body: object) -> Step:
    return Step("ops", "tier2", f"/issues/{{key}}/{command}", body)


def _assign(team: str) -> Step:
    return _ops("assign-team", team=team)


def _team(team: str, action: str, **body: object) -> Step:
    return Step("eng", "engineer", f"/teams/{team}/ops-issues/{{key}}/{action}", body)


def _work(action: str, **body: object) -> Step:
    return Step("eng", "engineer", f"/issues/{{work}}/{action}", body)


def _issue(
    summary: str, severity: str, number: str, description: str, **more: object
) -> dict[str, Any]:
    case = {"system": "jsource", "number": number, "owner": "Olga Brandt"}
    issue = {"summary": summary, "severity": severity, "description": description}
    return {**issue, "board": "Customer Support", "source_case": case, **more}


STORIES: Final[Sequence[Story]] = (
    Story(
        _issue(
            "Transfer shows twice in the activity list",
            "3 - Moderate",
            "4711001",
            "A member sees one external transfer as two entries; the balance is right.",
            product="Transfers",
        )
    ),
    Story(
        _issue(
            "Statement download fails with a blank page",
            "2 - High",
            "4711002",
            "Since Monday the PDF of the last statement opens empty in every browser.",
            product="Statements",
        ),
        [
            _assign("MOB"),
            _team(
                "MOB",
                "reject",
                comment="Statements are rendered by Core, the app only links them.",
                belongs_to="CORE",
            ),
            _assign("CORE"),
        ],
    ),
    Story(
        _issue(
            "Member cannot enrol a second device",
            "3 - Moderate",
            "4711003",
            "The code arrives by text message, and is refused as expired.",
            product="Login",
        ),
        [
            _ops("take-ownership", assignee="Tom Vesely"),
            _ops("comment", body="Clock of the phone is 20 minutes off.", visibility="internal"),
        ],
    ),
    Story(
        _issue(
            "Login loops after the password change",
            "1 - Critical",
            "4711004",
            "Members who changed their password are sent back to the login page.",
            product="Login",
            institutions=[{"id": "FI-0042", "name": "Lakeshore Credit Union"}],
        ),
        [
            _assign("MOB"),
            _assign("CORE"),
            _team("MOB", "claim"),
            _work("move", status="In Progress"),
            _team("CORE", "claim"),
            _ops("add-institution", id="FI-0117", name="Prairie State Bank"),
        ],
    ),
    Story(
        _issue(
            "Bill payment rejected by the payee's bank",
            "3 - Moderate",
            "4711005",
            "The payment comes back after two days with return code R03.",
            product="Bill Pay",
        ),
        [
            _ops(
                "await-info",
                **{"from": "customer", "comment": "The payee's account number, please."},
            ),
            _ops("add-label", label="payee data"),
        ],
    ),
    Story(
        _issue(
            "Push notifications arrive hours late",
            "2 - High",
            "4711006",
            "Card alerts come two to five hours after the purchase.",
            product="Mobile App",
        ),
        [
            _assign("MOB"),
            _team("MOB", "claim"),
            _team("MOB", "send-to-review", comment="Which app versions, and Android or iOS?"),
        ],
    ),
    Story(
        _issue(
            "Joint owners want separate alert settings",
            "4 - Low",
            "4711007",
            "Both owners of an account share one set of alerts today.",
            product="Mobile App",
        ),
        [
            _ops(
                "hand-to-product",
                pm="Paula Reyes",
                comment="This needs a project: alerts per person and not per account.",
            )
        ],
    ),
    Story(
        _issue(
            "Recurring transfer ran on a holiday",
            "2 - High",
            "4711008",
            "The transfer of Labor Day ran on the day itself.",
            product="Transfers",
        ),
        [
            _assign("PAY"),
            _team("PAY", "claim"),
            _work(
                "move",
                status="Done",
                resolution="Fixed",
                comment="The holiday table missed the day; it is there and tested now.",
            ),
            _ops("customer-updated", comment="Told the member that the next one runs right."),
            _ops("close", resolution="Done", comment="Verified with the institution."),
        ],
    ),
)


async def tell(endpoints: Endpoints, data: Path) -> None:
    """Makes the demo's teams and issues, unless they are there. Raises Unreachable, Answered."""
    done = data / DONE
    if done.exists():
        return
    for key, team in TEAMS.items():
        await _give(
            endpoints,
            Step("eng", "manager", f"/teams/{key}", {**team, "workflow": WORKFLOW}),
            "PUT",
        )
    await _arrived(endpoints, "eng")
    for number, story in enumerate(STORIES):
        await _tell(endpoints, number, story)
    done.touch()


async def _tell(endpoints: Endpoints, number: int, story: Story) -> None:
    opening = Step("ops", "tier2", "/issues", story.opened)
    names = {"key": (await _give(endpoints, opening, key=f"demo-{number}"))["key"], "work": ""}
    last: Service = "ops"
    for index, step in enumerate(story.steps):
        if step.service != last:
            await _arrived(endpoints, last)
        last = step.service
        named = Step(step.service, step.role, step.path.format_map(names), step.body)
        answer = await _give(endpoints, named, key=f"demo-{number}-{index}")
        if answer.get("team"):
            names["work"] = answer.get("key", "")
    await _arrived(endpoints, last)


async def _give(
    endpoints: Endpoints, step: Step, method: str = "POST", key: str | None = None
) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    async with service_client(endpoints, step.service, step.role) as client:
        return await ask(client, method, step.path, json=dict(step.body), headers=headers)


async def _arrived(endpoints: Endpoints, author: Service) -> None:
    """Waits until the other service holds all that this one has published. Raises Unreachable."""
    (receiver,) = (service for service in SERVICES if service != author)
    deadline = monotonic() + ARRIVAL_SECONDS
    async with (
        service_client(endpoints, author, "operator") as theirs,
        service_client(endpoints, receiver, "operator") as ours,
    ):
        published = (await ask(theirs, "GET", "/lag"))["sequence"]
        while (held := (await ask(ours, "GET", "/lag"))["received"]) < published:
            if monotonic() > deadline:
                raise Unreachable(
                    f"the {receiver} service holds {held} of the {published} events of {author} "
                    f"after {ARRIVAL_SECONDS:.0f} s; its log in the data directory may say why"
                )
            await asyncio.sleep(LOOK_SECONDS)
