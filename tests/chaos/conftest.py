"""What chaos tests share: the seed, the length, and a product to maltreat."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.chaos.false_clocks import can_fake_time
from tests.chaos.product import Product
from tests.chaos.small_disks import can_mount

LEFT_OUT = pytest.StashKey[list[str]]()
SECONDS = float(os.environ.get("CASELOG_TEST_CHAOS_SECONDS") or 90)
SEED = int(os.environ.get("CASELOG_TEST_CHAOS_SEED") or random.SystemRandom().randrange(2**32))

ONLY = os.environ.get("CASELOG_TEST_CHAOS_ONLY", "")

NEEDS: Final[Mapping[str, Callable[[], bool]]] = {
    "mount": can_mount,
    "libfaketime": can_fake_time,
}
"""What not every machine gives; a test that needs it says so, and is left out where it is not."""


@pytest.hookimpl(trylast=True)  # what is not asked for is not missed
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what cannot run here, and says so in the summary."""
    for item in [each for each in items if each.get_closest_marker("chaos")]:
        marks = [str(mark.args[0]) for mark in item.iter_markers("needs")]
        if lacking := [name for name in marks if not NEEDS[name]()]:
            items.remove(item)
            config.hook.pytest_deselected(items=[item])
            config.stash.setdefault(LEFT_OUT, []).append(f"{item.name}: no {', '.join(lacking)}")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash.get(LEFT_OUT, []):
        terminalreporter.write_line(f"left out on this machine: {line}")


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
