"""Asking a running service over HTTP, with its errors as sentences."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx

from caselog.endpoints import Endpoints, Service, Unreachable
from caselog.wording import one_line

TIMEOUT: Final = httpx.Timeout(30, connect=5)


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
            timeout=TIMEOUT,
            trust_env=False,  # it is on this machine: no proxy stands in between
            verify=url.startswith("https:"),  # reading all certificates takes 20 ms
        ) as client:
            yield client
    except httpx.TransportError as error:
        raise Unreachable.server(f"the {service} service at {url}", error) from error


async def ask(client: httpx.AsyncClient, method: str, path: str, **request: Any) -> Any:
    """The JSON that the service answers. Raises Answered with the problem's own words."""
    answer = await client.request(method, path, **request)
    if answer.is_success:
        return answer.json() if answer.content else None
    raise answered(answer)


def answered(answer: httpx.Response) -> Answered:
    """What an answer that is a problem says. Its content must have been read."""
    try:
        problem = answer.json()
        wrong = [f"{each['field']}: {each['detail']}" for each in problem.get("errors", ())]
        rule = f" (rule: {problem['rule']})" if "rule" in problem else ""
        said = "; ".join(wrong) or f"{problem.get('detail') or problem['title']}{rule}"
    except (ValueError, TypeError, KeyError, AttributeError):
        said = f"{answer.request.url} answered {answer.status_code}"
    return Answered(answer.status_code, one_line(said))
