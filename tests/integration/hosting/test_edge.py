"""What holds for every request, also for those that no route was made for."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import httpx
import pytest

from shared.eventlog.model import LogFull, LogUnavailable
from shared.hosting.edge import Edge
from tests.integration.hosting.conftest import Running
from tests.kit.waiting import eventually

OPEN = ["/healthz", "/readyz", "/metrics", "/schema/openapi.json"]
CLOSED = ["/boxes", "/log", "/stream", "/asyncapi", "/nowhere", "/problems/busy", "/schema", "/"]


@pytest.fixture
async def stranger(service: Running) -> httpx.AsyncClient:
    """Somebody without a token."""
    return httpx.AsyncClient(base_url=service.url)


class TestATokenIsNeeded:
    @pytest.mark.parametrize("path", OPEN)
    async def test_but_not_for(self, path: str, stranger: httpx.AsyncClient) -> None:
        async with stranger:
            assert (await stranger.get(path)).status_code == 200

    @pytest.mark.parametrize("path", CLOSED)
    async def test_for_all_else(self, path: str, stranger: httpx.AsyncClient) -> None:
        async with stranger:
            answer = await stranger.get(path)

        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == 'Bearer realm="caselog"'
        assert answer.json()["type"] == "/problems/unauthenticated"

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer  x", "Bearer x.y.z", "Basic YQ=="])
    async def test_and_a_good_one(
        self, header: str, stranger: httpx.AsyncClient, service: Running
    ) -> None:
        async with stranger:
            answer = await stranger.post(
                "/boxes", json={"colour": "red"}, headers={"Authorization": header}
            )

        assert answer.status_code == 401
        assert service.log.head.position == 0

    async def test_however_the_scheme_is_written(
        self, stranger: httpx.AsyncClient, service: Running
    ) -> None:
        async with stranger:
            answer = await stranger.get(
                "/boxes", headers={"authorization": f"bearer  {service.token()}"}
            )

        assert answer.status_code == 200


class TestEveryAnswer:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/boxes", 200),
            ("GET", "/healthz", 200),
            ("GET", "/nowhere", 404),
            ("GET", "/boxes/BOX-9", 404),
            ("GET", "/schema/swagger", 404),
            ("POST", "/schema/openapi.json", 405),
            ("GET", "/boxes/BOX-9/paint", 405),
            ("DELETE", "/boxes", 405),
            ("PATCH", "/boxes/BOX-9", 405),
            ("TRACE", "/boxes", 405),
            ("HEAD", "/boxes", 405),
            ("GET", "/boxes/a%00b", 404),
            ("GET", "/boxes/a%0Ab", 404),
            ("GET", "/boxes?limit=0", 422),
            ("POST", "/boxes", 422),
            ("OPTIONS", "/boxes", 204),
        ],
    )
    async def test_has_a_position_and_an_id_and_is_safe_to_show(
        self, method: str, path: str, status: int, client: httpx.AsyncClient
    ) -> None:
        answer = await client.request(method, path)

        assert answer.status_code == status
        assert answer.headers["caselog-position"] == "0"
        assert UUID(answer.headers["x-request-id"]).version == 7
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        if status >= 400 and method != "HEAD":
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == status

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [("/boxes", {"GET", "POST"}), ("/boxes/x", {"GET"}), ("/boxes/x/seal", {"POST"})],
    )
    async def test_to_a_wrong_method_says_which_are_right(
        self, path: str, allowed: set[str], client: httpx.AsyncClient
    ) -> None:
        for method in ("DELETE", "OPTIONS"):
            answer = await client.request(method, path)

            assert set(answer.headers["allow"].split(", ")) == {*allowed, "OPTIONS"}


class TestWhenTheLogIsInTrouble:
    @pytest.mark.parametrize(
        ("error", "status", "kind"),
        [
            (LogUnavailable("postgresql://ops:secret@db"), 503, "/problems/unavailable"),
            (LogFull("full"), 429, "/problems/busy"),
        ],
    )
    async def test_nothing_is_written_and_the_caller_is_told(
        self,
        error: Exception,
        status: int,
        kind: str,
        client: httpx.AsyncClient,
        service: Running,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def fails(request: object) -> None:
            raise error

        monkeypatch.setattr(service.log, "append", fails)

        answer = await client.post("/boxes", json={"colour": "red"})

        assert answer.status_code == status
        assert answer.json()["type"] == kind
        assert answer.headers["retry-after"] == "1"
        assert "secret" not in answer.text

    async def test_a_read_is_told_too(
        self, client: httpx.AsyncClient, service: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fails(*_: object) -> None:
            raise LogUnavailable("gone")

        monkeypatch.setattr(service.store, "read", fails)

        assert (await client.get("/boxes")).status_code == 503


async def test_more_than_can_be_served_is_told_to_come_again(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge: Edge = service.edge
    monkeypatch.setattr(edge, "_requests_max", 2)
    async with service.client() as client:
        with service.boxes.held():
            held = [
                asyncio.create_task(client.post("/boxes", json={"colour": "red"})) for _ in range(2)
            ]
            await eventually(lambda: service.boxes.executions == 2)
            refused = await client.get("/boxes")
            alive = await client.get("/healthz")
        served = await asyncio.gather(*held)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert alive.status_code == 200
    assert [answer.status_code for answer in served] == [201, 201]


class TestHealth:
    async def test_ready_when_every_part_is(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/readyz")

        assert answer.status_code == 200
        assert answer.json() == {"status": "ready", "checks": {"database": "ok"}}

    async def test_not_ready_names_the_part_and_what_is_wrong(
        self, client: httpx.AsyncClient, service: Running
    ) -> None:
        service.checks["database"] = "no answer"

        answer = await client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["checks"] == {"database": "no answer"}
        assert answer.json()["detail"] == "database: no answer"
        assert (await client.get("/healthz")).status_code == 200

    async def test_not_ready_once_the_service_ends(
        self, client: httpx.AsyncClient, service: Running
    ) -> None:
        service.lifetime.end("a test")

        answer = await client.get("/readyz")

        assert answer.status_code == 503
        assert answer.json()["checks"]["service"] == "is stopping"


async def test_metrics_count_by_route_and_never_by_key(
    client: httpx.AsyncClient, service: Running
) -> None:
    await client.post("/boxes", json={"colour": "red"})
    await client.get("/boxes/BOX-1")
    await client.get("/boxes/BOX-7")
    await client.get("/nowhere/BOX-1")
    service.metrics.gauge("relay_lag_events", "Events not yet published.", lambda: 3)

    text = (await client.get("/metrics")).text

    requests = "caselog_http_request_seconds_count"
    assert f'{requests}{{method="GET",route="/boxes/{{key}}",status="2xx"}} 1.0' in text
    assert f'{requests}{{method="GET",route="/boxes/{{key}}",status="4xx"}} 1.0' in text
    assert f'{requests}{{method="GET",route="-",status="4xx"}} 1.0' in text
    assert 'caselog_appended_events_total{source="/caselog/boxes"} 1.0' in text
    assert "caselog_relay_lag_events 3.0" in text
    assert "BOX-" not in text


async def test_the_type_of_a_problem_can_be_read(client: httpx.AsyncClient) -> None:
    missing = await client.get("/boxes/BOX-9")

    meaning = await client.get(missing.json()["type"])

    assert meaning.json() == {
        "type": "/problems/not-found",
        "title": "There is no such thing here",
        "status": 404,
    }
    assert (await client.get("/problems/none")).status_code == 404


async def test_the_asyncapi_document_is_given_as_it_is(client: httpx.AsyncClient) -> None:
    answer = await client.get("/asyncapi")

    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.content) == {"asyncapi": "3.0.0"}
