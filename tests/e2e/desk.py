"""People at work on a running stack, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from caselog.endpoints import Endpoints, Service


class Desk:
    """Whoever a test needs: each request is made in a role."""

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self._client = httpx.AsyncClient(timeout=30)

    async def close(self) -> None:
        await self._client.aclose()

    async def open(self, **members: object) -> str:
        """The key of a new ops issue."""
        issue = {"summary": "The app closes", "description": "", "severity": "2 - High"}
        return str((await self.ask("POST", "ops", "/issues", json=issue | members))["key"])

    async def comment(self, key: str, text: str) -> None:
        body = {"body": text, "visibility": "internal"}
        await self.ask("POST", "ops", f"/issues/{key}/comment", json=body)

    async def ask(
        self, method: str, service: Service, path: str, role: str = "tier2", **request: Any
    ) -> Any:
        """What the service answers."""
        headers = request.pop("headers", {})
        answer = await self._client.request(
            method,
            f"{self.endpoints.url(service)}{path}",
            headers={"Authorization": f"Bearer {self.endpoints.tokens[role]}", **headers},
            **request,
        )
        assert answer.is_success, answer.text
        return answer.json()

    async def is_ready(self, service: Service) -> bool:
        try:
            answer = await self._client.get(f"{self.endpoints.url(service)}/readyz")
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK
