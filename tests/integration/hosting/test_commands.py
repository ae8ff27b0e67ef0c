"""Commands over HTTP: one way for all of them, whatever they do."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id
from tests.integration.hosting.conftest import Running

LONG_AGO = "2024-05-01T12:00:00Z"


@pytest.fixture
async def box(client: httpx.AsyncClient) -> str:
    opened = await client.post("/boxes", json={"colour": "red"})
    return str(opened.json()["key"])


async def test_a_command_answers_with_version_and_position(client: httpx.AsyncClient) -> None:
    opened = await client.post("/boxes", json={"colour": "red"})

    assert opened.status_code == 201
    assert opened.json() == {"key": "BOX-1", "version": 1, "position": 1, "status": "red"}
    assert opened.headers["caselog-position"] == "1"
    assert opened.headers["etag"] == '"1"'
    assert opened.headers["location"] == "/boxes/BOX-1"


async def test_saying_a_thing_twice_adds_nothing(client: httpx.AsyncClient, box: str) -> None:
    again = await client.post(f"/boxes/{box}/paint", json={"colour": "red"})

    assert again.status_code == 200
    assert again.json() == {"key": box, "version": 1, "position": 1, "status": "red"}


async def test_a_command_without_members_needs_no_body(client: httpx.AsyncClient, box: str) -> None:
    assert (await client.post(f"/boxes/{box}/seal")).status_code == 200
    assert (await client.post(f"/boxes/{box}/seal", json={})).status_code == 200


async def test_a_rule_that_refuses_is_named(client: httpx.AsyncClient, box: str) -> None:
    await client.post(f"/boxes/{box}/seal")

    refused = await client.post(f"/boxes/{box}/paint", json={"colour": "blue"})

    problem = refused.json()
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert problem.pop("instance").startswith("urn:uuid:")
    assert problem == {
        "type": "/problems/rule-refused",
        "title": "A rule refuses this",
        "status": 409,
        "detail": "open another box",
        "rule": "sealed-boxes-stay-as-they-are",
    }


async def test_a_field_that_the_domain_refuses_is_named(
    client: httpx.AsyncClient, box: str
) -> None:
    wrong = await client.post(f"/boxes/{box}/paint", json={"colour": "invisible"})

    assert wrong.status_code == 422
    assert wrong.json()["errors"] == [
        {"field": "colour", "detail": "must be a colour that can be seen"}
    ]


async def test_every_field_that_is_wrong_is_named(client: httpx.AsyncClient, box: str) -> None:
    wrong = await client.post(f"/boxes/{box}/paint", json={"coats": "2", "brush": "wide"})

    assert wrong.status_code == 422
    assert {error["field"] for error in wrong.json()["errors"]} == {"colour", "coats", "brush"}


async def test_what_is_not_there_is_404(client: httpx.AsyncClient) -> None:
    assert (await client.post("/boxes/BOX-9/seal")).status_code == 404


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"colour": "\xff"}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"colour=red", "application/x-www-form-urlencoded", 415),
        (b"<colour/>", "text/xml", 415),
        (b'{"colour": "red"}', "application/json; charset=utf-8", 201),
        (b'{"colour": "red", "label": "' + b"x" * 2_200_000 + b'"}', "application/json", 413),
    ],
)
async def test_a_body_is_json_and_not_without_end(
    content: bytes, content_type: str, status: int, client: httpx.AsyncClient
) -> None:
    answer = await client.post("/boxes", content=content, headers={"Content-Type": content_type})

    assert answer.status_code == status
    if status > 400:
        assert answer.json()["status"] == status


async def test_a_body_that_comes_in_pieces_is_limited_too(client: httpx.AsyncClient) -> None:
    async def pieces() -> Any:
        for _ in range(40):
            yield b" " * 65536

    answer = await client.post(
        "/boxes", content=pieces(), headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 413


async def test_a_text_that_is_too_long_is_named(client: httpx.AsyncClient, box: str) -> None:
    fits = await client.post(f"/boxes/{box}/note", json={"text": "é" * 65536})
    wide = await client.post(f"/boxes/{box}/note", json={"text": "é" * 65536 + "a"})

    assert fits.status_code == 200
    assert wide.status_code == 413
    assert wide.json()["errors"][0]["field"] == "text"


class TestWhoMay:
    @pytest.mark.parametrize("role", ["reporter", "engineer", "manager", "operator", "auditor"])
    async def test_a_role_that_may_not_is_refused(self, role: str, service: Running) -> None:
        async with service.client(role) as client:
            refused = await client.post("/boxes", json={"colour": "red"})

        assert refused.status_code == 403
        assert refused.json()["detail"] == "one of these roles is needed: system, tier2"

    async def test_engineers_act_for_their_teams(self, service: Running, box: str) -> None:
        async with service.client("engineer", teams=("MOB",)) as client:
            own = await client.post(f"/teams/MOB/boxes/{box}/seal")
            other = await client.post(f"/teams/WEB/boxes/{box}/seal")

        assert (own.status_code, other.status_code) == (200, 403)

    async def test_the_event_says_who_it_was(self, service: Running, box: str) -> None:
        async with service.client("system", name="servicenow") as client:
            await client.post(f"/boxes/{box}/seal")

        opened, sealed = [json.loads(row.entry) for row in await service.store.read(0, 10)]
        assert opened["actor"] == "person:ada"
        assert sealed["actor"] == "system:servicenow"


class TestIfMatch:
    async def test_lets_pass_who_saw_the_latest(self, client: httpx.AsyncClient, box: str) -> None:
        painted = await client.post(
            f"/boxes/{box}/paint", json={"colour": "blue"}, headers={"If-Match": '"1"'}
        )

        assert painted.headers["etag"] == '"2"'

    async def test_stops_who_did_not(
        self, client: httpx.AsyncClient, box: str, service: Running
    ) -> None:
        late = await client.post(
            f"/boxes/{box}/paint", json={"colour": "blue"}, headers={"If-Match": '"7"'}
        )

        assert late.status_code == 412
        assert late.json()["type"] == "/problems/precondition-failed"
        assert service.log.head.position == 1

    async def test_is_checked_again_when_another_was_faster(
        self, client: httpx.AsyncClient, box: str, service: Running
    ) -> None:
        """Both saw version 1. One of them must be told, however close they were."""
        both = await asyncio.gather(
            *(
                client.post(
                    f"/boxes/{box}/paint", json={"colour": colour}, headers={"If-Match": '"1"'}
                )
                for colour in ("blue", "green")
            )
        )

        assert sorted(answer.status_code for answer in both) == [200, 412]
        assert service.log.head.position == 2

    async def test_that_is_malformed_is_a_wrong_field(
        self, client: httpx.AsyncClient, box: str
    ) -> None:
        wrong = await client.post(f"/boxes/{box}/seal", headers={"If-Match": "1"})

        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["field"] == "If-Match"


class TestOccurredAt:
    async def test_is_the_time_of_the_event(self, service: Running, box: str) -> None:
        async with service.client("system") as client:
            await client.post(f"/boxes/{box}/seal", headers={"Occurred-At": LONG_AGO})

        (_, row) = await service.store.read(0, 10)
        event = json.loads(row.entry)
        assert event["time"] == LONG_AGO
        assert datetime.fromisoformat(event["recordedtime"]) > datetime(2025, 1, 1, tzinfo=UTC)

    async def test_is_not_for_people(self, client: httpx.AsyncClient, box: str) -> None:
        refused = await client.post(f"/boxes/{box}/seal", headers={"Occurred-At": LONG_AGO})

        assert refused.status_code == 403

    async def test_is_never_in_the_future(self, service: Running, box: str) -> None:
        soon = (utc_now() + timedelta(minutes=1)).isoformat()
        async with service.client("system") as client:
            wrong = await client.post(f"/boxes/{box}/seal", headers={"Occurred-At": soon})

        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["field"] == "Occurred-At"


class TestWhy:
    async def test_an_event_names_the_request_that_caused_it(
        self, client: httpx.AsyncClient, service: Running
    ) -> None:
        answer = await client.post("/boxes", json={"colour": "red"})

        (row,) = await service.store.read(0, 10)
        event = json.loads(row.entry)
        assert event["causationid"] == answer.headers["x-request-id"]
        assert event["correlationid"] == answer.headers["x-request-id"]

    async def test_a_caller_may_say_what_it_belongs_to(
        self, client: httpx.AsyncClient, service: Running
    ) -> None:
        answer = await client.post(
            "/boxes", json={"colour": "red"}, headers={"X-Correlation-Id": "import-17"}
        )

        (row,) = await service.store.read(0, 10)
        event = json.loads(row.entry)
        assert event["correlationid"] == "import-17"
        assert event["causationid"] == answer.headers["x-request-id"]


class TestManyAtOnce:
    async def test_on_one_stream_all_are_done_and_none_is_lost(
        self, client: httpx.AsyncClient, box: str
    ) -> None:
        answers = await asyncio.gather(
            *(client.post(f"/boxes/{box}/note", json={"text": str(n)}) for n in range(60))
        )

        assert {answer.status_code for answer in answers} == {200}
        assert sorted(answer.json()["version"] for answer in answers) == list(range(2, 62))

    async def test_a_race_lost_for_good_says_so(self, client: httpx.AsyncClient, box: str) -> None:
        lost = await client.post(f"/boxes/{box}/late")

        assert lost.status_code == 409
        assert lost.json()["type"] == "/problems/moved-on"
        assert lost.headers["retry-after"] == "1"


async def test_an_error_of_ours_tells_nothing_about_us(client: httpx.AsyncClient, box: str) -> None:
    failed = await client.post(f"/boxes/{box}/bug", headers={"Idempotency-Key": str(new_id())})

    assert failed.status_code == 500
    assert "secret" not in failed.text
    assert failed.json()["instance"] == f"urn:uuid:{failed.headers['x-request-id']}"
