"""The OpenAPI document says what is really read and answered."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.hosting.conftest import Running


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/schema/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def resolve(document: dict[str, Any], reference: dict[str, str]) -> Any:
    found: Any = document
    for part in reference["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_every_command_has_its_own_body(document: dict[str, Any]) -> None:
    paint = document["paths"]["/boxes/{key}/paint"]["post"]

    body = resolve(document, paint["requestBody"]["content"]["application/json"]["schema"])
    answer = resolve(document, paint["responses"]["200"]["content"]["application/json"]["schema"])

    assert document["openapi"].startswith("3.1")
    assert paint["operationId"] == "paint"
    assert body["required"] == ["colour"]
    assert body["additionalProperties"] is False
    assert answer["properties"].keys() == {"key", "version", "position", "status"}


def test_a_body_is_required_only_where_a_member_is(document: dict[str, Any]) -> None:
    paths = document["paths"]

    assert paths["/boxes/{key}/paint"]["post"]["requestBody"]["required"]
    assert not paths["/boxes/{key}/seal"]["post"]["requestBody"]["required"]


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for status, answer in operation["responses"].items():
                if status.startswith(("4", "5")):
                    said = resolve(document, answer)
                    assert list(said["content"]) == ["application/problem+json"], (path, method)


def test_a_token_is_said_to_be_needed(document: dict[str, Any]) -> None:
    paths = document["paths"]

    assert paths["/boxes"]["post"]["security"] == [{"bearer": []}]
    assert "security" not in paths["/healthz"]["get"]


def test_headers_that_follow_from_answers_are_named_apart(document: dict[str, Any]) -> None:
    paint = document["paths"]["/boxes/{key}/paint"]["post"]
    several = document["paths"]["/boxes"]["get"]

    def names(operation: dict[str, Any]) -> set[str]:
        return {resolve(document, each)["name"] for each in operation["x-dependent-parameters"]}

    assert names(paint) == {"Idempotency-Key", "If-Match", "Occurred-At"}
    assert names(several) == {"Caselog-Min-Position", "cursor"}
    assert {each["name"] for each in several["parameters"]} == {"limit", "colour"}


def test_components_do_not_tell_where_our_modules_are(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert not [name for name in schemas if "." in name]
    assert schemas["BoxAnswerPage"]["properties"].keys() == {"items", "next_cursor"}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(part: Any) -> list[dict[str, str]]:
        if isinstance(part, dict):
            own = [part] if isinstance(part.get("$ref"), str) else []
            return own + [each for value in part.values() for each in references(value)]
        return (
            [each for value in part for each in references(value)] if isinstance(part, list) else []
        )

    for reference in references(document):
        resolve(document, reference)


@pytest.mark.slow
async def test_whoever_makes_up_requests_from_it_finds_it_true(
    service: Running, tmp_path: Path
) -> None:
    """Schemathesis, with all its checks: what is good is taken, what is wrong refused."""
    arguments = [
        *("run", f"{service.url}/schema/openapi.json"),
        *("--header", f"Authorization: Bearer {service.token('system', 'schemathesis')}"),
        *("--exclude-path", "/boxes/{key}/bug", "--max-examples", "10", "--seed", "1"),
        *("--generation-database", "none", "--no-color"),
    ]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", *arguments),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()
