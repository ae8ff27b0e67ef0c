"""Whatever comes in headers, queries and tokens is understood, or refused by a problem."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.eventlog.memory import MemoryStore
from shared.hosting.as_of import position_as_of
from shared.hosting.edge import Edge
from shared.hosting.idempotency import once_for
from shared.hosting.incoming import Incoming
from shared.hosting.keys import generate_key, public_jwks, write_whole
from shared.hosting.log_routes import _last_event
from shared.hosting.metrics import Metrics
from shared.hosting.occurred import parse_occurred_at
from shared.hosting.paging import Cursors
from shared.hosting.positions import POSITION_MAX, parse_position
from shared.hosting.preconditions import etag, parse_if_match
from shared.hosting.principal import Principal, Role
from shared.hosting.problems import ProblemRaised
from shared.hosting.tokens import TokenRefused, TokenVerifier, issue_token
from tests.kit.mangling import json_values, mangled, mangled_text

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
REQUEST = UUID("019f1c00-0000-7000-8000-0000000000a1")
MOMENTS = ["2024-05-01T12:00:00Z", "2024-05-01 14:00:00.123456789+02:00", "0001-01-01T00:00:00Z"]
LONG_TAG = f'"{"9" * 30}"'
SYSTEM = Principal("servicenow", frozenset({Role.SYSTEM}), frozenset(), 0)


def now() -> datetime:
    return NOW


@contextmanager
def only_a_problem(*statuses: int) -> Iterator[None]:
    """Nothing is raised but a ProblemRaised of one of these statuses that says what is wrong."""
    try:
        yield
    except ProblemRaised as raised:
        problem = raised.problem
        assert problem.status in statuses
        assert problem.detail or problem.errors
        assert all(error.field and error.detail for error in problem.errors)


@given(value=mangled_text(['"3"', 'W/"3"', '"1", "2"', "*", LONG_TAG]), version=st.integers(0))
def test_if_match(value: str, version: int) -> None:
    with only_a_problem(422, 412):
        parse_if_match(value).check(version)


@given(version=st.integers(0, 2**63 - 1))
def test_an_entity_tag_matches_its_version(version: int) -> None:
    parse_if_match(etag(version)).check(version)


@given(key=mangled_text(["a-key", "\u00e9", "x" * 256]), body=st.binary(max_size=20))
def test_idempotency_key(key: str, body: bytes) -> None:
    with only_a_problem(422):
        once = once_for(key, SYSTEM, "POST", "/issues", body, 201)
        assert once is not None
        assert once.name.endswith(f" {key}")


@given(value=mangled_text(MOMENTS))
@example(value="9999-12-31T23:59:59-23:59")
@example(value="2024-02-30T00:00:00Z")
@example(value="2024-05-01T12:00:00+99:99")
def test_occurred_at(value: str) -> None:
    with only_a_problem(422):
        moment = parse_occurred_at(value, SYSTEM, NOW)
        assert moment <= NOW
        assert moment.tzinfo is UTC


@pytest.fixture(scope="module")
async def store() -> MemoryStore:
    made = MemoryStore(source="/caselog/ops", clock=now, new_id=lambda: REQUEST)
    await made.open()
    return made


@given(value=mangled_text([*MOMENTS, "17", str(POSITION_MAX), "9" * 4_400]))
@example(value="2024-05-01T12:00:00 02:00")
@example(value="\u0661")
async def test_as_of(store: MemoryStore, value: str) -> None:
    with only_a_problem(422):
        position = await position_as_of(value, store)
        assert position is not None
        assert 0 <= position <= POSITION_MAX


@given(value=mangled_text(["0", "17", "-1", "9" * 4_400]))
def test_last_event_id_and_positions(value: str) -> None:
    position = parse_position(value)
    assert position is None or 0 <= position <= POSITION_MAX
    with only_a_problem(422):
        assert _last_event(value) == position


@given(position=st.integers(0, POSITION_MAX))
def test_a_position_is_read_as_it_was_said(position: int) -> None:
    assert parse_position(str(position)) == position


KEYSETS = st.sampled_from([str, int, tuple[datetime, str], tuple[int, str, UUID]])
FILTERS = st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.none(), max_size=2)


@given(keyset=KEYSETS, cursor=mangled_text([Cursors[str]("l", str).write("OPS-1", {})]))
@example(keyset=str, cursor="\ud800")
@example(keyset=str, cursor="=" * 7)
def test_cursor(keyset: Any, cursor: str) -> None:
    with only_a_problem(422):
        Cursors("l", keyset).read(cursor, {})


@given(keyset=KEYSETS, key=json_values, filters=FILTERS)
def test_a_cursor_that_holds_another_kind_of_key(keyset: Any, key: Any, filters: Any) -> None:
    """As another version of this service may have written it: its check is right."""
    cursor: str = Cursors("l", Any).write(key, filters)
    with only_a_problem(422):
        Cursors("l", keyset).read(cursor, filters)


@given(key=st.tuples(st.datetimes(timezones=st.just(UTC)), st.text(max_size=20)), filters=FILTERS)
def test_a_cursor_is_read_as_it_was_written(key: tuple[datetime, str], filters: Any) -> None:
    cursors = Cursors[tuple[datetime, str]]("l", tuple[datetime, str])
    assert cursors.read(cursors.write(key, filters), filters) == key


# --- tokens -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "private.json"
    generate_key(path)
    return path


@pytest.fixture(scope="module")
def verifier(key: Path) -> TokenVerifier:
    path = key.with_name("jwks.json")
    write_whole(path, public_jwks(key), mode=0o644)
    return TokenVerifier(path, now)


def made_of(parts: list[bytes]) -> str:
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


HEADERS = [b'{"alg":"EdDSA","typ":"JWT","kid":"k"}', b'{"alg":"none"}']
CLAIMS = [json.dumps({"sub": "ada", "exp": 2**40, "nbf": 0, "iss": "caselog"}).encode()]
tokens = mangled_text(["a.b.c", ".."]) | st.tuples(
    mangled(HEADERS), mangled(CLAIMS), st.binary(max_size=64)
).map(lambda parts: made_of(list(parts)))


@given(token=tokens)
@example(token="a" * 9_000)
def test_a_token_that_nobody_issued_is_refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(token)
    assert str(refused.value)


names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=128)


@given(name=names, role=st.sampled_from(list(Role)), teams=st.lists(st.text(max_size=5)))
def test_a_token_says_whom_it_was_issued_to(
    verifier: TokenVerifier, key: Path, name: str, role: Role, teams: list[str]
) -> None:
    issued = issue_token(key, name=name, role=role, teams=teams, ttl=HOUR, clock=now)

    principal = verifier.verify(issued)

    assert (principal.name, set(principal.roles)) == (name, {role})
    assert principal.teams == frozenset(teams)


@given(name=st.text(max_size=140))
def test_a_token_is_issued_to_no_name_that_would_be_refused(
    verifier: TokenVerifier, key: Path, name: str
) -> None:
    try:
        issued = issue_token(key, name=name, role="tier2", ttl=HOUR, clock=now)
    except ValueError:
        return
    assert verifier.verify(issued).name == name


# --- the outermost ring -----------------------------------------------------------------------

Headers = list[tuple[bytes, bytes]]
wire = st.binary(max_size=30)
header_names = st.sampled_from(
    [b"authorization", b"x-correlation-id", b"traceparent", b"if-match", b"last-event-id"]
)


async def _served(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def edge(verify: Callable[[str], Principal]) -> Edge:
    return Edge(
        _served, verify=verify, position=lambda: 1, new_id=lambda: REQUEST, metrics=Metrics().http
    )


@given(
    method=st.sampled_from(["GET", "POST", "\u00e9"]),
    path=st.text(max_size=30) | st.sampled_from(["/healthz", "/schema/openapi.json", "/issues"]),
    query=mangled([b"after=1", b"case=OPS%001", b"%00=%ff"]),
    headers=st.lists(st.tuples(header_names, wire | st.just(b"Bearer a.b.c")), max_size=4),
)
async def test_every_request_gets_exactly_one_answer(
    verifier: TokenVerifier, method: str, path: str, query: bytes, headers: Headers
) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": method, "path": path, "query_string": query}
    await edge(verifier.verify)({**scope, "headers": headers}, receive, send)

    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] in {200, 401, 404, 422}
    assert (b"x-request-id", str(REQUEST).encode()) in sent[0]["headers"]
    if sent[0]["status"] != 200:
        assert json.loads(sent[1]["body"])["status"] == sent[0]["status"]


@given(headers=st.dictionaries(header_names, wire))
def test_what_travels_with_a_request_is_always_sound(headers: dict[bytes, bytes]) -> None:
    incoming = Incoming(REQUEST, headers)

    assert 1 <= len(incoming.correlation) <= 128
    assert incoming.correlation.isascii()
    assert incoming.traceparent is None or len(incoming.traceparent) == 55
