"""caselog as an outsider meets it: two addresses, a bus and tokens; and short words for long tests.

Nothing here knows how the product is made, but for the file of its signing key: an outsider would
ask ``caselog token`` for a token of another name, which is the same and takes a second longer.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal

import httpx

from caselog.endpoints import Endpoints
from shared.hosting.tokens import issue_token
from tests.kit.waiting import eventually

PROBLEM: Final = "application/problem+json"
REVIEW: Final = "Needs Ops Review"
WORKFLOW: Final = {
    "statuses": ["To Do", "In Progress", REVIEW, "Done", "Rejected"],
    "default": "To Do",
    "review": REVIEW,
    "closed": ["Done", "Rejected"],
}
ISSUE: Final = {"summary": "Deposits fail at the second photo", "severity": "3 - Moderate"}
SETTLING_SECONDS: Final = 20.0

Json = dict[str, Any]


class Service:
    """One service over HTTP. Without a token of another, who asks has the role ``usual``."""

    def __init__(self, name: str, url: str, usual: str, tokens: Mapping[str, str]) -> None:
        self.name = name
        self.url = url
        self._usual = usual
        self.tokens = tokens
        self.client = httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(60))

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> httpx.Response:
        """Any request; ``body`` is sent as JSON."""
        bearer = token if token is not None else self.tokens[role or self._usual]
        sent = {"Authorization": f"Bearer {bearer}", **(headers or {})}
        if body is not None:
            request["json"] = body
        return await self.client.request(method, path, headers=sent, **request)

    async def get(self, path: str, **parameters: Any) -> Any:
        """What an auditor reads there."""
        return good(await self.ask("GET", path, role="auditor", params=parameters))

    async def post(self, path: str, body: Any = None, **request: Any) -> Json:
        """What a command that must be accepted answers."""
        answer: Json = good(await self.ask("POST", path, {} if body is None else body, **request))
        return answer

    async def log(self, after: int = 0, limit: int = 100_000) -> list[bytes]:
        """The exact entries behind a position."""
        parameters = {"after": after, "limit": limit}
        answer = await self.ask("GET", "/log", role="auditor", params=parameters)
        good(answer)
        return answer.content.splitlines()

    async def history(self, key: str, **parameters: Any) -> list[Json]:
        """What happened to an issue."""
        page = await self.get(f"/issues/{key}/history", **parameters)
        assert page["next_cursor"] is None
        items: list[Json] = page["items"]
        return items


class World:
    """A running stack, and what makes tests strangers to each other: keys of their own."""

    def __init__(self, endpoints: Endpoints, signing_key: Path, prefix: str) -> None:
        self.endpoints = endpoints
        self._signing_key = signing_key
        self._prefix = prefix
        self._numbers = itertools.count(1)
        tokens = {**endpoints.tokens, "reporter": self.token("reporter", "reporter")}
        self.ops = Service("ops", endpoints.ops, "tier2", tokens)
        self.eng = Service("eng", endpoints.eng, "engineer", tokens)
        self.services = (self.ops, self.eng)

    async def close(self) -> None:
        for service in self.services:
            await service.client.aclose()

    def token(
        self, role: str, name: str, teams: Sequence[str] = (), ttl: timedelta = timedelta(hours=1)
    ) -> str:
        """A token, as ``caselog token`` prints it."""
        return issue_token(self._signing_key, name=name, role=role, teams=teams, ttl=ttl)

    def unique(self, prefix: str = "A") -> str:
        """A word that no other test has: capitals and digits, at most 16."""
        return f"{prefix}{self._prefix}N{next(self._numbers)}"

    async def team(self, **fields: Any) -> str:
        """Defines a team and gives its key."""
        key = self.unique()
        body = {"name": f"Team {key}", "workflow": WORKFLOW, **fields}
        good(await self.eng.ask("PUT", f"/teams/{key}", body, role="manager"))
        return key

    async def case(self, *teams: str, **fields: Any) -> Case:
        """Opens an issue and assigns these teams."""
        opened = await self.ops.post("/issues", {**ISSUE, **fields})
        case = Case(self, opened["key"])
        for team in teams:
            await case.tell("assign-team", team=team)
        return case

    async def case_in(self, status: str, *teams: str) -> Case:
        """An issue with these teams assigned, none of which has claimed it, in an open status.

        Engineering Ownership and Needs Ops Review are reached by the first team's claim or
        question.
        """
        case = await self.case(*teams)
        match status:
            case "New":
                pass
            case "Ops Ownership":
                await case.tell("take-ownership", assignee="ada")
            case "Waiting on Info":
                await case.tell("await-info", {"from": "vendor"}, comment="Which firmware?")
            case "Product Management Ownership":
                await case.tell("hand-to-product", pm="Pia", comment="It needs a project.")
            case "Engineering Ownership":
                await case.act(teams[0], "claim")
            case "Needs Ops Review":
                await case.act(teams[0], "send-to-review", comment="Which version?")
            case _:
                raise ValueError(status)
        assert (await case.read())["status"] == status
        return case

    async def own_issue(self, team: str) -> str:
        """An issue that a team has on its board of its own accord."""
        body = {"team": team, "summary": "The camera loses frames", "severity": "4 - Low"}
        return str((await self.eng.post("/issues", body))["key"])

    async def move(self, issue: str, status: str, **body: Any) -> Json:
        """Moves an engineering issue, and waits until both services know."""
        moved = await self.eng.post(f"/issues/{issue}/move", {"status": status, **body})
        await self.settled()
        return moved

    async def settled(self) -> None:
        """Returns when each service holds all that the other has published."""

        async def agree() -> bool:
            ops, eng = await self.ops.get("/lag"), await self.eng.get("/lag")
            # Operations was asked first: had it published since, it would not hold all of
            # Engineering's now.
            heard = ops["received"] == eng["sequence"] and eng["received"] == ops["sequence"]
            assert heard, (ops, eng)
            return True

        await eventually(agree, SETTLING_SECONDS, every=0.01)


class Case:
    """One ops issue, followed through both services."""

    def __init__(self, world: World, key: str) -> None:
        self.world = world
        self.key = key

    async def tell(self, command: str, extra: Json | None = None, /, **body: Any) -> Json:
        """Gives a command of Operations, which must be accepted, and waits until both know."""
        answer = await self.told(command, {**(extra or {}), **body})
        found: Json = good(answer)
        assert found["key"] == self.key
        await self.world.settled()
        return found

    async def told(self, command: str, body: Json, **request: Any) -> httpx.Response:
        """Gives a command of Operations, whatever is answered."""
        return await self.world.ops.ask("POST", f"/issues/{self.key}/{command}", body, **request)

    async def act(self, team: str, action: str, **body: Any) -> Json:
        """A team's action, which must be accepted; waits until both services know."""
        answer: Json = good(await self.acted(team, action, body))
        await self.world.settled()
        return answer

    async def acted(self, team: str, action: str, body: Json, **request: Any) -> httpx.Response:
        """A team's action, whatever is answered."""
        path = f"/teams/{team}/ops-issues/{self.key}/{action}"
        return await self.world.eng.ask("POST", path, body, **request)

    async def claimed_by(self, team: str, **body: Any) -> str:
        """The team claims it; the key of its engineering issue."""
        answer = await self.act(team, "claim", **body)
        assert self.key in answer["ops_issues"]
        return str(answer["key"])

    async def read(self, **parameters: Any) -> Json:
        """The issue as Operations shows it."""
        found: Json = await self.world.ops.get(f"/issues/{self.key}", **parameters)
        return found

    async def states(self) -> dict[str, str]:
        """Each team of Team(s), with its state."""
        return {each["team"]: each["state"] for each in (await self.read())["teams"]}

    async def history(self, service: Literal["ops", "eng"] = "ops") -> list[Json]:
        """What happened, as one of the services holds it."""
        return await (self.world.ops if service == "ops" else self.world.eng).history(self.key)

    async def last(self, kind: str, service: Literal["ops", "eng"] = "ops") -> Json:
        """The last entry of a type."""
        return [each for each in await self.history(service) if each["type"] == kind][-1]

    async def is_in(self, status: str, teams: Mapping[str, str] | None = None) -> Json:
        """Asserts the status, and each team of Team(s) with its state if ``teams`` is given.

        Also that the log says the same: its last statement, and what Engineering shows.
        """
        found = await self.read()
        assert found["status"] == status
        if teams is not None:
            assert await self.states() == dict(teams)
        entries = await self.history()
        stated = [each["data"]["to_status"] for each in entries if each["type"] == "status-changed"]
        assert (stated or ["New"])[-1] == entries[-1]["status_after"] == status
        assert (await self.history("eng"))[-1]["status_after"] == status
        return found


def good(answer: httpx.Response) -> Any:
    """The JSON of an answer that must be a good one."""
    assert answer.is_success, f"{answer.request.method} {answer.url}: {answer.text}"
    assert answer.headers["caselog-position"].isdigit()
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    return answer.json() if is_json else None


def problem(answer: httpx.Response, status: int, rule: str | None = None) -> Json:
    """The problem of an answer that must be one, in the shape that all have."""
    assert answer.status_code == status, f"{answer.request.method} {answer.url}: {answer.text}"
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["caselog-position"].isdigit()
    said: Json = answer.json()
    assert said["status"] == status
    assert {"type", "title", "status", "detail"} <= said.keys()
    assert said.get("rule") == rule, said
    if status in {413, 422} and "errors" in said:
        assert all(each["field"] and each["detail"] for each in said["errors"])
    return said


def wrong_fields(answer: httpx.Response) -> set[str]:
    """The fields that a 422 names."""
    return {each["field"] for each in problem(answer, 422)["errors"]}
