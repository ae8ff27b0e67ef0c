"""What a route says of itself for the OpenAPI document, beyond what Litestar can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

OPT: Final = "caselog"
"""The key of a route handler's ``opt`` that holds its ``Documented``."""


@dataclass(frozen=True, slots=True)
class Documented:
    """The ``headers`` that a route reads, the statuses of its ``problems``, its ``body``'s type.

    ``answer_headers`` are those that it sends beyond the ones of all routes, ``path_patterns``
    what parts of its path must match.
    """

    problems: tuple[int, ...]
    headers: tuple[dict[str, Any], ...] = ()
    body: type[msgspec.Struct] | None = None
    answer_headers: tuple[str, ...] = ()
    path_patterns: Mapping[str, str] = field(default_factory=dict)
    token: bool = True


def header(name: str, pattern: str, description: str) -> dict[str, Any]:
    """An optional request header."""
    schema = {"type": "string", "pattern": f"^(?:{pattern})$"}
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
    }
