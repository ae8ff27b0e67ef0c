"""Patterns of texts: checked by Python, described to readers by JSON Schema's rules (ECMA-262).

Python's ``$`` also matches before a last line break, so a key with one would pass. What ends in
``END`` is exact; schemas say it as the ``$`` that it is to all others.
"""

from __future__ import annotations

from typing import Final

END: Final = r"$(?!\n)"
"""The end of the text and nothing else."""


def described(pattern: str) -> str:
    """A pattern as a JSON Schema has it."""
    return f"{pattern.removesuffix(END)}$" if pattern.endswith(END) else pattern
