"""``Idempotency-Key`` over HTTP, with a service that dies and several that run at once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.integration.hosting.conftest import Running, start
from tests.kit.waiting import eventually

KEPT = ("etag", "location", "caselog-position", "content-type")


def same(first: httpx.Response, again: httpx.Response) -> bool:
    """Whether two answers are one: status, bytes, and the headers that belong to them."""
    return (first.status_code, first.content, [first.headers.get(name) for name in KEPT]) == (
        again.status_code,
        again.content,
        [again.headers.get(name) for name in KEPT],
    )


def post(client: httpx.AsyncClient, path: str, body: Any = None, key: str = "once") -> Any:
    return client.post(path, json=body or {}, headers={"Idempotency-Key": key})


async def test_a_repeat_answers_as_the_first_did(
    client: httpx.AsyncClient, service: Running
) -> None:
    first = await post(client, "/boxes", {"colour": "red"})
    await client.post("/boxes/BOX-1/seal")

    again = await post(client, "/boxes", {"colour": "red"})

    assert same(first, again)
    assert again.json() == {"key": "BOX-1", "version": 1, "position": 1, "status": "red"}
    assert service.log.head.position == 2


async def test_a_refusal_is_repeated_even_when_it_would_now_be_fine(
    client: httpx.AsyncClient,
) -> None:
    first = await post(client, "/boxes/BOX-1/seal")
    await client.post("/boxes", json={"colour": "red"})

    again = await post(client, "/boxes/BOX-1/seal")

    assert first.status_code == 404
    assert same(first, again)


@pytest.mark.parametrize("content", [b"{", b'{"colour": "grey"}'])
async def test_what_was_unreadable_or_wrong_is_repeated(
    content: bytes, client: httpx.AsyncClient
) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    first = await client.post("/boxes", content=content, headers=headers)
    again = await client.post("/boxes", content=content, headers=headers)

    assert first.status_code in {400, 422}
    assert same(first, again)


async def test_nothing_new_is_repeated(client: httpx.AsyncClient) -> None:
    await client.post("/boxes", json={"colour": "red"})
    first = await post(client, "/boxes/BOX-1/paint", {"colour": "red"})
    await client.post("/boxes/BOX-1/paint", json={"colour": "blue"})

    again = await post(client, "/boxes/BOX-1/paint", {"colour": "red"})

    assert first.json()["version"] == 1
    assert same(first, again)


async def test_a_failed_precondition_is_repeated(client: httpx.AsyncClient) -> None:
    await client.post("/boxes", json={"colour": "red"})
    headers = {"Idempotency-Key": "k", "If-Match": '"2"'}
    first = await client.post("/boxes/BOX-1/seal", headers=headers)
    await client.post("/boxes/BOX-1/paint", json={"colour": "blue"})

    again = await client.post("/boxes/BOX-1/seal", headers=headers)

    assert first.status_code == 412
    assert same(first, again)


@pytest.mark.parametrize(
    ("path", "body"), [("/boxes", {"colour": "blue"}), ("/boxes/BOX-1/seal", {})]
)
async def test_the_same_key_for_another_request_is_a_wrong_field(
    path: str, body: Any, client: httpx.AsyncClient, service: Running
) -> None:
    await post(client, "/boxes", {"colour": "red"})

    other = await post(client, path, body)

    assert other.status_code == 422
    assert other.json()["errors"][0]["field"] == "Idempotency-Key"
    assert service.log.head.position == 1


async def test_keys_of_different_people_have_nothing_to_do_with_each_other(
    client: httpx.AsyncClient, service: Running
) -> None:
    await post(client, "/boxes", {"colour": "red"})
    async with service.client(name="bo") as other:
        assert (await post(other, "/boxes", {"colour": "red"})).json()["key"] == "BOX-2"


async def test_of_many_at_once_one_is_executed(service: Running) -> None:
    async with service.client() as client:
        with service.boxes.held():
            requests = [
                asyncio.create_task(post(client, "/boxes", {"colour": "red"})) for _ in range(20)
            ]
            await eventually(lambda: service.boxes.executions == 1)
        answers = await asyncio.gather(*requests)

    assert service.boxes.executions == 1
    assert service.log.head.position == 1
    assert all(same(answers[0], answer) for answer in answers)


async def test_of_two_processes_at_once_one_appends(service: Running) -> None:
    other = await start(service.signing_key, service.store)
    async with service.client() as here, other.client() as there:
        with service.boxes.held(), other.boxes.held():
            requests = [
                asyncio.create_task(post(client, "/boxes", {"colour": "red"}))
                for client in (here, there)
            ]
            await eventually(lambda: service.boxes.executions + other.boxes.executions == 2)
        first, second = await asyncio.gather(*requests)
    await other.stop()

    assert same(first, second)
    assert (await service.store.head()).position == 1


async def test_a_service_that_died_before_it_answered_answers_afterwards(
    service: Running,
) -> None:
    """The append is in, the answer is not out: the repeat, elsewhere, is a success."""
    async with service.client() as client:
        with service.boxes.held():
            lost = asyncio.create_task(post(client, "/boxes", {"colour": "red"}))
            await eventually(lambda: service.boxes.executions == 1)
            lost.cancel()
    await eventually(lambda: service.log.head.position == 1)

    other = await start(service.signing_key, service.store)
    async with other.client() as client:
        again = await post(client, "/boxes", {"colour": "red"})
    await other.stop()

    assert again.status_code == 201
    assert again.json() == {"key": "BOX-1", "version": 1, "position": 1, "status": "red"}
    assert again.headers["location"] == "/boxes/BOX-1"
    assert other.boxes.executions == 0


@pytest.mark.parametrize("key", ["with space", "x" * 256, "é"])
async def test_a_key_that_is_none_is_a_wrong_field(key: str, client: httpx.AsyncClient) -> None:
    wrong = await client.post(
        "/boxes",
        json={"colour": "red"},
        headers={b"Idempotency-Key": key.encode("latin-1")},
    )

    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "Idempotency-Key"
