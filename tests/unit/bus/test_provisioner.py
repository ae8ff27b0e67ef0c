"""What fails is tried again soon, so that what is said of it is not long out of date."""

from __future__ import annotations

import asyncio

import pytest

from shared.bus import provision
from shared.bus.port import BusUnavailable
from shared.bus.provision import Provisioner
from tests.kit.waiting import eventually


async def test_without_a_broker_it_looks_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provision, "AGAIN_S", 0.0)
    asked: list[int] = []

    def connection() -> None:
        asked.append(1)
        raise BusUnavailable("not connected to NATS")

    provisioner = Provisioner(connection, service="ops", other="eng")  # type: ignore[arg-type]
    running = asyncio.create_task(provisioner.run())
    try:
        await eventually(lambda: len(asked) > 1, provision.EVERY_S / 2)
        assert provisioner.last_error == "not connected to NATS"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
