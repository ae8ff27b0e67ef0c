"""Whoever makes up requests from the OpenAPI documents finds them true, on the running services.

Good requests are taken, wrong ones refused, answers are what they are said to be, and none is 500.
What a document cannot say is told to schemathesis in ``schemathesis.toml``.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import jwt
import pytest

from caselog.stack import Layout
from shared.hosting.keys import ALGORITHM, private_key
from tests.acceptance.world import WORKFLOW, World, good

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CONFIG: Final = Path(__file__).with_name("schemathesis.toml")
SECONDS: Final = 25
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
async def test_the_openapi_document_is_true(
    world: World, stack_data: Path, tmp_path: Path, name: str
) -> None:
    service = world.ops if name == "ops" else world.eng
    # The team of the examples: what is about a team that exists goes further.
    good(await world.eng.ask("PUT", "/teams/MOB", {"name": "Mobile", "workflow": WORKFLOW}))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", f"{service.url}/schema/openapi.json"),
        *("--header", f"Authorization: Bearer {token(Layout(stack_data).token_key)}"),
        *("--max-time", str(SECONDS), "--seed", "1", "--continue-on-failure"),
        *("--generation-database", "none", "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()
