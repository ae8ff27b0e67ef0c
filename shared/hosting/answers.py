"""An answer as it leaves: status, exact bytes and the few headers that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec
from litestar import Response
from msgspec.structs import replace

from shared.hosting.preconditions import etag
from shared.hosting.problems import MEDIA_TYPE, Kind, Problem, answer_headers

JSON: Final = "application/json"

encode: Final = msgspec.json.Encoder().encode
"""Every JSON that is answered is encoded here, so that the same value gives the same bytes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent. ``kind`` says which problem it is, where it is one and fresh.

    ``recorded`` means that events were appended for it, so that the log knows of it.
    """

    code: int
    body: bytes
    position: int | None
    version: int | None = None
    location: str | None = None
    kind: Kind | None = None
    recorded: bool = False

    def response(self) -> Response[bytes]:
        headers = {} if self.kind is None else answer_headers(self.kind)
        if self.version is not None:
            headers["ETag"] = etag(self.version)
        if self.location is not None:
            headers["Location"] = self.location
        media_type = JSON if self.code < 400 else MEDIA_TYPE
        return Response(self.body, status_code=self.code, headers=headers, media_type=media_type)


def problem_answer(problem: Problem, request_id: UUID, position: int | None = None) -> Answer:
    return Answer(problem.status, problem_body(problem, request_id), position, kind=problem.kind)


def problem_body(problem: Problem, request_id: UUID) -> bytes:
    """The problem document, with the request as its instance."""
    return encode(replace(problem, instance=f"urn:uuid:{request_id}"))
