"""Random people and systems that work on a few issues: what they ask is drawn, not thought out.

Much of it is refused, and shall be. They know the issues and teams that they have heard of, and
not what state those are in.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec

from services.eng_issues.domain import commands as eng
from services.ops_issues.domain import commands as ops
from shared.events.intake import Service
from shared.hosting.principal import Principal, Role
from tests.simulation.clients import Asked, Clients, Said
from tests.simulation.network import SimBus
from tests.simulation.weather import OTHER

TIA: Final = Principal("tia", frozenset({Role.TIER2}), frozenset(), 0)
ENG: Final = Principal("eve", frozenset({Role.ENGINEER}), frozenset({"*"}), 0)
MAX: Final = Principal("max", frozenset({Role.MANAGER}), frozenset(), 0)
SYSTEM: Final = "servicenow"
STATUSES: Final = ("To Do", "In Progress", "Needs Ops Review", "Done", "Rejected")

Step = Callable[[], Coroutine[Any, Any, object]]


class Workload:
    """``steps`` acts of people and systems, spread over a few seconds."""

    def __init__(self, seed: int, clients: Clients, bus: SimBus) -> None:
        self._dice = random.Random(f"workload {seed}")
        self._clients = clients
        self._bus = bus
        dice = self._dice
        self.teams = ("MOB", "WEB", "API")[: dice.choice((1, 2, 2, 3))]
        self.steps = dice.randrange(20, 60)
        self._pace = dice.choice((0.02, 0.1, 0.3))
        self._by_intake = dice.choice((0.0, 0.2, 0.5))
        self._issues: list[str] = []
        self._boards: list[str] = []
        self._numbers = 0
        self._tasks: set[asyncio.Task[object]] = set()

    async def run(self) -> None:
        """Returns when everybody knows, or has given up, what became of what they asked."""
        for team in self.teams:
            define = eng.DefineTeam(name=f"Team {team}")
            self._begin(self._ask("eng", "define-team", {"team": team}, define, MAX))
        for _ in range(self._dice.choice((1, 2, 3))):
            self._begin(self._open())
        for _ in range(self.steps):
            await asyncio.sleep(self._dice.random() * 2 * self._pace)
            self._begin(self._act())
        while self._tasks:
            await asyncio.wait(set(self._tasks))
            for task in [task for task in self._tasks if task.done()]:
                self._tasks.discard(task)
                task.result()

    def _begin(self, act: Coroutine[Any, Any, object]) -> None:
        self._tasks.add(asyncio.create_task(act))

    async def _ask(
        self,
        service: Service,
        name: str,
        path: dict[str, str],
        body: msgspec.Struct,
        principal: Principal,
    ) -> Asked:
        return await self._clients.ask(service, name, path, body, principal)

    async def _open(self) -> None:
        self._numbers += 1
        dice, number = self._dice, self._numbers
        if dice.random() < 0.1:
            number = dice.randint(1, number)  # that source case may have an issue already
        case = ops.OpenedFor(system=SYSTEM, number=f"INC{number}") if dice.random() < 0.6 else None
        body = ops.Open(summary=f"issue {number}", severity="3 - Moderate", source_case=case)
        asked = await self._ask("ops", "open", {}, body, TIA)
        if asked.told == "ok" and asked.answer is not None:
            self._know(msgspec.json.decode(asked.answer.body)["key"])

    def _know(self, key: str) -> None:
        if key not in self._issues:
            self._issues.append(key)

    def _act(self) -> Coroutine[Any, Any, object]:
        dice = self._dice
        if not self._issues or dice.random() < 0.04:
            return self._opened_elsewhere() if dice.random() < self._by_intake else self._open()
        issue = dice.choice(self._issues)
        if dice.random() < 0.02:
            issue = "OPS-999"
        if dice.random() < self._by_intake:
            return self._publish(issue)
        if dice.random() < 0.5:
            return self._by_tier_2(issue)
        return self._by_engineers(issue)

    # --- people -------------------------------------------------------------------------------

    def _by_tier_2(self, issue: str) -> Coroutine[Any, Any, Asked]:
        dice = self._dice
        team = dice.choice((*self.teams, "Product"))
        teams = tuple(dice.sample(self.teams, dice.randint(1, len(self.teams))))
        word = f"said {dice.randrange(1000)}"
        drawn: list[tuple[int, str, msgspec.Struct]] = [
            (8, "assign-team", ops.AssignTeam(team=team)),
            (4, "unassign-team", ops.UnassignTeam(team=team, comment=dice.choice((None, word)))),
            (5, "return-to-engineering", ops.ReturnToEngineering(teams=teams, comment=word)),
            (2, "take-ownership", ops.TakeOwnership(assignee="tia")),
            (2, "await-info", ops.AwaitInfo(awaited_from="customer", comment=word)),
            (1, "customer-responded", ops.CustomerResponded(comment=word)),
            (1, "return-to-triage", ops.ReturnToTriage()),
            (1, "hand-to-product", ops.HandToProduct(pm="pat", comment=word)),
            (2, "comment", ops.Comment(body=word, visibility="internal")),
            (1, "amend", ops.Amend(severity=dice.choice(("1 - Critical", "4 - Low")))),
            (1, "request-update", ops.RequestUpdate(team=team, phase=dice.randint(1, 4))),
            (2, "close", ops.Close(resolution="Done", comment=word)),
            (4, "reopen", ops.Reopen(reason="late-verification", comment=word)),
            (1, "attach-evidence", ops.AttachEvidence(kind="log", content="https://logs/1")),
        ]
        _, name, body = dice.choices(drawn, [weight for weight, _, _ in drawn])[0]
        return self._ask("ops", name, {"key": issue}, body, TIA)

    def _by_engineers(self, issue: str) -> Coroutine[Any, Any, object]:
        dice = self._dice
        team = dice.choice(self.teams)
        word = f"said {dice.randrange(1000)}"
        if self._boards and dice.random() < 0.35:
            return self._on_a_board(dice.choice(self._boards), word)
        if dice.random() < 0.06:
            return self._create(team)
        link = dice.choice(self._boards) if self._boards else f"{team}-1"
        drawn: list[tuple[int, str, msgspec.Struct]] = [
            (8, "claim", eng.Claim(comment=dice.choice((None, word)))),
            (4, "reject", eng.Reject(comment=word, belongs_to="unknown")),
            (4, "send-to-review", eng.SendToReview(comment=word)),
            (2, "link", eng.Link(issue=link)),
            (1, "unlink", eng.Unlink(issue=link)),
        ]
        _, name, body = dice.choices(drawn, [weight for weight, _, _ in drawn])[0]
        return self._on_a_case(name, {"team": team, "key": issue}, body)

    async def _on_a_case(self, name: str, path: dict[str, str], body: msgspec.Struct) -> None:
        asked = await self._ask("eng", name, path, body, ENG)
        self._know_board(asked)

    async def _create(self, team: str) -> None:
        body = eng.CreateIssue(team=team, summary="our own", severity="4 - Low")
        self._know_board(await self._ask("eng", "create-issue", {}, body, ENG))

    def _know_board(self, asked: Asked) -> None:
        if asked.told == "ok" and asked.answer is not None:
            key = msgspec.json.decode(asked.answer.body).get("key")
            if key is not None and key not in self._boards:
                self._boards.append(key)

    def _on_a_board(self, issue: str, word: str) -> Coroutine[Any, Any, Asked]:
        dice = self._dice
        if dice.random() < 0.15:
            body: msgspec.Struct = eng.Comment(body=word, visibility="internal")
            return self._ask("eng", "comment-issue", {"key": issue}, body, ENG)
        status = dice.choice(STATUSES)
        body = eng.Move(
            status=status,
            resolution=dice.choice((None, "Fixed", "Fixed")),
            comment=dice.choice((None, word, word)),
        )
        return self._ask("eng", "move-issue", {"key": issue}, body, ENG)

    # --- systems ------------------------------------------------------------------------------

    async def _opened_elsewhere(self) -> None:
        self._numbers += 1
        number = f"INC{self._numbers}"
        data = {
            "summary": f"issue {number}",
            "severity": "2 - High",
            "source_case": {"system": SYSTEM, "number": number},
        }
        said = await self._clients.publish(self._bus, "ops", SYSTEM, "opened", None, data)
        for receipt in said.receipts:
            if receipt.key is not None and receipt.key.startswith("OPS-"):
                self._know(receipt.key)

    def _publish(self, issue: str) -> Coroutine[Any, Any, Said]:
        dice = self._dice
        team, word = dice.choice(self.teams), f"said {dice.randrange(1000)}"
        drawn: list[tuple[int, Service, str, Any]] = [
            (3, "ops", "assign-team", {"team": team}),
            (2, "ops", "commented", {"comment": word}),
            (2, "ops", "return-to-engineering", {"teams": [team], "comment": word}),
            (1, "ops", "close", {"resolution": "Done", "comment": word}),
            (1, "ops", "reopen", {"reason": "late-verification", "comment": word}),
            (1, "ops", "amended", {"wrong": word}),
            (4, "eng", "claimed", {"team": team}),
            (1, "eng", "claimed", {"team": team, "issue": f"JIRA-{dice.randint(1, 3)}"}),
            (2, "eng", "rejected", {"team": team, "comment": word, "belongs_to": "unknown"}),
            (2, "eng", "sent-to-review", {"team": team, "comment": word}),
            (2, "eng", "closed", {"team": team, "resolution": "Fixed", "comment": word}),
            (2, "eng", "progressed", {"team": team, "to_status": dice.choice(STATUSES)}),
        ]
        _, service, kind, data = dice.choices(drawn, [each[0] for each in drawn])[0]
        after = self._seen(OTHER[service]) if dice.random() < 0.4 else None
        return self._clients.publish(self._bus, service, SYSTEM, kind, issue, data, after)

    def _seen(self, service: Service) -> tuple[Service, int] | None:
        """A place in that service's log that some receipt or answer named."""
        seen = [
            asked.answer.position
            for asked in self._clients.asked
            if asked.service == service and asked.recorded and asked.answer is not None
        ]
        seen += [
            receipt.position
            for said in self._clients.said.values()
            for receipt in said.receipts
            if said.service == service
        ]
        known = [position for position in seen if position is not None]
        return (service, self._dice.choice(known[-5:])) if known else None
