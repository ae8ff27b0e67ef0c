"""JSON Schemas (2020-12) of everything public, made from the definitions that the code uses.

Those of published events describe what is written: a reader must ignore members it does not know.
Those of intake events and requests describe what is accepted.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, Final, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Struct, UnsetType

from shared.events import eng, intake_eng, intake_ops, ops, subjects
from shared.events.cloudevents import ATTRIBUTE_CHARS_MAX
from shared.events.described import Field, description, fields
from shared.events.envelope import Head, Published, short_name
from shared.events.intake import IntakeBody, Receipt, Service
from shared.events.patterns import described
from shared.events.reading import Announcement, ReadReply, ReadRequest

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PUBLISHED: Final[Mapping[Service, tuple[type[Published], ...]]] = {
    "ops": ops.PUBLISHED,
    "eng": eng.PUBLISHED,
}
ACCEPTED: Final[Mapping[Service, tuple[type[IntakeBody], ...]]] = {
    "ops": intake_ops.BODIES,
    "eng": intake_eng.BODIES,
}
SOURCES: Final[Mapping[Service, str]] = {"ops": ops.SOURCE, "eng": eng.SOURCE}

OPS_KEY: Final = "^OPS-[1-9][0-9]*$"
TEAM_KEY: Final = "^[A-Z][A-Z0-9]{0,15}$"

_INTAKE_TEXT: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": ATTRIBUTE_CHARS_MAX}
_INTAKE_ATTRIBUTES: Final[Mapping[str, Schema]] = {
    "specversion": {"const": "1.0", "description": "The version of CloudEvents."},
    "id": {
        "type": "string",
        "pattern": f"^{subjects.TOKEN}$",
        "description": "Your id. With source it makes the event idempotent: recorded once.",
    },
    "source": {
        "type": "string",
        "pattern": f"^/{subjects.TOKEN}(/[!-~]*)?$",
        "maxLength": ATTRIBUTE_CHARS_MAX,
        "description": "Who publishes: /<system>/…; the system is the one in the subject.",
    },
    "type": {"type": "string", "description": "The kind of event."},
    "subject": _INTAKE_TEXT
    | {"description": "The ops issue: its key, or its source case as <system>:<number>."},
    "time": {
        "type": "string",
        "format": "date-time",
        "description": "When it happened, never in the future; if absent, when it arrives.",
    },
    "datacontenttype": {"type": "string", "description": "application/json, also if absent."},
    "correlationid": _INTAKE_TEXT
    | {"description": "Your name for the story that this belongs to; kept on what follows."},
    "after": {
        "type": "string",
        "pattern": "^(ops|eng):[0-9]{1,18}$",
        "description": "What you had seen: <ops or eng>:<position>, the position of a receipt. The "
        "event waits until the service has heard of the other one's log up to there.",
    },
}


def documents() -> dict[str, Schema]:
    """Every schema document by its path below ``schemas/``."""
    found: dict[str, Schema] = {}
    for service, kinds in PUBLISHED.items():
        for kind in kinds:
            found[f"{service}/{short_name(kind.TYPE)}.v1.json"] = document(
                kind.TYPE, published_event(service, kind)
            )
    for service, bodies in ACCEPTED.items():
        for body in bodies:
            found[f"intake/{service}/{body.TYPE}.v1.json"] = document(
                f"intake.{service}.{body.TYPE}.v1", intake_event(service, body)
            )
    for name, structure in (
        ("receipt", written(Receipt)),
        ("head", written(Announcement)),
        ("log-read-request", accepted(ReadRequest)),
        ("log-read-reply", written(ReadReply)),
    ):
        found[f"{name}.v1.json"] = document(f"{name}.v1", structure)
    return found


def document(name: str, schema: Schema) -> Schema:
    """A schema that stands alone. Its id is a name, not an address."""
    return {"$schema": DIALECT, "$id": f"urn:caselog:schema:{name}", "title": name, **schema}


def published_event(service: Service, kind: type[Published]) -> Schema:
    """A published event: the attributes and the body."""
    schema = written(Head)
    about_team = kind is eng.TeamDefined
    schema["description"] = description(kind)
    schema["properties"]["source"]["const"] = SOURCES[service]
    schema["properties"]["type"]["const"] = kind.TYPE
    schema["properties"]["subject"]["pattern"] = TEAM_KEY if about_team else OPS_KEY
    schema["properties"]["data"] = written(kind)
    schema["required"] += ["sequence", "data"]
    return schema


def intake_event(service: Service, body: type[IntakeBody]) -> Schema:
    """An event of another system, in structured mode."""
    opens = body is intake_ops.Opened
    data = accepted(body)
    needs_data = bool(data["required"] or body.ONE_OF)
    kind = {"const": f"caselog.{service}.{body.TYPE}.v1"}
    return {
        "type": "object",
        "description": description(body),
        "properties": {
            **_INTAKE_ATTRIBUTES,
            "type": {**_INTAKE_ATTRIBUTES["type"], **kind},
            "data": data,
        },
        "required": [
            *("specversion", "id", "source", "type"),
            *(() if opens else ("subject",)),
            *(("data",) if needs_data else ()),
        ],
    }


def intake_command(service: Service) -> Schema:
    """A command, published as an event of that name; the service's OpenAPI has its body."""
    kind = {"pattern": rf"^caselog\.{service}\.[a-z][a-z-]*\.v1$"}
    return {
        "type": "object",
        "description": "Any command of the service: its name as the type, its body as the data.",
        "properties": {
            **_INTAKE_ATTRIBUTES,
            "type": {**_INTAKE_ATTRIBUTES["type"], **kind},
            "data": {"type": "object", "description": "The body that the command has over HTTP."},
        },
        "required": ["specversion", "id", "source", "type", "subject"],
    }


