"""What the definitions say about themselves: their docstrings, field by field.

A class says what it is in its docstring, and what each field means in the section ``Attributes:``.
Schemas and the event catalogue take their words from there.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any, Final, get_type_hints

import msgspec
from msgspec import Struct

_SECTION: Final = "\nAttributes:\n"
_ENTRY: Final = re.compile(r"^    (\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)


class Undescribed(Exception):
    """A class or a field of the published language does not say what it means."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field as it is defined and described; ``default`` is NODEFAULT if it is required."""

    name: str
    annotation: Any
    default: Any
    text: str

    @property
    def required(self) -> bool:
        return self.default is msgspec.NODEFAULT


def description(kind: type[Struct]) -> str:
    """What the class is, without its fields, each paragraph on one line. Raises Undescribed."""
    text = (inspect.cleandoc(kind.__doc__ or "") + "\n").partition(_SECTION)[0].strip()
    if not text:
        raise Undescribed(kind.__qualname__)
    return "\n\n".join(_one_line(paragraph) for paragraph in text.split("\n\n"))


def summary(kind: type[Struct]) -> str:
    """The first paragraph of its description. Raises Undescribed."""
    return description(kind).partition("\n\n")[0]


def fields(kind: type[Struct]) -> tuple[Field, ...]:
    """Its fields in order, inherited ones first. Raises Undescribed."""
    texts = _texts(kind)
    hints = get_type_hints(kind, include_extras=True)
    found = msgspec.structs.fields(kind)
    missing = [field.name for field in found if field.name not in texts]
    if missing:
        raise Undescribed(f"{kind.__qualname__}: {', '.join(missing)}")
    return tuple(
        Field(field.name, hints[field.name], field.default, texts[field.name]) for field in found
    )


def _texts(kind: type[Struct]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        section = (inspect.cleandoc(base.__doc__ or "") + "\n").partition(_SECTION)[2]
        texts |= {name: _one_line(text) for name, text in _ENTRY.findall(section)}
    return texts


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")
