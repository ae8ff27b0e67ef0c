"""JSON Schema of request bodies: what ``BodyDecoder`` takes, no more and no less."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

_TEXT: Final = {"pattern": "^[^\\u0000]*$"}
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
        # A pattern of its own may well match U+0000 too.
        strict.update({"allOf": [_TEXT]} if "pattern" in schema else _TEXT)
    return strict
