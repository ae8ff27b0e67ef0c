"""What a service says about its commands, and what passes between HTTP and the code that runs one.

A service gives a table of ``Command``; ``command_routes`` turns it into handlers that all work
alike: token and role, headers, body, idempotency, ``execute``, answer. ``execute`` loads, decides
and appends (through ``Retrying``), and returns an ``Outcome``; what it raises becomes a problem.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from msgspec import Struct

from shared.eventlog.model import UniqueKey
from shared.events.decision import Invalid, Refused
from shared.hosting.idempotency import Once
from shared.hosting.preconditions import IfMatch
from shared.hosting.principal import Access, Principal
from shared.hosting.problems import Problem

B = TypeVar("B", bound=Struct)


@dataclass(frozen=True, slots=True)
class CommandCall(Generic[B]):
    """One request to run a command.

    ``path`` holds the path parameters. ``occurred_at`` is ``now`` unless a system said otherwise.
    ``request_id`` is the causation id of the events, ``correlation`` their correlation id.
    ``if_match.check(version)`` belongs behind every load, also in a repeated attempt.
    """

    principal: Principal
    path: Mapping[str, str]
    body: B
    now: datetime
    occurred_at: datetime
    if_match: IfMatch
    request_id: UUID
    correlation: str
    traceparent: str | None
    once: Once | None

    @property
    def actor(self) -> str:
        return self.principal.actor

    def keys(self, event: UUID, about: str, code: int | None = None) -> tuple[UniqueKey, ...]:
        """What the append must take along so that a repeat of this request answers as the first.

        ``event`` is the id of the append's last event; ``about`` is given back to the service's
        ``rebuild`` with that event's position; ``code`` is the status, if not the command's usual.
        """
        return () if self.once is None else (self.once.key(event, about, code),)


@dataclass(frozen=True, slots=True)
class Done:
    """A command that holds: the answer's ``body``, and the ``version`` it speaks of.

    ``position`` is that of the last event appended, and ``events`` their ids; without any, nothing
    was new, and ``position`` is where the answer was read. ``code`` None means the command's usual.
    """

    body: Struct
    version: int
    position: int
    events: tuple[UUID, ...] = ()
    code: int | None = None
    location: str | None = None


Outcome = Done | Refused | Invalid | Problem
Execute = Callable[[CommandCall[B]], Awaitable[Outcome]]
Rebuild = Callable[[str, int], Awaitable[Done]]
"""Answers (about, position) as the first did: from the log, as of that position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Generic[B]):
    """One row of a service's table of commands.

    ``name`` is the operation id, ``path`` a Litestar path (``/things/{key:str}/paint``), ``answer``
    the type of ``Done.body`` (or a union). ``body`` and the structs within forbid unknown fields.
    ``versioned`` is False where there is nothing yet that ``If-Match`` could speak of.
    ``path_patterns`` tells readers of the OpenAPI document what parts of the path must match.
    """

    name: str
    path: str
    body: type[B]
    answer: Any
    access: Access
    execute: Execute[B]
    summary: str
    method: Literal["POST", "PUT"] = "POST"
    code: int = 200
    versioned: bool = True
    path_patterns: Mapping[str, str] = field(default_factory=dict)


AnyCommand = Command[Any]