def written(kind: type[Struct]) -> Schema:
    """What is written: fields at their default are left out if the Struct leaves them out."""
    config = kind.__struct_config__
    always = [f.name for f in fields(kind) if f.required or _is_written(f, config.omit_defaults)]
    return _object(kind, always, written, null=False)


def accepted(kind: type[Struct]) -> Schema:
    """What is accepted: fields with a default may be missing, and null where that is a value."""
    required = [field.name for field in fields(kind) if field.required]
    return _object(kind, required, accepted, null=True)


def _is_written(field: Field, omit_defaults: bool) -> bool:  # noqa: FBT001 - a Struct's setting
    return not omit_defaults and field.default is not msgspec.UNSET


def _object(kind: type[Struct], required: list[str], nested: Any, *, null: bool) -> Schema:
    schema: Schema = {
        "type": "object",
        "description": description(kind),
        "properties": {
            field.name: {
                **_value(field.annotation, nested, null=null),
                **({} if field.name in required else _default(field)),
                "description": field.text,
            }
            for field in fields(kind)
        },
        "required": required,
    }
    if kind.__struct_config__.forbid_unknown_fields:
        schema["additionalProperties"] = False
    one_of: tuple[str, ...] = getattr(kind, "ONE_OF", ())
    if one_of:
        schema["oneOf"] = [{"required": [name]} for name in one_of]
    return schema


def _default(field: Field) -> Schema:
    has_one = field.default not in (None, msgspec.UNSET, msgspec.NODEFAULT)
    return {"default": msgspec.to_builtins(field.default)} if has_one else {}


def _value(annotation: Any, nested: Any, *, null: bool) -> Schema:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {types.UnionType, Union}:
        some = [one for one in arguments if one not in {types.NoneType, UnsetType}]
        schemas = [_value(one, nested, null=null) for one in some]
        if null and types.NoneType in arguments:
            schemas.append({"type": "null"})
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _value(arguments[0], nested, null=null)}
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        schema: Schema = nested(annotation)
        return schema
    plain = msgspec.json.schema(annotation)
    return {**plain, "pattern": described(plain["pattern"])} if "pattern" in plain else plain
