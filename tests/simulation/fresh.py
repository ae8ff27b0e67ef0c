"""Where the fresh seeds of a test run begin: drawn once, told at its head, the same in each worker.

A plugin of pytest; ``CASELOG_TEST_SEED`` gives it, and runs the same worlds again.
"""

from __future__ import annotations

import os
import secrets
from typing import Final

FIRST: Final = "CASELOG_TEST_SEED"


def pytest_configure() -> None:
    """Workers are given the environment of the process that starts them."""
    os.environ.setdefault(FIRST, str(secrets.randbelow(10**9)))


def pytest_report_header() -> str:
    return f"simulation: fresh seeds from {os.environ[FIRST]}"


def first_seed() -> int:
    return int(os.environ[FIRST])
