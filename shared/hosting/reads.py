"""GET routes: what they share is said once, by a decorator over Litestar's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler

from shared.hosting.documented import OPT, Documented, header
from shared.hosting.parameters import check_query
from shared.hosting.positions import MIN_HEADER, ReadModel, waits_for
from shared.hosting.principal import Access

_PROBLEMS: Final = (400, 401, 403, 404, 422, 429, 503)
_MIN_POSITION: Final = header(
    MIN_HEADER, r"[0-9]{1,18}", "Wait until this position can be read here, for up to 2 seconds."
)


def read(
    path: str,
    *,
    name: str,
    summary: str,
    access: Access,
    model: ReadModel,
    etag: bool = False,
    **options: Any,
) -> Callable[[Callable[..., Any]], HTTPRouteHandler]:
    """Makes a GET route of a typed handler, which reads from ``model``.

    ``name`` is the operation id; ``etag`` says that answers carry one; ``options`` go to Litestar.
    """
    documented = Documented(
        problems=_PROBLEMS, headers=(_MIN_POSITION,), answer_headers=("ETag",) if etag else ()
    )
    wait = waits_for(model)

    async def before_request(request: Request[Any, Any, Any]) -> None:
        check_query(request)
        await wait(request)

    return get(
        path,
        operation_id=name,
        summary=summary,
        guards=[access.guard],
        before_request=before_request,
        opt={OPT: documented},
        **options,
    )
