"""Finding a running stack: its data directory, and the ``endpoints.json`` in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal

import msgspec
import platformdirs

DATA_VARIABLE: Final = "CASELOG_DATA"
FILE_NAME: Final = "endpoints.json"

Service = Literal["ops", "eng"]
SERVICES: Final[tuple[Service, ...]] = ("ops", "eng")


class Unreachable(Exception):
    """A server that a command needs cannot be reached; the message says which and what to do."""

    @classmethod
    def server(cls, name: str, error: object) -> Unreachable:
        """That one does not answer; it may be named with where it should be."""
        why = str(error) or type(error).__name__
        return cls(f"{name} cannot be reached: {why}. Is the stack running? `caselog up` starts it")


class Endpoints(msgspec.Struct, frozen=True):
    """Where everything of one stack is, and a token for each role."""

    ops: str
    eng: str
    nats: str
    postgres: dict[str, str]
    tokens: dict[str, str]

    def url(self, service: Service) -> str:
        return self.ops if service == "ops" else self.eng


def data_directory(given: Path | None) -> Path:
    """``--data``, else ``CASELOG_DATA``, else the user's data directory."""
    if given is not None:
        return given.expanduser()
    variable = os.environ.get(DATA_VARIABLE)
    return Path(variable).expanduser() if variable else platformdirs.user_data_path("caselog")


def load(data: Path) -> Endpoints:
    """The endpoints of the stack that keeps its state in ``data``. Raises Unreachable."""
    path = data / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Endpoints)
    except FileNotFoundError:
        raise Unreachable(
            f"no stack is running on {data}: there is no {FILE_NAME}. "
            f"Start one with `caselog up`, or name its directory with --data or {DATA_VARIABLE}"
        ) from None
    except (OSError, msgspec.DecodeError) as error:
        raise Unreachable(f"{path} cannot be read: {error}") from error
