"""Writes what is generated from the definitions: JSON Schemas, AsyncAPI, the event catalogue.

``python -m shared.events.generate`` writes them in a checkout; with ``--check`` it writes nothing,
names what differs, and exits with 1 if anything does. Examples are the golden files of the contract
tests.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from shared.events.asyncapi import document
from shared.events.catalogue import catalogue
from shared.events.jsonschemas import ACCEPTED, PUBLISHED, documents

ROOT: Final = Path(__file__).parents[2]
SCHEMAS: Final = Path(__file__).parent / "schemas"
CATALOGUE: Final = ROOT / "docs/publishers/events.md"
GOLDEN: Final = ROOT / "tests/contracts/golden"

_SIZES: Final = ("minimal", "full")


def examples() -> dict[str, dict[str, Any]]:
    """The golden example of each message, by its name and then its size."""
    names = [kind.TYPE for kinds in PUBLISHED.values() for kind in kinds]
    names += [f"intake.{service}.{body.TYPE}" for service in ACCEPTED for body in ACCEPTED[service]]
    return {
        name: {size: json.loads((GOLDEN / f"{name}.{size}.json").read_bytes()) for size in _SIZES}
        for name in names
    }


def generated() -> dict[Path, str]:
    """Each generated file and what it must hold."""
    found = examples()
    return {
        **{SCHEMAS / path: _json(schema) for path, schema in documents().items()},
        SCHEMAS / "asyncapi.json": _json(document(found)),
        CATALOGUE: catalogue(found),
    }


def differences(wanted: Mapping[Path, str]) -> Iterator[str]:
    """The files that are missing, differ, or should not be there, one line each."""
    for path, content in wanted.items():
        if not path.exists():
            yield f"{path.relative_to(ROOT)} is missing"
        elif path.read_text(encoding="utf-8") != content:
            yield f"{path.relative_to(ROOT)} differs"
    for path in sorted(SCHEMAS.rglob("*.json")):
        if path not in wanted:
            yield f"{path.relative_to(ROOT)} is of nothing that exists"


def write(wanted: Mapping[Path, str]) -> None:
    for path in SCHEMAS.rglob("*.json"):
        if path not in wanted:
            path.unlink()
    for path, content in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="\n")


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: python -m shared.events.generate [--check]", file=sys.stderr)
        return 2
    wanted = generated()
    if not arguments:
        write(wanted)
        return 0
    found = list(differences(wanted))
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print("run: python -m shared.events.generate", file=sys.stderr)
    return 1 if found else 0


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
