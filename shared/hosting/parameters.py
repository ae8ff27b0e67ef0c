"""Query parameters: what Litestar would let pass in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Request

from shared.hosting.problems import FieldError, ProblemRaised, wrong_fields
from shared.hosting.wrong_fields import is_text


def parameter_hints(request: Request[Any, Any, Any]) -> Mapping[str, Any]:
    """The types of the parameters of the request's handler; none if no route matched."""
    handler: Any = request.scope.get("route_handler")
    fields = {} if handler is None else handler.parsed_fn_signature.parameters
    return {name: field.annotation for name, field in fields.items()}


def check_query(request: Request[Any, Any, Any]) -> None:
    """Refuses what would be passed over. Raises ProblemRaised (422).

    Of a parameter given twice the last would count; the word null, for what is no text, would
    count as not given.
    """
    if not request.scope["query_string"]:
        return
    hints = parameter_hints(request)
    given = request.query_params.multi_items()
    seen: set[str] = set()
    wrong = []
    for name, value in given:
        if name in seen and name in hints:
            wrong.append(FieldError(name, "must be given once"))
        elif value == "null" and name in hints and not is_text(hints[name]):
            wrong.append(FieldError(name, "must be left out, or have a value"))
        seen.add(name)
    if wrong:
        raise ProblemRaised(wrong_fields(wrong))
