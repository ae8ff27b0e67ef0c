"""Commands without a stack: each says what is missing and what to do, and ends with 3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from caselog.endpoints import Endpoints
from tests.kit.command import caselog

SAMPLE = str(Path(__file__).parents[2] / "data" / "servicenow" / "incidents-sample.csv")
LETTER = "eng:01a209e7-0000-7000-8000-000000000000"
OPS, ENG = "the ops service at http://", "the eng service at http://"

NEEDS = {
    ("history", "OPS-1"): OPS,
    ("history", "MOB-1"): ENG,
    ("tail",): "the ops service at http://",
    ("tail", "eng"): ENG,
    ("lag",): OPS,
    ("verify",): "the database of ops",
    ("verify", "eng"): "the database of eng",
    ("import", "servicenow", SAMPLE, "--limit", "1"): "the NATS server at nats://",
    ("deadletters", "list"): OPS,
    ("deadletters", "show", LETTER): ENG,
    ("deadletters", "retry", LETTER): ENG,
    ("deadletters", "discard", LETTER, "--reason", "gone"): ENG,
}
"""Each command that needs servers, and the one that it misses first."""


@pytest.fixture
def stopped(tmp_path: Path, free_port: Callable[[], int]) -> Path:
    """A data directory as a stack leaves it: it says where everything was."""
    roles = ("tier2", "engineer", "manager", "operator", "auditor", "system")
    endpoints = Endpoints(
        ops=f"http://127.0.0.1:{free_port()}",
        eng=f"http://127.0.0.1:{free_port()}",
        nats=f"nats://127.0.0.1:{free_port()}",
        postgres={each: f"postgresql://x:x@127.0.0.1:{free_port()}/x" for each in ("ops", "eng")},
        tokens=dict.fromkeys(roles, "a.b.c"),
    )
    (tmp_path / "endpoints.json").write_bytes(msgspec.json.encode(endpoints))
    return tmp_path


@pytest.mark.parametrize(("arguments", "missed"), NEEDS.items(), ids=map(" ".join, NEEDS))
async def test_a_server_that_is_gone_is_named(
    stopped: Path, arguments: tuple[str, ...], missed: str
) -> None:
    ran = await caselog(*arguments, data=stopped)

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(f"caselog: {missed}")
    assert ran.err.endswith(". Is the stack running? `caselog up` starts it")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [("lag",), ("token", "--name", "bo", "--role", "tier2")], ids=["lag", "token"]
)
async def test_a_directory_without_a_stack_is_named(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    by_variable = await caselog(*arguments, data=tmp_path)
    by_option = await caselog(*arguments, "--data", str(tmp_path))

    for ran in (by_variable, by_option):
        assert (ran.code, ran.out) == (3, "")
        assert str(tmp_path) in ran.err
        assert "caselog up" in ran.err
        assert "--data or CASELOG_DATA" in ran.err
        assert "Traceback" not in ran.err


async def test_endpoints_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_text('{"ops": ')

    ran = await caselog("lag", data=tmp_path)

    assert ran.code == 3
    assert f"{tmp_path}/endpoints.json cannot be read: " in ran.err


async def test_help_and_version() -> None:
    top, version, none, unknown = (
        await caselog("--help"),
        await caselog("--version"),
        await caselog(),
        await caselog("no-such-thing"),
    )

    assert (top.code, version.code, none.code, unknown.code) == (0, 0, 2, 2)
    commands = top.out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in commands] == [
        *("up", "serve", "migrate", "token", "history", "tail", "lag", "verify", "import"),
        "deadletters",
    ]
    assert not any(line.endswith("...") for line in commands), "a summary is cut off"
    assert version.out.startswith("caselog ")
    assert "No such command 'no-such-thing'" in unknown.err
