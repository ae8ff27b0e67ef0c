"""Golden files: the exact bytes of every event, as they are in logs for ever.

``python -m tests.contracts.golden`` writes those that are missing. It never changes one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from shared.events import codec
from tests.kit.examples import examples
from tests.kit.intake_examples import intake_examples

FOLDER: Final = Path(__file__).parent / "golden"


def expected() -> Iterator[tuple[Path, bytes]]:
    """Each golden file and the bytes that this version gives it."""
    for example in examples():
        yield FOLDER / f"{example.name}.json", codec.encode(example.draft, example.stamp)
    for published in intake_examples():
        yield FOLDER / f"{published.name}.json", published.structured()[1]


def write_missing() -> None:
    for path, content in expected():
        if not path.exists():
            path.write_bytes(content)
            sys.stdout.write(f"wrote {path.name}\n")


if __name__ == "__main__":
    write_missing()
