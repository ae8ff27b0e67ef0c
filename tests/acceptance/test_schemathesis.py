"""Whoever makes up requests from the OpenAPI documents finds them true, on the running services.

Good requests are taken, wrong ones refused, answers are what they are said to be, and none is 500.
What a document cannot say is told to schemathesis in ``schemathesis.toml``.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import jwt
import pytest

from caselog.stack import Layout
from shared.hosting.keys import ALGORITHM, private_key
from tests.acceptance.world import WORKFLOW, World, good

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CONFIG: Final = Path(__file__).with_name("schemathesis.toml")
SECONDS: Final = 20
ROLES: Final = ["system", "operator", "auditor"]
"""Together they may use every route."""


def token(key: Path) -> str:
    """A token of several roles, as an identity provider may give one."""
    kid, signing = private_key(key)
    now = datetime.now(UTC)  # noqa: TID251 - the service compares it with its own
    claims = {
        "iss": "caselog",
        "aud": "caselog",
        "sub": "schemathesis",
        "roles": ROLES,
        "teams": ["*"],
        "nbf": now,
        "exp": now + timedelta(hours=1),
    }
    return jwt.encode(claims, signing, algorithm=ALGORITHM, headers={"kid": kid})


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["ops", "eng"])
@pytest.mark.parametrize("phases", ["examples,coverage", "fuzzing"])
async def test_the_openapi_document_is_true(
    world: World, stack_data: Path, tmp_path: Path, name: str, phases: str
) -> None:
    """Each phase by itself, as the first would take all the time there is."""
    await told_by(world, stack_data, tmp_path, name, phases)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["ops", "eng"])
async def test_what_one_answer_gives_another_request_takes(
    world: World, stack_data: Path, tmp_path: Path, name: str
) -> None:
    """Requests one after another, each with what the answers before it gave: keys, above all."""
    said = await told_by(world, stack_data, tmp_path, name, "stateful")

    links = re.search(r"API Links: +(\d+) covered", said)
    assert links is not None, said
    assert int(links[1]) > 0, said


def with_links(document: dict[str, Any]) -> dict[str, Any]:
    """The document, which says of the answer that makes an issue what its key is good for."""
    made = document["paths"]["/issues"]["post"]["responses"]["201"]
    made["links"] = {
        operation["operationId"]: {
            "operationId": operation["operationId"],
            "parameters": {"key": "$response.body#/key"},
        }
        for path, item in document["paths"].items()
        if path.startswith("/issues/{key}")
        for operation in item.values()
    }
    return document


async def told_by(world: World, stack_data: Path, tmp_path: Path, name: str, phases: str) -> str:
    """What schemathesis has to say, which found nothing wrong."""
    service = world.ops if name == "ops" else world.eng
    # The team of the examples: what is about a team that exists goes further.
    good(await world.eng.ask("PUT", "/teams/MOB", {"name": "Mobile", "workflow": WORKFLOW}))
    document = tmp_path / "openapi.json"
    answer = await service.ask("GET", "/schema/openapi.json")
    document.write_text(json.dumps(with_links(answer.json())))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", str(document), "--url", service.url),
        *("--header", f"Authorization: Bearer {token(Layout(stack_data).token_key)}"),
        *("--phases", phases, "--max-time", str(SECONDS), "--seed", "1"),
        *("--continue-on-failure", "--generation-database", "none", "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()
    return said.decode()
