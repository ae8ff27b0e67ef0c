"""How many seeds it takes until each wrong variant is caught, and by which check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.simulation.teeth import exchange, log, people
from tests.simulation.teeth.variant import Variant
from tests.simulation.world import little_garbage, run_seed

SEEDS_MAX: Final = 400
"""A variant that breaks none of so many worlds has survived."""
VARIANTS: Final[tuple[Variant, ...]] = (*exchange.VARIANTS, *log.VARIANTS, *people.VARIANTS)


@dataclass(frozen=True)
class Bite:
    """``seeds`` worlds were needed; None: it survived."""

    variant: str
    seeds: int | None
    check: str | None
    detail: str


def bite(variant: Variant) -> Bite:
    """Lives through worlds with the wrong variant until one breaks."""
    with variant.in_place(), little_garbage():
        for seed in range(SEEDS_MAX):
            outcome = run_seed(seed, variant.weather)
            if outcome.check is not None:
                return Bite(variant.title, seed + 1, outcome.check, outcome.detail)
    return Bite(variant.title, None, None, "")


def bite_all() -> list[Bite]:
    return [bite(variant) for variant in VARIANTS]
