"""Finding everything that is wrong with a decoded JSON value, where msgspec stops at the first.

msgspec stays the only judge of what is valid: each part is converted by itself, and what it refuses
is followed down to the fields that it refuses for.
"""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec

from shared.events.patterns import described
from shared.hosting.problems import FieldError

WHOLE: Final = "body"
"""How the errors name the value itself."""
NAME_CHARACTERS_MAX: Final = 100
"""How much of a member's name is repeated."""
_TYPES: Final = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
    "object": "an object",
    "array": "an array",
    "datetime": "an RFC 3339 date and time",
    "uuid": "a UUID",
}
_AT: Final = re.compile(r" - at `.*`$")
_PATTERN: Final = re.compile(r"Expected `str` matching regex (['\"].*['\"])")
_BLANK: Final = r"\S"
_TYPE_NAME: Final = re.compile(r"`([^`]+)`")


def wrong_parts(value: Any, hint: Any, path: str = "") -> Iterator[FieldError]:
    """What of ``value`` is not of the type ``hint``, as far down as it can be told."""
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        inner = [
            wrong
            for name, part, kind in _parts(value, hint)
            for wrong in wrong_parts(part, kind, _at(path, name))
        ]
        inner += _missing(value, hint, path)
        if inner:
            yield from inner
        elif not any(unknown_fields(value, hint, path)):
            yield FieldError(path or WHOLE, explain(str(error), hint))


def unknown_fields(value: Any, hint: Any, path: str = "") -> Iterator[FieldError]:
    """Members that no struct of ``hint`` has, also where the struct itself would skip them."""
    struct = _struct(hint)
    if struct is not None and isinstance(value, dict):
        known = {field.encode_name for field in msgspec.structs.fields(struct)}
        for name in value:
            if name not in known:
                yield FieldError(_at(path, name), "is not known here")
    for name, part, kind in _parts(value, hint):
        yield from unknown_fields(part, kind, _at(path, name))


@cache
def skips_unknown_fields(hint: Any, _seen: frozenset[type] = frozenset()) -> bool:
    """Whether decoding a ``hint`` would pass over members that it does not know."""
    struct = _struct(hint)
    if struct is None:
        return any(skips_unknown_fields(kind, _seen) for kind in get_args(_bare(hint)))
    if struct in _seen:
        return False
    if not struct.__struct_config__.forbid_unknown_fields:
        return True
    seen = _seen | {struct}
    return any(skips_unknown_fields(f.type, seen) for f in msgspec.structs.fields(struct))


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string in ``value``, with where it is."""
    match value:
        case str():
            yield path or WHOLE, value
        case Mapping():
            for name, part in value.items():
                yield from texts(part, _at(path, name))
        case list():
            for index, part in enumerate(value):
                yield from texts(part, _at(path, index))
        case _:
            pass


def with_integers(value: Any, hint: Any) -> Any:
    """``value`` with 5.0 as 5 wherever an integer is wanted: in JSON they are the same number."""
    if isinstance(value, float) and _bare(hint) is int and value.is_integer():
        return int(value)
    parts = [(name, part, kind) for name, part, kind in _parts(value, hint)]
    if not parts:
        return value
    whole: Any = dict(value) if isinstance(value, dict) else list(value)
    for name, part, kind in parts:
        whole[name] = with_integers(part, kind)
    return whole


def _parts(value: Any, hint: Any) -> Iterator[tuple[Any, Any, Any]]:
    """The parts of ``value`` that have a type of their own: name or index, part, type."""
    bare = _bare(hint)
    struct = _struct(hint)
    if struct is not None and isinstance(value, dict):
        for field in msgspec.structs.fields(struct):
            if field.encode_name in value:
                yield field.encode_name, value[field.encode_name], field.type
    elif isinstance(value, list) and (kind := _item(bare)) is not None:
        for index, part in enumerate(value):
            yield index, part, kind
    elif isinstance(value, dict) and _is(get_origin(bare), Mapping):
        for name, part in value.items():
            yield name, part, get_args(bare)[1]


def _missing(value: Any, hint: Any, path: str) -> list[FieldError]:
    struct = _struct(hint)
    if struct is None or not isinstance(value, dict):
        return []
    return [
        FieldError(_at(path, field.encode_name), "is required")
        for field in msgspec.structs.fields(struct)
        if field.required and field.encode_name not in value
    ]


def _bare(hint: Any) -> Any:
    """Without its constraints, and without the None of an optional."""
    if get_origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    if get_origin(hint) in {Union, UnionType}:
        some = [kind for kind in get_args(hint) if kind not in {type(None), msgspec.UnsetType}]
        return _bare(some[0]) if len(some) == 1 else hint
    return hint


def _struct(hint: Any) -> type[msgspec.Struct] | None:
    bare = _bare(hint)
    return bare if _is(bare, msgspec.Struct) else None


def _item(bare: Any) -> Any:
    """The type of the items of an array type, None for another type."""
    arguments = get_args(bare)
    origin = get_origin(bare)
    if not arguments or not (_is(origin, Sequence) or _is(origin, frozenset | set)):
        return None
    is_pair = origin is tuple and arguments[-1] is not Ellipsis
    return None if is_pair else arguments[0]


def is_text(hint: Any) -> bool:
    """Whether a ``hint`` takes any text."""
    return _bare(hint) is str


def _is(candidate: Any, kind: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, kind)


def _at(path: str, name: str | int) -> str:
    if isinstance(name, int):
        return f"{path}[{name}]"
    short = name[:NAME_CHARACTERS_MAX]
    return f"{path}.{short}" if path else short


def explain(reason: str, hint: Any) -> str:
    """What msgspec says is wrong with a ``hint``, as a sentence that repeats nothing of it."""
    text = _AT.sub("", reason)
    if text.startswith("Invalid enum value"):
        return f"must be one of: {', '.join(map(repr, _choices(hint)))}"
    if matching := _PATTERN.fullmatch(text):
        pattern = literal_eval(matching[1])
        return "must not be blank" if pattern == _BLANK else f"must match {described(pattern)}"
    text = _TYPE_NAME.sub(lambda found: _words(found[1]), text)
    expected, _, got = text.partition(", got ")
    expected = re.sub(r"^Expected ", "must be ", expected)
    return f"{expected}, not {got}" if got else expected


def _words(name: str) -> str:
    return " or ".join(_TYPES.get(part, part) for part in name.split(" | "))


def _choices(hint: Any) -> list[object]:
    bare = _bare(hint)
    if get_origin(bare) is Literal:
        return list(get_args(bare))
    if _is(bare, Enum):
        return [member.value for member in bare]
    return [choice for kind in get_args(bare) for choice in _choices(kind)]
