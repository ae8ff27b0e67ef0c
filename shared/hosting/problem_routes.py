"""``/problems/<name>``: what a problem's type means, at its own address."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter

from shared.hosting.documented import OPT, Documented
from shared.hosting.problems import Kind, ProblemRaised, not_found

_BY_SLUG: Final = {kind.slug: kind for kind in Kind}


class ProblemType(msgspec.Struct, frozen=True):
    """One kind of problem."""

    type: str
    title: str
    status: int


def problem_routes() -> list[HTTPRouteHandler]:
    @get(
        "/problems/{name:str}",
        operation_id="problem",
        summary="What a type of problem means",
        opt={OPT: Documented(problems=(401, 404))},
    )
    async def show(
        name: Annotated[str, PathParameter(description="The end of its URI.")],
    ) -> ProblemType:
        kind = _BY_SLUG.get(name)
        if kind is None:
            raise ProblemRaised(not_found(f"there is no problem {name!r}"))
        return ProblemType(kind.uri, kind.title, kind.status)

    return [show]
