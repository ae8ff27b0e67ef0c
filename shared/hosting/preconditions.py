"""Optimistic concurrency over HTTP: ``ETag: "<version>"`` out, ``If-Match: "<version>"`` in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from shared.hosting.problems import Kind, ProblemRaised, problem, wrong_field

HEADER: Final = "If-Match"
# RFC 9110, 8.8.3: a tag is quoted; W/ marks a weak one, which never matches here.
_TAG: Final = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS: Final = re.compile(rf"\s*{_TAG}(?:\s*,\s*{_TAG})*\s*")
_VERSION: Final = re.compile(r'(?<!/)"(0|[1-9][0-9]{0,18})"')


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


@dataclass(frozen=True, slots=True)
class IfMatch:
    """What the caller believes the version to be: one of ``versions``; None means any."""

    versions: frozenset[int] | None = None

    def check(self, version: int) -> None:
        """Compares with the version just loaded, in each attempt. Raises ProblemRaised (412)."""
        if self.versions is not None and version not in self.versions:
            raise ProblemRaised(
                problem(Kind.PRECONDITION_FAILED, f"the version is {version}: read it again")
            )


ANY_VERSION: Final = IfMatch()


def parse_if_match(value: str | None) -> IfMatch:
    """``"3"``, a list of tags, or ``*``; no header matches anything. Raises ProblemRaised (422)."""
    if value is None or value.strip() == "*":
        return ANY_VERSION
    if not _TAGS.fullmatch(value):
        raise ProblemRaised(wrong_field(HEADER, 'must be a version in quotes, like "3"'))
    return IfMatch(frozenset(map(int, _VERSION.findall(value))))
