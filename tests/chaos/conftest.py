"""What chaos tests share: the seed, the length, and a product to maltreat."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.product import Product

SECONDS = float(os.environ.get("CASELOG_TEST_CHAOS_SECONDS") or 90)
SEED = int(os.environ.get("CASELOG_TEST_CHAOS_SEED") or random.SystemRandom().randrange(2**32))

ONLY = os.environ.get("CASELOG_TEST_CHAOS_ONLY", "")


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Prints at once, also when output is captured: a run takes minutes."""
    manager = request.config.pluginmanager.getplugin("capturemanager")

    def line(text: str) -> None:
        with manager.global_and_fixture_disabled():
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    return line


@pytest.fixture
def place(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """A directory for one product; it stays when the test fails."""
    path = tmp_path_factory.mktemp("chaos")
    failed = request.session.testsfailed
    yield path
    if request.session.testsfailed == failed:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
async def product(place: Path, free_port: Callable[[], int]) -> AsyncIterator[Product]:
    """Not started. It is stopped in the end, however the test ended."""
    product = Product(place, free_port())
    yield product
    if product.up is not None and product.up.process.returncode is None:
        await product.stop()
