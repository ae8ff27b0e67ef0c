"""Tokens as they are asked for: what is wrong is named with its option."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from caselog.endpoints import Unreachable
from caselog.stack import Layout
from caselog.tokens import WrongOption, time_to_live, token
from shared.hosting.keys import generate_key, public_jwks, write_whole
from shared.hosting.principal import Role
from shared.hosting.tokens import TokenVerifier


@pytest.fixture
def data(tmp_path: Path) -> Path:
    layout = Layout.of(tmp_path)
    generate_key(layout.token_key)
    write_whole(layout.jwks, public_jwks(layout.token_key), mode=0o644)
    return tmp_path


def test_a_token_says_who_may_do_what_for_how_long(data: Path) -> None:
    said = token(data, name="bo", role="engineer", teams=["MOB", "CORE"], ttl="30m")

    holder = TokenVerifier(Layout.of(data).jwks).verify(said)
    assert holder.name == "bo"
    assert holder.roles == {Role.ENGINEER}
    assert holder.teams == {"MOB", "CORE"}


@pytest.mark.parametrize(
    ("text", "ttl"),
    [
        ("45s", timedelta(seconds=45)),
        ("30m", timedelta(minutes=30)),
        ("8h", timedelta(hours=8)),
        ("7d", timedelta(days=7)),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_a_time_to_live_is_written_as_people_write_it(text: str, ttl: timedelta) -> None:
    assert time_to_live(text) == ttl


@pytest.mark.parametrize(
    "text", ["", "8", "h", "0h", "-8h", "8 h", "1.5h", "8w", "3651d", "9" * 9 + "d"]
)
def test_what_is_no_time_to_live_is_refused(text: str) -> None:
    with pytest.raises(WrongOption) as refused:
        time_to_live(text)
    assert refused.value.option == "--ttl"


@pytest.mark.parametrize(
    ("option", "given"),
    [
        ("--role", {"role": "boss"}),
        ("--name", {"name": ""}),
        ("--name", {"name": "a\x1bb"}),
        ("--team", {"teams": ["mobile team"]}),
        ("--ttl", {"ttl": "soon"}),
    ],
)
def test_what_is_wrong_is_named_with_its_option(
    data: Path, option: str, given: dict[str, str | list[str]]
) -> None:
    asked: dict[str, str | list[str]] = {"name": "bo", "role": "engineer", "teams": [], "ttl": "8h"}
    with pytest.raises(WrongOption) as refused:
        token(data, **(asked | given))  # type: ignore[arg-type]
    assert refused.value.option == option


def test_where_no_stack_was_no_token_can_be_signed(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"caselog up.* makes the key"):
        token(tmp_path, name="bo", role="tier2", teams=[], ttl="8h")
