"""Reading a JSON body into its struct: strictly, and with every wrong field named at once.

Also used without HTTP, on an object that is decoded already.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, Generic, TypeVar

import msgspec

from shared.hosting.problems import (
    FieldError,
    Kind,
    ProblemRaised,
    problem,
    too_large,
    wrong_fields,
)
from shared.hosting.wrong_fields import (
    skips_unknown_fields,
    texts,
    unknown_fields,
    with_integers,
    wrong_parts,
)

BODY_BYTES_MAX: Final = 2 * 1024 * 1024
"""The largest request body: the largest entry, with every character of it escaped."""
TEXT_BYTES_MAX: Final = 128 * 1024
"""The longest text of any field, in UTF-8."""
ERRORS_MAX: Final = 100

B = TypeVar("B", bound=msgspec.Struct)


class BodyDecoder(Generic[B]):
    """Reads bodies of one type. All its methods raise ProblemRaised (400, 413, 422)."""

    def __init__(self, body: type[B]) -> None:
        self.body = body
        self._decoder = msgspec.json.Decoder(body)
        self._skips_unknown = skips_unknown_fields(body)

    @property
    def required(self) -> bool:
        """Whether any field must be given."""
        return any(field.required for field in msgspec.structs.fields(self.body))

    def decode(self, raw: bytes) -> B:
        """The struct that the JSON text says; no text at all is an empty object."""
        raw = raw or b"{}"
        try:
            body = self._decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self.from_object(_parse(raw))
        # Texts can only be too long in a long body, and hold what is not storable only if escaped.
        if self._skips_unknown or len(raw) > TEXT_BYTES_MAX or rb"\u0000" in raw:
            return self.from_object(_parse(raw))
        return body

    def from_object(self, value: Any) -> B:
        """The struct that a decoded JSON value says."""
        value = with_integers(value, self.body)
        if errors := list(islice(self._errors(value), ERRORS_MAX)):
            raise ProblemRaised(wrong_fields(errors))
        if errors := list(islice(_long_texts(value), ERRORS_MAX)):
            raise ProblemRaised(too_large(errors))
        try:
            return msgspec.convert(value, self.body)
        except msgspec.ValidationError as error:
            raise ProblemRaised(wrong_fields([FieldError("body", str(error))])) from error

    def _errors(self, value: Any) -> Iterator[FieldError]:
        yield from unknown_fields(value, self.body)
        yield from wrong_parts(value, self.body)
        for path, text in texts(value):
            if "\0" in text:
                yield FieldError(path, "must not hold the character U+0000")


def _long_texts(value: Any) -> Iterator[FieldError]:
    for path, text in texts(value):
        # A character takes at least one byte, and at most four.
        if len(text) * 4 > TEXT_BYTES_MAX and len(text.encode()) > TEXT_BYTES_MAX:
            yield FieldError(path, f"must have at most {TEXT_BYTES_MAX} bytes")


def _parse(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except RecursionError as error:
        raise ProblemRaised(problem(Kind.UNREADABLE, "the body is nested too deeply")) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        detail = f"the body is not JSON in UTF-8: {_reason(error)}"
        raise ProblemRaised(problem(Kind.UNREADABLE, detail)) from error


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, UnicodeDecodeError) else str(error)


def is_json(content_type: str | None) -> bool:
    """Whether a Content-Type says JSON; none at all is taken for it."""
    if content_type is None:
        return True
    essence = content_type.partition(";")[0].strip().lower()
    return essence == "application/json" or (
        essence.startswith("application/") and essence.endswith("+json")
    )
