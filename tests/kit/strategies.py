"""Hypothesis strategies for values of the published language, made from its own definitions."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st
from msgspec import Meta, Struct

S = TypeVar("S", bound=Struct)

texts = st.text(max_size=30)


def structs(kind: type[S]) -> st.SearchStrategy[S]:
    """Valid instances of a Struct; fields with a default have it now and then."""
    hints = get_type_hints(kind, include_extras=True)
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for field in msgspec.structs.fields(kind):
        fields[field.name] = values(hints[field.name])
        if not field.required:
            fields[field.name] = st.just(field.default) | fields[field.name]
    return st.builds(kind, **fields)


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a type as it is written in a Struct."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return values(arguments[0]).filter(lambda value: _allowed(value, annotation))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin in {types.UnionType, Union}:
        return st.one_of(*map(values, arguments))
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return structs(annotation)
    return {
        str: texts,
        bool: st.booleans(),
        int: st.integers(0, 2**53),
        types.NoneType: st.none(),
    }[annotation]


def _allowed(value: Any, annotation: Any) -> bool:
    assert all(isinstance(note, Meta) for note in get_args(annotation)[1:])
    try:
        msgspec.convert(value, annotation)
    except msgspec.ValidationError:
        return False
    return True
