"""What a deliberately wrong variant is: a name, and how the product is made wrong for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Make = Callable[[Any], Any]


@dataclass(frozen=True)
class Variant:
    """``place`` and ``name`` say what is replaced; ``make`` gives the wrong one, of the right one.

    ``why`` says what would come of it. ``weather`` are the only troubles of its worlds; None: each
    seed has its own.
    """

    title: str
    why: str
    place: Any
    name: str
    make: Make
    weather: frozenset[str] | None = None

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The product is wrong within the block."""
        right = getattr(self.place, self.name)
        setattr(self.place, self.name, self.make(right))
        try:
            yield
        finally:
            setattr(self.place, self.name, right)
