"""The OpenAPI document: Litestar's, completed with what all routes share.

Litestar tells paths, parameters and answers. Here come the headers that are read and sent, the
bodies as they are really decoded, the problems, and that a token is needed.

Parameters that only hold what was answered before (If-Match, Idempotency-Key, cursor …) are under
``components.parameters``; operations name them under ``x-dependent-parameters`` and not among their
own, since whoever makes up requests from this document could not make up good ones.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Litestar, Request, Response
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute

from shared.hosting.as_of import PARAMETER as AS_OF
from shared.hosting.body_schemas import Schema, body_schemas
from shared.hosting.documented import OPT, Documented
from shared.hosting.incoming import REQUEST_ID_HEADER
from shared.hosting.paging import PARAMETER as CURSOR
from shared.hosting.positions import HEADER as POSITION_HEADER
from shared.hosting.positions import POSITION_MAX
from shared.hosting.problems import MEDIA_TYPE, RETRY_SECONDS, Kind, Problem

_BEARER: Final = "bearer"
_DEPENDENT: Final = "x-dependent-parameters"
_QUERY: Final[dict[str, Schema]] = {
    AS_OF: {
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": POSITION_MAX},
            {"type": "string", "format": "date-time"},
        ]
    }
}
_TITLES: Final = {kind.status: kind.title for kind in reversed(Kind)}
_SCHEMAS: Final = "#/components/schemas/"
_PAGE: Final = re.compile(r"Page_(?:\w+\.)*(\w+)_")
_PROBLEM_REF: Final = {"$ref": f"{_SCHEMAS}Problem"}
_HEADERS: Final[dict[str, Schema]] = {
    POSITION_HEADER: {
        "description": "The position of the log that this was answered at.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    REQUEST_ID_HEADER: {
        "description": "This request's id: the causation id of what it recorded.",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "ETag": {
        "description": "The version, for If-Match.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "Retry-After": {
        "description": "Seconds until a next try makes sense.",
        "schema": {"type": "integer", "const": RETRY_SECONDS},
    },
    "WWW-Authenticate": {"schema": {"type": "string"}},
}
_ALWAYS: Final = (POSITION_HEADER, REQUEST_ID_HEADER)


DESCRIPTION: Final = (
    "Errors are problem documents (RFC 9457). Every answer says the position of the log that it "
    "was given at. `x-dependent-parameters` names the parameters of an operation whose good values "
    "come from earlier answers: versions, positions, cursors, keys that make a repeat safe."
)
"""What readers of the document should know first."""


class Document(JsonRenderPlugin):
    """Serves the completed document at ``/schema/openapi.json``; it is made once."""

    def __init__(self) -> None:
        super().__init__(media_type="application/json")  # type: ignore[arg-type]
        self._bytes: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        if self._bytes is None:
            self._bytes = msgspec.json.encode(complete(openapi_schema, request.app))
        return self._bytes


async def no_page(response: Response[Any]) -> Response[Any]:
    """Litestar answers an unknown path beside the document with a page; we, with a problem."""
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFoundException
    return response


def complete(document: dict[str, Any], app: Litestar) -> dict[str, Any]:
    """The document with what ``Documented`` says of the app's routes."""
    operations = [
        (operation, said)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if isinstance(said := handler.opt.get(OPT), Documented)
        and (item := document["paths"].get(route.path_format)) is not None
        and (operation := item.get(method.lower())) is not None
    ]
    bodies = [said.body for _, said in operations if said.body is not None]
    schemas, components = body_schemas(dict.fromkeys(bodies))
    by_body = dict(zip(dict.fromkeys(bodies), schemas, strict=True))
    (_, problem_components) = msgspec.json.schema_components(
        [Problem], ref_template=f"{_SCHEMAS}{{name}}"
    )
    parts = document.setdefault("components", {})
    parts.setdefault("schemas", {}).update({**components, **problem_components})
    parts["headers"] = _HEADERS
    parts["parameters"] = {each["name"]: each for _, said in operations for each in said.headers}
    parts["responses"] = {
        f"Problem{status}": _problem(status) for status in sorted(_TITLES) if status != 405
    }
    parts["securitySchemes"] = {
        _BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for operation, said in operations:
        _complete(operation, said, None if said.body is None else by_body[said.body])
    for item in document["paths"].values():
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}:
            _complete_query(item[method], parts["parameters"])
    return _with_names_of_ours(document)


