"""JSON Schema of request bodies: what ``BodyDecoder`` takes, no more and no less."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from shared.events.patterns import described

_TEXT: Final = r"^[^\u0000]*$"
_NOT_BLANK: Final = r"^[^\u0000]*\S[^\u0000]*$"
# What Python's \s is, and that of others is not quite; and U+0000, which no text may hold.
_BLANK: Final = (
    r"\u0000\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680"
    r"\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
)
_REF: Final = "#/components/schemas/"
_SUFFIX: Final = "Body"

Schema = dict[str, Any]


def body_schemas(bodies: Iterable[type[msgspec.Struct]]) -> tuple[list[Schema], dict[str, Schema]]:
    """A schema for each body, and the components that they refer to.

    The components have names of their own: as part of an answer, the same struct may hold more.
    """
    schemas, components = msgspec.json.schema_components(
        list(bodies), ref_template=f"{_REF}{{name}}{_SUFFIX}"
    )
    named = {f"{name}{_SUFFIX}": _strict(schema) for name, schema in components.items()}
    return list(schemas), named


def _strict(schema: Any) -> Any:
    """With what the decoder checks beyond types: unknown members, and U+0000 in texts.

    The limit on texts is not said: it counts bytes, and answers 413 and not 422.
    """
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: _strict(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict):
        strict["properties"] = {n: _strict(p) for n, p in schema["properties"].items()}
        strict["additionalProperties"] = False
    if schema.get("type") == "string" and not schema.keys() & {"format", "enum", "const"}:
        strict["pattern"] = _exact(schema.get("pattern", _TEXT))
    return strict


def _exact(pattern: str) -> str:
    """A pattern that means to every reader what it means to the decoder."""
    whole = _NOT_BLANK if pattern == r"\S" else described(pattern)
    return whole.replace(r"\S", f"[^{_BLANK}]").replace(r"\s", _BLANK)
