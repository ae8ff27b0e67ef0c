"""Deliberately wrong variants of the product: a simulation that misses one is no proof."""

from __future__ import annotations

import pytest

from tests.simulation.teeth.biting import SEEDS_MAX, VARIANTS, bite
from tests.simulation.teeth.variant import Variant

pytestmark = pytest.mark.simulation


def title(variant: Variant) -> str:
    return variant.title


@pytest.mark.parametrize("variant", VARIANTS, ids=title)
def test_a_wrong_variant_is_caught(variant: Variant) -> None:
    caught = bite(variant)

    assert caught.check is not None, f"it survived {SEEDS_MAX} worlds, though {variant.why}"
