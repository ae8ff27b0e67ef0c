"""One stack on one machine: where its data directory keeps what, and what its parts are.

```text
DIR/
  up.lock            held by the running `caselog up`
  endpoints.json     where everything is, with tokens; written when all is ready
  keys/              token.key (private JWK, signs tokens), jwks.json (what services verify with)
  postgres/          passwords.json, data/, local.conf (settings of your own)
  nats/              nats.conf, store/
  ops/ eng/          locks of the two services
  logs/              one file for each part, capped
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from caselog.endpoints import FILE_NAME, Service

TITLES: Final[Mapping[Service, str]] = {"ops": "Operations", "eng": "Engineering"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Names in a data directory; ``root`` is absolute, because parts run elsewhere."""

    root: Path

    @classmethod
    def of(cls, data: Path) -> Layout:
        """The layout of a directory that need not exist yet."""
        return cls(data.expanduser().absolute())

    @property
    def lock(self) -> Path:
        return self.root / "up.lock"

    @property
    def endpoints(self) -> Path:
        return self.root / FILE_NAME

    @property
    def token_key(self) -> Path:
        return self.root / "keys" / "token.key"

    @property
    def jwks(self) -> Path:
        return self.root / "keys" / "jwks.json"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def nats(self) -> Path:
        return self.root / "nats"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def service(self, service: Service) -> Path:
        return self.root / service

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"

    def make(self) -> None:
        """Create what is missing. Only the owner may look in: keys, passwords and data are here."""
        if not self.root.exists():
            self.root.mkdir(mode=0o700, parents=True)
        self.logs.mkdir(mode=0o700, exist_ok=True)