def _complete(operation: dict[str, Any], said: Documented, body: Schema | None) -> None:
    for parameter in operation.get("parameters", []):
        if (pattern := said.path_patterns.get(parameter["name"])) is not None:
            parameter["schema"] = {"type": "string", "pattern": f"^(?:{pattern})$"}
    if said.token:
        operation["security"] = [{_BEARER: []}]
    if said.headers:
        operation[_DEPENDENT] = [_parameter_ref(each["name"]) for each in said.headers]
    if body is not None and said.body is not None:
        required = any(field.required for field in msgspec.structs.fields(said.body))
        operation["requestBody"] = {
            "required": required,
            "content": {"application/json": {"schema": body}},
        }
    # What Litestar documents for a wrong parameter is not what is answered here.
    answers = {c: a for c, a in operation["responses"].items() if c.startswith(("2", "3"))}
    for answer in answers.values():
        names = (*_ALWAYS, *said.answer_headers)
        answer["headers"] = {**answer.get("headers", {}), **_header_refs(names)}
    for status in said.problems:
        answers[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    operation["responses"] = answers


def _problem(status: int) -> Schema:
    names = list(_ALWAYS)
    if status in {429, 503}:
        names.append("Retry-After")
    if status == 401:
        names.append("WWW-Authenticate")
    return {
        "description": _TITLES[status],
        "headers": _header_refs(names),
        "content": {MEDIA_TYPE: {"schema": _PROBLEM_REF}},
    }


def _header_refs(names: Any) -> dict[str, Schema]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _complete_query(operation: dict[str, Any], shared: dict[str, Schema]) -> None:
    kept = []
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            known = _QUERY.get(parameter["name"])
            parameter["schema"] = known or _without_null(parameter["schema"])
        if parameter["name"] == CURSOR:
            shared[CURSOR] = parameter
            operation.setdefault(_DEPENDENT, []).append(_parameter_ref(CURSOR))
        else:
            kept.append(parameter)
    operation["parameters"] = kept


def _without_null(schema: Schema) -> Schema:
    """What can be sent in a query: an optional parameter is left out, it is never null."""
    some = dict(schema)
    if isinstance(some.get("type"), list):
        (some["type"],) = (kind for kind in some["type"] if kind != "null")
    if "enum" in some:
        some["enum"] = [value for value in some["enum"] if value is not None]
    if "oneOf" in some:
        kinds = [kind for kind in some.pop("oneOf") if kind != {"type": "null"}]
        some.update(kinds[0] if len(kinds) == 1 else {"oneOf": kinds})
    return some


def _parameter_ref(name: str) -> Schema:
    return {"$ref": f"#/components/parameters/{name}"}


def _with_names_of_ours(document: dict[str, Any]) -> dict[str, Any]:
    """Litestar names a page ``Page_<module>.<Item>_``; nobody needs to know our modules."""
    schemas = document["components"]["schemas"]
    names = {
        name: f"{found[1]}Page"
        for name in schemas
        if (found := _PAGE.fullmatch(name)) and f"{found[1]}Page" not in schemas
    }
    renamed = {f"{_SCHEMAS}{old}": f"{_SCHEMAS}{new}" for old, new in names.items()}

    def rename(part: Any) -> Any:
        if isinstance(part, list):
            return [rename(each) for each in part]
        if isinstance(part, dict):
            return {key: rename(each) for key, each in part.items()}
        return renamed.get(part, part) if isinstance(part, str) else part

    whole: dict[str, Any] = rename(document)
    found = whole["components"]["schemas"]
    whole["components"]["schemas"] = {names.get(name, name): found[name] for name in found}
    return whole
