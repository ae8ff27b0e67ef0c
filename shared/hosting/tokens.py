"""Bearer tokens: JWTs signed with Ed25519, issued by a local key, verified against a JWKS file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.hosting.clock import utc_now
from shared.hosting.ids import new_id
from shared.hosting.keys import ALGORITHM, KeyFileWrong, load_jwks, private_key
from shared.hosting.principal import Principal, Role

ISSUER: Final = "caselog"
AUDIENCE: Final = "caselog"
NAME_CHARACTERS_MAX: Final = 128
TOKEN_CHARACTERS_MAX: Final = 8 * 1024
CACHED_TOKENS_MAX: Final = 4096
LEEWAY_SECONDS: Final = 5
"""How far the issuer's clock may be ahead of ours; expiry knows no leeway."""
RELOAD_CHECK_SECONDS: Final = 1.0
# A token that brings its own key, or says where to fetch one, wants to be trusted on its own word.
_OWN_KEY_HEADERS: Final = frozenset({"jku", "jwk", "x5u", "x5c"})
_REQUIRED: Final = ["iss", "aud", "exp", "nbf", "sub"]

_logger: structlog.stdlib.BoundLogger = structlog.get_logger("tokens")


class TokenRefused(Exception):
    """A token is not good; the message says why, without any of its content."""


class Claims(msgspec.Struct, frozen=True):
    """What we read of a token. ``roles`` that we do not know are of no use here, and no harm."""

    sub: str
    exp: int
    nbf: int
    roles: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


def issue_token(
    key: Path,
    *,
    name: str,
    role: str,
    teams: Iterable[str] = (),
    ttl: timedelta,
    clock: Callable[[], datetime] = utc_now,
) -> str:
    """A token for ``name``, good from now for ``ttl``. ``teams`` may be ``["*"]``: every team.

    Raises KeyFileWrong, and ValueError for a role that there is not or a name that is no actor's.
    """
    if role not in set(Role):
        raise ValueError(f"{role!r} is not a role; there are {', '.join(Role)}")
    if not _is_name(name):
        raise ValueError(f"a name has 1 to {NAME_CHARACTERS_MAX} printable characters")
    kid, signing_key = private_key(key)
    issued = int(clock().timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": name,
        "roles": [role],
        "teams": sorted(set(teams)),
        "iat": issued,
        "nbf": issued,
        "exp": issued + int(ttl.total_seconds()),
        "jti": str(new_id()),
    }
    return jwt.encode(claims, signing_key, algorithm=ALGORITHM, headers={"kid": kid})


class TokenVerifier:
    """Says who holds a token. Reads the JWKS file again when it changes.

    A verified token is remembered, by its hash, until it expires or the keys change. Made without a
    good file it raises KeyFileWrong; one that goes bad later leaves the keys as they were.
    """

    def __init__(self, jwks: Path, clock: Callable[[], datetime] = utc_now) -> None:
        self._path = jwks
        self._clock = clock
        self._seen = self._stamp()
        self._keys = load_jwks(jwks)
        self._check_after = time.monotonic() + RELOAD_CHECK_SECONDS
        self._known: dict[bytes, Principal] = {}

    def verify(self, token: str) -> Principal:
        """Raises TokenRefused."""
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise TokenRefused("the token is too long")
        if time.monotonic() >= self._check_after:
            self._reload_if_changed()
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        principal = self._known.get(digest)
        if principal is None:
            principal = self._verify(token)
            if len(self._known) >= CACHED_TOKENS_MAX:
                del self._known[next(iter(self._known))]
            self._known[digest] = principal
        elif principal.expires <= self._clock().timestamp():
            del self._known[digest]
            raise TokenRefused("the token has expired")
        return principal

    def _verify(self, token: str) -> Principal:
        try:
            header = jwt.get_unverified_header(token)
            if _OWN_KEY_HEADERS & header.keys():
                raise TokenRefused("the token brings a key of its own")
            payload: dict[str, Any] = jwt.decode(
                token,
                self._key(header.get("kid")),
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # Times are checked below, by the clock that we were given.
                options={
                    "require": _REQUIRED,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            claims = msgspec.convert(payload, Claims)
        except jwt.PyJWTError as error:
            raise TokenRefused(f"the token is not valid: {type(error).__name__}") from error
        except (msgspec.ValidationError, ValueError, RecursionError) as error:
            raise TokenRefused("the token's claims cannot be read") from error
        now = self._clock().timestamp()
        if claims.exp <= now:
            raise TokenRefused("the token has expired")
        if claims.nbf > now + LEEWAY_SECONDS:
            raise TokenRefused("the token is not good yet")
        if not _is_name(claims.sub):
            raise TokenRefused("the token's subject is no name")
        return Principal(
            name=claims.sub,
            roles=frozenset(role for role in Role if role in claims.roles),
            teams=frozenset(claims.teams),
            expires=claims.exp,
        )

    def _key(self, kid: object) -> Ed25519PublicKey:
        if not isinstance(kid, str):
            raise TokenRefused("the token does not say which key signed it")
        if kid not in self._keys:
            self._reload_if_changed()
        if kid not in self._keys:
            raise TokenRefused("the token is signed by a key that is not known here")
        return self._keys[kid]

    def _reload_if_changed(self) -> None:
        self._check_after = time.monotonic() + RELOAD_CHECK_SECONDS
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._keys = load_jwks(self._path)
        except KeyFileWrong as error:
            _logger.warning("token keys left as they were", reason=str(error))
        else:
            self._known.clear()
            _logger.info("token keys read", keys=sorted(self._keys))

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _is_name(name: str) -> bool:
    return 0 < len(name) <= NAME_CHARACTERS_MAX and name.isprintable() and name == name.strip()
