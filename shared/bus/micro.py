"""Answering requests as a NATS micro service, which ``$SRV.INFO`` shows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import msgspec
import nats.errors
import nats.micro
from nats.aio.client import Client
from nats.micro.request import Request
from nats.micro.service import EndpointConfig, ServiceConfig

from shared.bus.port import Answer, BusRefused, BusUnavailable

STOP_S: Final = 1.0
"""How long the server may take to end its subscriptions; it may be away."""
VERSION: Final = "1.0.0"

_logger = logging.getLogger(__name__)


@asynccontextmanager
async def micro_service(
    connection: Callable[[], Client], subject: str, answer: Answer
) -> AsyncIterator[None]:
    """Serves one subject; the service is named like it, with dashes.

    The client renews the subscription when it reconnects. Raises BusUnavailable if it cannot begin.
    """
    *name, endpoint = subject.split(".")

    async def handle(request: Request) -> None:
        try:
            reply = await answer(request.data)
        except (BusRefused, BusUnavailable) as error:
            code = 400 if isinstance(error, BusRefused) else 503
            text = " ".join(str(error).split())  # header values are one line
            body = msgspec.json.encode({"error": {"code": code, "detail": text}})
            await request.respond_error(str(code), text, body)
        else:
            await request.respond(reply)

    try:
        serving = await nats.micro.add_service(
            connection(), ServiceConfig(name="-".join((*name, endpoint)), version=VERSION)
        )
        await serving.add_endpoint(EndpointConfig(name=endpoint, subject=subject, handler=handle))
    except (nats.errors.Error, OSError) as error:
        raise BusUnavailable(repr(error)) from error
    try:
        yield
    finally:
        try:
            async with asyncio.timeout(STOP_S):
                await serving.stop()
        except (TimeoutError, nats.errors.Error, OSError):
            _logger.debug("stopping %s", subject, exc_info=True)
