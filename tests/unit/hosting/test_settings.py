"""Settings: a wrong one is said by the name under which it was given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shared.hosting.settings import ServiceSettings, SettingsWrong, load_settings

GOOD = {
    "CASELOG_POSTGRES_DSN": "postgresql://ops:secret@localhost/ops",
    "CASELOG_NATS_URL": "nats://localhost:4222",
    "CASELOG_JWKS": "/keys/jwks.json",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CASELOG_"):
            monkeypatch.delenv(name)


def given(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    for name, value in {**GOOD, **changes}.items():
        monkeypatch.setenv(name, value)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, CASELOG_HTTP_PORT="8001", CASELOG_UNSEEN_WAIT="2.5")

    settings = load_settings(ServiceSettings)

    assert settings.jwks == Path("/keys/jwks.json")
    assert settings.http_port == 8001
    assert settings.unseen_wait == 2.5
    assert settings.postgres_dsn.get_secret_value() == GOOD["CASELOG_POSTGRES_DSN"]


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch)

    assert "secret" not in repr(load_settings(ServiceSettings)).replace("SecretStr", "")


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASELOG_JWKS", "x")
    monkeypatch.setenv("CASELOG_HTTP_PORT", "not-a-port-secret")
    monkeypatch.setenv("CASELOG_HTPT_HOST", "localhost")

    with pytest.raises(SettingsWrong) as raised:
        load_settings(ServiceSettings)

    said = str(raised.value)
    assert "CASELOG_HTPT_HOST is not a setting" in said
    assert "CASELOG_POSTGRES_DSN: Field required" in said
    assert "CASELOG_NATS_URL: Field required" in said
    assert "CASELOG_HTTP_PORT: " in said
    assert "secret" not in said


def test_an_unknown_setting_alone_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, CASELOG_HTPT_HOST="localhost")

    with pytest.raises(SettingsWrong, match="CASELOG_HTPT_HOST"):
        load_settings(ServiceSettings)


def test_variables_of_the_command_and_of_tests_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given(monkeypatch, CASELOG_DATA="/data", CASELOG_TEST_BACKEND="containers")

    load_settings(ServiceSettings)


def test_a_service_may_have_settings_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(ServiceSettings):
        colour: str = "red"

    given(monkeypatch, CASELOG_COLOUR="blue")

    assert load_settings(Own).colour == "blue"
