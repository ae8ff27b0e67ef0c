"""Settings: environment variables that begin with ``CASELOG_``. All that are wrong are named."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX: Final = "CASELOG_"
_NOT_OURS: Final = ("CASELOG_DATA", "CASELOG_TEST_")
"""Variables that begin alike and are read elsewhere: by the command, by the tests."""


class SettingsWrong(Exception):
    """Settings are missing, wrong or unknown; the message names each variable."""


class ServiceSettings(BaseSettings):
    """What every service is told. A service with settings of its own derives from this.

    Attributes:
        postgres_dsn: The service's own database, with its application role. It holds a secret.
        nats_url: The NATS server.
        jwks: The file of public keys that verify tokens.
        http_host: The address to serve on.
        http_port: The port to serve on; 0 for any free one.
        unseen_wait: Seconds that an intake event about something not yet seen here waits for it.
        log_level: The least severe level that is logged.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    postgres_dsn: SecretStr
    nats_url: SecretStr
    jwks: Path
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535)] = 0
    unseen_wait: Annotated[float, Field(ge=0, le=3600)] = 30.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"


S = TypeVar("S", bound=ServiceSettings)


def load_settings(settings: type[S]) -> S:
    """The settings that the environment gives. Raises SettingsWrong."""
    wrong = [f"{name} is not a setting" for name in sorted(_unknown(settings, os.environ))]
    try:
        loaded = settings()  # type: ignore[call-arg] # the environment gives them
    except ValidationError as error:
        wrong += [
            f"{PREFIX}{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)
        ]
        raise SettingsWrong("; ".join(wrong)) from None
    if wrong:
        raise SettingsWrong("; ".join(wrong))
    return loaded


def _unknown(settings: type[ServiceSettings], environ: Iterable[str]) -> set[str]:
    known = {f"{PREFIX}{name}".upper() for name in settings.model_fields}
    ours = {name for name in environ if name.upper().startswith(PREFIX)}
    return {name for name in ours if name.upper() not in known and not name.startswith(_NOT_OURS)}
