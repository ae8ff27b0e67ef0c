"""Contract §6: which role may use which route, and who is let in at all."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from caselog.stack import Layout
from shared.hosting.keys import private_key
from tests.acceptance.ops_commands import COMMANDS
from tests.acceptance.world import ISSUE, World, good, problem

pytestmark = [pytest.mark.integration]

ROLES = ("reporter", "tier2", "engineer", "manager", "operator", "auditor", "system")
EVERYBODY = set(ROLES)
BOTH_READERS = EVERYBODY - {"reporter"}
TIER_2 = {"tier2", "manager", "system"}
ENGINEERS = {"engineer", "system"}
ALSO = {
    "comment": {"reporter", "engineer"},
    "customer-responded": {"reporter"},
    "reopen": {"reporter"},
    "attach-evidence": {"engineer"},
    "link": {"engineer"},
}
NOWHERE = "00000000-0000-7000-8000-000000000000"
CASE = "/issues/OPS-999999999"
ACTIONS = ("claim", "reject", "send-to-review", "link")


@dataclass(frozen=True)
class Route:
    """A route, asked for what is not there, and who may."""

    service: str
    method: str
    path: str
    roles: set[str]
    body: Any = None


ROUTES = [
    Route("ops", "POST", "/issues", TIER_2 | {"reporter"}, {}),
    *(
        Route("ops", "POST", f"{CASE}/{command.name}", TIER_2 | ALSO.get(command.name, set()), body)
        for command in COMMANDS
        for body in ({"reason": "late-verification", "comment": "."} if command.name == "reopen"
                     else {},)
    ),
    Route("ops", "GET", CASE, EVERYBODY),
    Route("ops", "GET", f"{CASE}/history", EVERYBODY),
    Route("ops", "GET", "/issues", EVERYBODY),
    Route("ops", "GET", "/queues", EVERYBODY),
    Route("eng", "PUT", "/teams/NOSUCHTEAM", ENGINEERS | {"manager"}, {}),
    *(
        Route("eng", "POST", f"/teams/NOSUCHTEAM/ops-issues/OPS-1/{action}", ENGINEERS, {})
        for action in ACTIONS
    ),
    Route("eng", "POST", "/issues", ENGINEERS, {}),
    *(
        Route("eng", "POST", f"/issues/NOSUCHTEAM-1/{action}", ENGINEERS, {})
        for action in ("move", "assign", "comment")
    ),
    Route("eng", "GET", "/issues", BOTH_READERS),
    Route("eng", "GET", "/issues/NOSUCHTEAM-1", BOTH_READERS),
    Route("eng", "GET", "/teams", BOTH_READERS),
    Route("eng", "GET", "/teams/NOSUCHTEAM/queue", BOTH_READERS),
    *(
        Route(service, method, path, roles, body)
        for service in ("ops", "eng")
        for method, path, roles, body in (
            ("GET", "/log?limit=1", BOTH_READERS, None),
            ("GET", "/lag", {"operator", "auditor"}, None),
            ("GET", "/dead-letters", {"operator", "auditor"}, None),
            ("GET", f"/dead-letters/{NOWHERE}", {"operator", "auditor"}, None),
            ("POST", f"/dead-letters/{NOWHERE}/retry", {"operator"}, {}),
            ("POST", f"/dead-letters/{NOWHERE}/discard", {"operator"}, {"reason": "Noise."}),
            ("POST", "/events", {"system"}, {}),
            ("GET", "/asyncapi", EVERYBODY, None),
        )
    ),
]  # fmt: skip


def named(route: Route) -> str:
    return f"{route.service} {route.method} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_a_route_is_for_its_roles_alone(world: World, route: Route) -> None:
    service = world.ops if route.service == "ops" else world.eng

    for role in ROLES:
        answer = await service.ask(route.method, route.path, route.body, role=role)
        if role in route.roles:
            assert answer.status_code not in {401, 403, 500}, (role, answer.text)
        else:
            problem(answer, 403)
    nobody = await service.client.request(route.method, route.path, json=route.body)
    problem(nobody, 401)
    assert nobody.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", ["ops", "eng"])
async def test_the_stream_is_for_those_who_read_both(world: World, name: str) -> None:
    service = world.ops if name == "ops" else world.eng
    for role in ROLES:
        token = world.token(role, "x", ["*"])
        headers = {"Authorization": f"Bearer {token}"}
        async with service.client.stream("GET", "/stream", headers=headers) as answer:
            assert answer.status_code == (200 if role in BOTH_READERS else 403), role


@pytest.mark.parametrize("name", ["ops", "eng"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/schema/openapi.json"])
async def test_what_is_open_to_everybody(world: World, name: str, path: str) -> None:
    service = world.ops if name == "ops" else world.eng

    answer = await service.client.get(path)

    assert answer.status_code == 200
    assert answer.headers["caselog-position"].isdigit()


async def test_an_engineer_acts_for_the_teams_of_the_token(world: World) -> None:
    ours, theirs = await world.team(), await world.team()
    eve = world.token("engineer", "eve", [ours])
    case = await world.case(ours, theirs)
    issue = await world.own_issue(theirs)

    refused = [
        await case.acted(theirs, "claim", {}, token=eve),
        await world.eng.ask("PUT", f"/teams/{theirs}", {"name": "Ours now"}, token=eve),
        await world.eng.ask("POST", "/issues", {"team": theirs, **ISSUE}, token=eve),
        await world.eng.ask("POST", f"/issues/{issue}/move", {"status": "Done"}, token=eve),
        await world.eng.ask("POST", f"/issues/{issue}/assign", {"assignee": "eve"}, token=eve),
    ]
    for answer in refused:
        problem(answer, 403)
    assert (await case.acted(ours, "claim", {}, token=eve)).status_code == 200
    assert (await case.acted(theirs, "claim", {}, role="system")).status_code == 200
    await world.settled()
    claims = [entry for entry in await case.history() if entry["type"] == "claimed"]
    assert claims[0]["actor"] == "person:eve"


async def test_an_engineer_without_teams_acts_for_none(world: World) -> None:
    team = await world.team()
    case = await world.case(team)

    answer = await case.acted(team, "claim", {}, token=world.token("engineer", "eve"))

    problem(answer, 403)


async def test_a_reporter_reopens_for_late_verification_only(world: World) -> None:
    case = await world.case()
    await case.tell("close", resolution="Done", comment="Verified.")

    correct = {"reason": "correct-resolution", "comment": "It was a duplicate."}
    problem(await case.told("reopen", correct, role="reporter"), 403)
    late = {"reason": "late-verification", "comment": "It is back."}
    assert (await case.told("reopen", late, role="reporter")).status_code == 200


async def test_an_auditor_changes_nothing(world: World) -> None:
    before = [await service.get("/lag") for service in world.services]
    for service in world.services:
        for method, path in (("POST", "/issues"), ("PUT", "/teams/MOB"), ("DELETE", "/issues/1")):
            answer = await service.ask(method, path, {}, role="auditor")
            assert answer.status_code in {403, 404, 405}
    after = [await service.get("/lag") for service in world.services]
    assert [lag["position"] for lag in after] == [lag["position"] for lag in before]


Forge = Callable[[dict[str, Any], Path], str]


def signed(key: Path, claims: dict[str, Any], **headers: Any) -> str:
    kid, signing = private_key(key)
    return jwt.encode(claims, signing, algorithm="EdDSA", headers={"kid": kid, **headers})


def changed(**claims: Any) -> Forge:
    def forge(good_claims: dict[str, Any], key: Path) -> str:
        merged = {**good_claims, **claims}
        return signed(key, {name: value for name, value in merged.items() if value is not None})

    return forge


def unsigned(claims: dict[str, Any], key: Path) -> str:
    return jwt.encode(claims, None, algorithm="none")  # type: ignore[arg-type] # as attackers do


def with_the_public_key_as_secret(claims: dict[str, Any], key: Path) -> str:
    jwks = key.with_name("jwks.json").read_bytes()
    kid = json.loads(jwks)["keys"][0]["kid"]
    secret = base64.b64encode(jwks).decode()
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": kid})


def tampered(claims: dict[str, Any], key: Path) -> str:
    head, _, signature = signed(key, claims).split(".")
    raised = json.dumps({**claims, "roles": ["system"]}).encode()
    return f"{head}.{base64.urlsafe_b64encode(raised).rstrip(b'=').decode()}.{signature}"


FORGERIES: dict[str, Forge] = {
    "expired": changed(exp=1_700_000_000),
    "good only later": changed(nbf=4_000_000_000),
    "without an end": changed(exp=None),
    "for another audience": changed(aud="elsewhere"),
    "of another issuer": changed(iss="elsewhere"),
    "of nobody": changed(sub=None),
    "of a name that is no name": changed(sub="a\nb"),
    "unsigned": unsigned,
    "signed with the public key": with_the_public_key_as_secret,
    "tampered with": tampered,
    "of an unknown key": lambda claims, key: signed(key, claims, kid="another"),
    "with a key of its own": lambda claims, key: signed(key, claims, jwk={"kty": "OKP"}),
    "with the address of its key": lambda claims, key: signed(key, claims, jku="http://evil/"),
    "no token": lambda claims, key: "no token",
    "too long": lambda claims, key: "x" * 20_000,
}


@pytest.mark.parametrize("forgery", FORGERIES, ids=str)
async def test_a_token_that_is_not_good(world: World, stack_data: Path, forgery: str) -> None:
    key = Layout(stack_data).token_key
    claims = jwt.decode(world.token("tier2", "mallory"), options={"verify_signature": False})
    assert good(await world.ops.ask("GET", "/issues?limit=1", token=signed(key, claims)))

    token = FORGERIES[forgery](claims, key)

    for service in world.services:
        answer = await service.ask("GET", "/issues?limit=1", token=token)
        said = problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert token[:20] not in said["detail"]


@pytest.mark.parametrize("header", [None, "Basic dGllcjI6", "Bearer", "token", "Bearer a b c"])
async def test_without_a_bearer_token(world: World, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}

    problem(await world.ops.client.get("/issues", headers=headers), 401)
    problem(await world.ops.client.get("/no/such/route", headers=headers), 401)


async def test_a_token_is_not_taken_from_the_address(world: World) -> None:
    token = world.endpoints.tokens["tier2"]

    problem(await world.ops.client.get("/issues", params={"access_token": token}), 401)


async def test_a_token_lasts_as_long_as_it_says(world: World) -> None:
    token = world.token("tier2", "ada", ttl=timedelta(seconds=-1))

    problem(await world.ops.ask("GET", "/issues", token=token), 401)
