"""Limits so small that small worlds reach them: queues are full, batches end, caches forget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from tests.simulation.weather import KNOB, Weather

KNOBS: Final[tuple[tuple[str, str, tuple[int, ...]], ...]] = (
    ("shared.eventlog.waiting", "HELD_EVENTS_MAX", (1, 4, 12)),
    ("shared.eventlog.groups", "GROUP_EVENTS_MAX", (1, 2, 6)),
    ("shared.eventlog.groups", "KNOWN_STREAMS_MAX", (1, 2, 4)),
    ("shared.eventlog.log", "OTHERS_ROWS_MAX", (1, 2, 5)),
    ("shared.eventlog.states", "UNFOLDED_MAX", (1, 2)),
    ("shared.bus.relay", "BATCH_MESSAGES_MAX", (1, 2, 5)),
    ("shared.bus.relay", "WAITING_ROWS_MAX", (1, 2, 8)),
    ("shared.bus.relay", "REFILL_MAX", (1, 2, 10)),
    ("shared.bus.relay", "RESEND_MAX", (1, 2)),
    ("shared.bus.receiver", "BATCH_MAX", (1, 2, 5)),
    ("shared.bus.healing", "PAGE_MAX", (1, 2, 5)),
    ("shared.bus.log_reader", "READ_ROWS", (1, 2, 5)),
    ("shared.bus.intake", "IN_FLIGHT_MAX", (1, 2, 4)),
    ("shared.bus.intake", "REMEMBERED_MAX", (1, 2)),
    ("shared.bus.receipts", "BATCH_MAX", (1, 2)),
)
"""Module, limit, and what it may become."""


@contextmanager
def turned(weather: Weather) -> Iterator[None]:
    """About half of the limits are small until the end of the block."""
    before: list[tuple[Any, str, int]] = []
    try:
        for name, limit, values in KNOBS:
            if weather.dice.random() < 0.5:
                module = import_module(name)
                before.append((module, limit, getattr(module, limit)))
                setattr(module, limit, weather.dice.choice(values))
                weather.counts[KNOB] += 1
        yield
    finally:
        for module, limit, value in before:
            setattr(module, limit, value)
