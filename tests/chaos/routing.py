"""Runs within ``caselog up``: sends its services through proxies, and has parts as a test wants.

A service is told where its servers are by ``CASELOG_POSTGRES_DSN`` and ``CASELOG_NATS_URL``. This
changes what ``up`` tells them, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from caselog import provisioning
from caselog.embedded.nats import EmbeddedNats

Ports = Mapping[str, int]


def through(postgres: Ports, nats: Ports, variables: Mapping[str, Mapping[str, str]]) -> None:
    """From now on services connect to these ports, by service; and have these variables."""
    tell = provisioning.settings

    def told(layout: object, database: provisioning.ServiceDatabase, **others: object) -> object:
        said = tell(layout, database, **others)  # type: ignore[arg-type]
        service = database.role.removeprefix("caselog_")
        for name, ports in (("CASELOG_POSTGRES_DSN", postgres), ("CASELOG_NATS_URL", nats)):
            if service in ports:
                said[name] = at_port(said[name], ports[service])
        return {**said, **variables.get(service, {})}

    provisioning.settings = told  # type: ignore[assignment]


def at_port(url: str, port: int) -> str:
    """The same URL at another port."""
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{login}{at}{parts.hostname}:{port}").geturl()


def store_limit(file: str) -> None:
    """From now on NATS may store so many bytes as this file says, if it is there, at each start."""
    usual = EmbeddedNats._config

    def config(server: EmbeddedNats, ports: Path) -> bytes:
        said = json.loads(usual(server, ports))
        with suppress(FileNotFoundError):
            said["jetstream"]["max_file_store"] = int(Path(file).read_text())
        return json.dumps(said).encode()

    setattr(EmbeddedNats, "_config", config)  # noqa: B010 - a method, for a test
