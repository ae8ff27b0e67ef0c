"""Asking a running service over HTTP, with its errors as sentences."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from caselog.endpoints import Endpoints, Service, Unreachable


class Answered(Exception):
    """A service answered with a problem; the message is what it said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@asynccontextmanager
async def service_client(
    endpoints: Endpoints, service: Service, role: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client that acts as ``role``. Inside, a server that is gone raises Unreachable."""
    url = endpoints.url(service)
    try:
        async with httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {endpoints.tokens[role]}"},
            timeout=httpx.Timeout(30),
        ) as client:
            yield client
    except httpx.TransportError as error:
        raise Unreachable(f"the {service} service at {url} cannot be reached: {error}") from error


async def ask(client: httpx.AsyncClient, method: str, path: str, **request: Any) -> Any:
    """The JSON that the service answers. Raises Answered with the problem's own words."""
    answer = await client.request(method, path, **request)
    if answer.is_success:
        return answer.json() if answer.content else None
    raise Answered(answer.status_code, _sentence(answer))


def _sentence(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return f"{answer.request.url} answered {answer.status_code}"
    fields = "; ".join(
        f"{wrong['field']}: {wrong['detail']}" for wrong in problem.get("errors", ())
    )
    rule = f" (rule: {problem['rule']})" if "rule" in problem else ""
    return f"{problem.get('detail') or problem.get('title')}{rule}" + (
        f": {fields}" if fields else ""
    )
