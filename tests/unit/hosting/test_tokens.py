"""Who gets in: tokens, the keys that sign them, and everything that is not one of ours."""

from __future__ import annotations

import base64
import hmac
import json
import stat
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.hosting import tokens
from shared.hosting.keys import (
    KeyFileWrong,
    generate_key,
    load_jwks,
    private_key,
    public_jwks,
    write_whole,
)
from shared.hosting.principal import Role
from shared.hosting.tokens import TokenRefused, TokenVerifier, issue_token
from tests.kit.clock import SettableClock

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "keys of ours" / "private.json"
    generate_key(path)
    return path


@pytest.fixture
def jwks(key: Path) -> Path:
    path = key.with_name("jwks.json")
    write_whole(path, public_jwks(key), mode=0o644)
    return path


@pytest.fixture
def verifier(jwks: Path, clock: SettableClock) -> TokenVerifier:
    return TokenVerifier(jwks, clock)


@pytest.fixture
def issue(key: Path, clock: SettableClock) -> Callable[..., str]:
    def issue(**changes: Any) -> str:
        given: dict[str, Any] = {"name": "ada", "role": "tier2", "ttl": HOUR, **changes}
        return issue_token(key, clock=clock, **given)

    return issue


class TestAGoodToken:
    def test_says_who_holds_it(self, verifier: TokenVerifier, issue: Callable[..., str]) -> None:
        principal = verifier.verify(issue(name="bo", role="engineer", teams=["MOB", "WEB"]))

        assert principal.name == "bo"
        assert principal.roles == {Role.ENGINEER}
        assert principal.teams == {"MOB", "WEB"}
        assert principal.actor == "person:bo"

    def test_of_a_system_acts_as_a_system(
        self, verifier: TokenVerifier, issue: Callable[..., str]
    ) -> None:
        assert verifier.verify(issue(name="servicenow", role="system")).actor == "system:servicenow"

    def test_with_a_star_speaks_for_every_team(
        self, verifier: TokenVerifier, issue: Callable[..., str]
    ) -> None:
        principal = verifier.verify(issue(role="engineer", teams=["*"]))

        assert principal.speaks_for("ANY")

    def test_is_good_until_it_expires_and_not_a_second_longer(
        self, verifier: TokenVerifier, issue: Callable[..., str], clock: SettableClock
    ) -> None:
        token = issue()
        verifier.verify(token)

        clock.advance(HOUR - timedelta(seconds=1))
        verifier.verify(token)
        clock.advance(timedelta(seconds=1))

        with pytest.raises(TokenRefused, match="expired"):
            verifier.verify(token)

    def test_is_remembered_but_not_without_end(
        self,
        verifier: TokenVerifier,
        issue: Callable[..., str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(tokens, "CACHED_TOKENS_MAX", 2)
        given = [issue(name=name) for name in ("a", "b", "c")]

        first = [verifier.verify(token) for token in given]

        assert len(verifier._known) == 2
        assert [verifier.verify(token) for token in given] == first


def _b64(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _claims(now: datetime, **changes: Any) -> dict[str, Any]:
    second = int(now.timestamp())
    claims = {
        "iss": "caselog",
        "aud": "caselog",
        "sub": "eve",
        "roles": ["operator"],
        "iat": second,
        "nbf": second,
        "exp": second + 60,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


Forge = Callable[[Path, datetime], str]


def signed(*, header: dict[str, Any] | None = None, **changes: Any) -> Forge:
    """A token that our own key signs, with other claims or headers."""

    def forge(key: Path, now: datetime) -> str:
        kid, private = private_key(key)
        headers = {"kid": kid, **(header or {})}
        return jwt.encode(_claims(now, **changes), private, algorithm="EdDSA", headers=headers)

    return forge


def unsigned(key: Path, now: datetime) -> str:
    kid, _ = private_key(key)
    return f"{_b64({'alg': 'none', 'kid': kid})}.{_b64(_claims(now))}."


def signed_with_the_public_key(key: Path, now: datetime) -> str:
    """The classic: HS256, with what everybody can read as the secret."""
    kid, _ = private_key(key)
    signed = f"{_b64({'alg': 'HS256', 'kid': kid})}.{_b64(_claims(now))}"
    return f"{signed}.{_b64(hmac.digest(public_jwks(key), signed.encode(), 'sha256'))}"


def signed_by_another_key(key: Path, now: datetime) -> str:
    kid, _ = private_key(key)
    other = Ed25519PrivateKey.generate()
    return jwt.encode(_claims(now), other, algorithm="EdDSA", headers={"kid": kid})


def with_other_claims(key: Path, now: datetime) -> str:
    head, _, signature = signed()(key, now).split(".")
    return f"{head}.{_b64(_claims(now, sub='admin'))}.{signature}"


def nested_header(key: Path, now: datetime) -> str:
    return f"{_b64(b'[' * 5000)}.{_b64({})}.x"


BAD: dict[str, Forge] = {
    "algorithm none": unsigned,
    "HS256 with the public key": signed_with_the_public_key,
    "another key": signed_by_another_key,
    "claims exchanged": with_other_claims,
    "unknown kid": signed(header={"kid": "another"}),
    "no kid": signed(header={"kid": ""}),
    "kid is a list": lambda key, now: f"{_b64({'alg': 'EdDSA', 'kid': ['x']})}.{_b64({})}.eA",
    "brings its own key": signed(header={"jwk": {"kty": "OKP"}}),
    "says where keys are": signed(header={"jku": "https://example.test/keys"}),
    "says where certificates are": signed(header={"x5u": "https://example.test/certs"}),
    "critical extension": signed(header={"crit": ["unheard-of"], "unheard-of": 1}),
    "expired": signed(exp=1),
    "not good yet": signed(nbf=2**33),
    "other audience": signed(aud="somebody-else"),
    "other issuer": signed(iss="somebody-else"),
    "no audience": signed(aud=None),
    "no issuer": signed(iss=None),
    "no expiry": signed(exp=None),
    "no beginning": signed(nbf=None),
    "no subject": signed(sub=None),
    "expiry is a text": signed(exp="9999999999"),
    "roles are a text": signed(roles="operator"),
    "subject is empty": signed(sub=""),
    "subject with a line break": signed(sub="ada\nroles: operator"),
    "subject too long": signed(sub="a" * 129),
    "garbage": lambda key, now: "not a token at all",
    "empty": lambda key, now: "",
    "three dots": lambda key, now: "a.b.c",
    "too long": lambda key, now: "a" * 9000,
    "not ASCII": lambda key, now: "\xe9.\xe9.\xe9",
    "nested without end": nested_header,
}


@pytest.mark.parametrize("forge", BAD.values(), ids=BAD.keys())
def test_nothing_but_a_token_of_ours_gets_in(
    forge: Forge, key: Path, verifier: TokenVerifier, clock: SettableClock
) -> None:
    token = forge(key, clock.now)

    with pytest.raises(TokenRefused):
        verifier.verify(token)


def test_the_forger_makes_good_tokens_when_nothing_is_changed(
    key: Path, verifier: TokenVerifier, clock: SettableClock
) -> None:
    assert verifier.verify(signed()(key, clock.now)).name == "eve"


def test_a_role_that_is_not_known_gives_nothing(
    key: Path, verifier: TokenVerifier, clock: SettableClock
) -> None:
    token = signed(roles=["emperor", "auditor"])(key, clock.now)

    assert verifier.verify(token).roles == {Role.AUDITOR}


def test_a_token_is_not_issued_for_a_role_that_there_is_not(issue: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match="'emperor' is not a role; there are reporter, tier2"):
        issue(role="emperor")


@pytest.mark.parametrize("name", ["", " ada", "a\x00b", "a\nb", "x" * 129])
def test_a_token_is_not_issued_for_what_is_no_name(name: str, issue: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match="printable"):
        issue(name=name)


class TestKeys:
    def test_a_private_key_is_for_its_owner_only(self, key: Path) -> None:
        assert stat.S_IMODE(key.stat().st_mode) == 0o600

    def test_a_key_is_never_replaced(self, key: Path) -> None:
        before = key.read_bytes()

        with pytest.raises(FileExistsError):
            generate_key(key)

        assert key.read_bytes() == before
        assert [path.name for path in key.parent.iterdir()] == [key.name]

    def test_the_public_document_holds_nothing_private(self, key: Path) -> None:
        (public,) = json.loads(public_jwks(key))["keys"]

        assert public.keys() == {"kid", "kty", "crv", "x", "alg", "use"}

    @pytest.mark.parametrize(
        "content",
        [
            *(b"", b"{", b"[]", b'{"keys": []}'),
            b'{"keys": [{"kty": "RSA", "kid": "a", "n": "1"}]}',
            b'{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "short"}]}',
        ],
    )
    def test_a_wrong_document_is_said_to_be_wrong(self, content: bytes, tmp_path: Path) -> None:
        path = tmp_path / "jwks.json"
        path.write_bytes(content)

        with pytest.raises(KeyFileWrong, match=r"jwks\.json"):
            load_jwks(path)

    def test_a_missing_document_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(KeyFileWrong, match=r"cannot read .*nowhere"):
            TokenVerifier(tmp_path / "nowhere")


class TestChangingKeys:
    def test_a_new_key_is_taken_as_soon_as_it_is_used(
        self, verifier: TokenVerifier, jwks: Path, tmp_path: Path, clock: SettableClock
    ) -> None:
        other = tmp_path / "other.json"
        generate_key(other)
        both = json.loads(jwks.read_bytes())["keys"] + json.loads(public_jwks(other))["keys"]

        write_whole(jwks, json.dumps({"keys": both}).encode(), mode=0o644)

        token = issue_token(other, name="bo", role="tier2", ttl=HOUR, clock=clock)
        assert verifier.verify(token).name == "bo"

    def test_a_key_taken_away_takes_its_tokens_along(
        self,
        verifier: TokenVerifier,
        issue: Callable[..., str],
        jwks: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        token = issue()
        verifier.verify(token)
        other = tmp_path / "other.json"
        generate_key(other)

        write_whole(jwks, public_jwks(other), mode=0o644)
        monkeypatch.setattr(verifier, "_check_after", 0.0)

        with pytest.raises(TokenRefused, match="not known here"):
            verifier.verify(token)

    def test_a_broken_document_leaves_the_keys_as_they_were(
        self,
        verifier: TokenVerifier,
        issue: Callable[..., str],
        jwks: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        write_whole(jwks, b"{half", mode=0o644)
        monkeypatch.setattr(verifier, "_check_after", 0.0)

        assert verifier.verify(issue()).name == "ada"
