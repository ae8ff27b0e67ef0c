"""Reading: one's own writes, pages, the past, and the log itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from shared.eventlog.model import Append, LogUnavailable
from shared.hosting import positions
from tests.integration.hosting.boxes import noted
from tests.integration.hosting.conftest import Running


@pytest.fixture
async def boxes(client: httpx.AsyncClient) -> list[str]:
    """Five boxes, the first painted blue and sealed."""
    opened = [await client.post("/boxes", json={"colour": "red"}) for _ in range(5)]
    await client.post("/boxes/BOX-1/paint", json={"colour": "blue"})
    await client.post("/boxes/BOX-1/seal")
    return [answer.json()["key"] for answer in opened]


class TestOneBox:
    async def test_has_an_etag(self, client: httpx.AsyncClient, boxes: list[str]) -> None:
        answer = await client.get("/boxes/BOX-1")

        assert answer.headers["etag"] == '"3"'
        assert answer.headers["caselog-position"] == "7"

    @pytest.mark.parametrize(
        ("as_of", "status"),
        [
            *(("7", "sealed"), ("6", "blue"), ("5", "red"), ("9999", "sealed")),
            ("2999-01-01T00:00:00Z", "sealed"),
        ],
    )
    async def test_can_be_seen_as_it_was(
        self, as_of: str, status: str, client: httpx.AsyncClient, boxes: list[str]
    ) -> None:
        answer = await client.get("/boxes/BOX-1", params={"as_of": as_of})

        assert answer.json()["status"] == status

    @pytest.mark.parametrize("as_of", ["0", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00 00:00"])
    async def test_was_not_there_before(
        self, as_of: str, client: httpx.AsyncClient, boxes: list[str]
    ) -> None:
        assert (await client.get("/boxes/BOX-1", params={"as_of": as_of})).status_code == 404

    async def test_as_of_nonsense_is_a_wrong_field(self, client: httpx.AsyncClient) -> None:
        wrong = await client.get("/boxes/BOX-1?as_of=yesterday")

        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["field"] == "as_of"


class TestMinPosition:
    async def test_that_is_here_already_is_no_wait(
        self, client: httpx.AsyncClient, boxes: list[str]
    ) -> None:
        answer = await client.get("/boxes/BOX-1", headers={"Caselog-Min-Position": "7"})

        assert answer.status_code == 200

    async def test_waits_until_it_comes(self, client: httpx.AsyncClient, boxes: list[str]) -> None:
        waiting = asyncio.create_task(
            client.get("/boxes/BOX-2", headers={"Caselog-Min-Position": "8"})
        )
        await client.post("/boxes/BOX-2/paint", json={"colour": "green"})

        answer = await waiting

        assert answer.json()["status"] == "green"
        assert int(answer.headers["caselog-position"]) >= 8

    async def test_that_does_not_come_is_503(
        self, client: httpx.AsyncClient, boxes: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert positions.WAIT_SECONDS == 2.0
        monkeypatch.setattr(positions, "WAIT_SECONDS", 0.05)

        answer = await client.get("/boxes/BOX-1", headers={"Caselog-Min-Position": "8"})

        assert answer.status_code == 503
        assert answer.json()["type"] == "/problems/behind"
        assert answer.json()["detail"] == "position 8 is not here yet; this holds 7"
        assert answer.headers["retry-after"] == "1"

    @pytest.mark.parametrize("value", ["", "-1", "x", "1.0", "9" * 30])
    async def test_that_is_none_is_a_wrong_field(
        self, value: str, client: httpx.AsyncClient
    ) -> None:
        answer = await client.get("/boxes", headers={"Caselog-Min-Position": value})

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "Caselog-Min-Position"


class TestPages:
    async def test_follow_each_other(self, client: httpx.AsyncClient, boxes: list[str]) -> None:
        seen: list[str] = []
        cursor: str | None = None
        pages = 0
        while pages == 0 or cursor is not None:
            parameters = {"limit": "2"} | ({} if cursor is None else {"cursor": cursor})
            page = (await client.get("/boxes", params=parameters)).json()
            assert page.keys() == {"items", "next_cursor"}
            seen += [item["key"] for item in page["items"]]
            cursor = page["next_cursor"]
            pages += 1

        assert seen == boxes
        assert pages == 3

    async def test_a_cursor_goes_with_its_filters(
        self, client: httpx.AsyncClient, boxes: list[str]
    ) -> None:
        page = (await client.get("/boxes?limit=2")).json()

        wrong = await client.get(f"/boxes?cursor={page['next_cursor']}&colour=red")

        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["field"] == "cursor"

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ("limit=0", {"limit": "must be an integer >= 1"}),
            ("limit=1001", {"limit": "must be an integer <= 1000"}),
            ("limit=two", {"limit": "must be an integer, not a string"}),
            ("limit=null", {"limit": "must be left out, or have a value"}),
            ("limit=1&limit=2", {"limit": "must be given once"}),
            ("colour=grey", {"colour": "must be one of: 'red', 'green', 'blue'"}),
            ("colour=null", {"colour": "must be left out, or have a value"}),
            (
                "limit=x&colour=y",
                {
                    "limit": "must be an integer, not a string",
                    "colour": "must be one of: 'red', 'green', 'blue'",
                },
            ),
            ("cursor=a%00b", {"cursor": "must not hold the character U+0000"}),
        ],
    )
    async def test_every_wrong_parameter_is_named(
        self, query: str, said: dict[str, str], client: httpx.AsyncClient
    ) -> None:
        wrong = await client.get(f"/boxes?{query}")

        assert wrong.status_code == 422
        assert {e["field"]: e["detail"] for e in wrong.json()["errors"]} == said


class TestTheLog:
    async def test_line_n_is_the_exact_entry_at_after_plus_n(
        self, client: httpx.AsyncClient, service: Running, boxes: list[str]
    ) -> None:
        entries = [row.entry for row in await service.store.read(0, 100)]

        whole = await client.get("/log")
        part = await client.get("/log?after=2&limit=3")

        assert whole.headers["content-type"] == "application/x-ndjson"
        assert whole.content == b"".join(entry + b"\n" for entry in entries)
        assert part.content.splitlines() == entries[2:5]

    async def test_is_read_in_many_pieces(
        self, client: httpx.AsyncClient, service: Running, boxes: list[str]
    ) -> None:
        drafts = tuple(noted("BOX-2", str(n)) for n in range(600))
        await service.log.append(Append(drafts, {"BOX-2": 1}))

        lines = (await client.get("/log?limit=1000")).content.splitlines()

        assert [json.loads(line)["position"] for line in lines] == list(range(1, 608))

    async def test_ends_where_it_ended_when_it_was_asked_for(
        self, client: httpx.AsyncClient, boxes: list[str]
    ) -> None:
        assert (await client.get("/log?after=7")).content == b""
        assert (await client.get("/log?after=700")).content == b""

    @pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=1000001"])
    async def test_of_a_wrong_part_is_a_wrong_field(
        self, query: str, client: httpx.AsyncClient
    ) -> None:
        assert (await client.get(f"/log?{query}")).status_code == 422

    @pytest.mark.parametrize(
        "role", ["tier2", "engineer", "manager", "operator", "auditor", "system"]
    )
    async def test_is_for_those_who_read_both(self, role: str, service: Running) -> None:
        async with service.client(role) as client:
            assert (await client.get("/log")).status_code == 200

    async def test_is_not_for_reporters(self, service: Running) -> None:
        async with service.client("reporter") as client:
            assert (await client.get("/log")).status_code == 403

    async def test_that_cannot_be_reached_breaks_off_in_a_way_that_shows(
        self,
        client: httpx.AsyncClient,
        service: Running,
        boxes: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def gone(after: int, limit: int) -> AsyncIterator[None]:
            raise LogUnavailable("gone")

        monkeypatch.setattr(service.store, "read", gone)

        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/log")
