from __future__ import annotations

import httpx


async def test_a_command_answers_with_version_and_position(client: httpx.AsyncClient) -> None:
    opened = await client.post("/boxes", json={"colour": "red"})

    assert opened.status_code == 201
    assert opened.json() == {"key": "BOX-1", "version": 1, "position": 1, "status": "red"}
    assert opened.headers["caselog-position"] == "1"
    assert opened.headers["etag"] == '"1"'
    assert opened.headers["location"] == "/boxes/BOX-1"
