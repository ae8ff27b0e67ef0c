"""The key that signs tokens: a private Ed25519 JWK that its owner alone reads, and its JWKS."""

from __future__ import annotations

import hashlib
import os
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

ALGORITHM: Final = "EdDSA"
KEY_FILE_BYTES_MAX: Final = 1024 * 1024


class KeyFileWrong(Exception):
    """A key file is missing or holds something else; the message names it and what to do."""


class Jwk(msgspec.Struct, frozen=True):
    """One Ed25519 key as RFC 8037 writes it; ``d`` only where it is private."""

    kid: str
    x: str
    d: str | msgspec.UnsetType = msgspec.UNSET
    kty: str = ""
    crv: str = ""
    alg: str = ALGORITHM
    use: str = "sig"


class Jwks(msgspec.Struct, frozen=True):
    """A set of keys; those of other kinds are skipped."""

    keys: tuple[msgspec.Raw, ...]


def generate_key(path: Path) -> None:
    """Writes a fresh private key, readable by its owner only. Raises FileExistsError, OSError."""
    private = Ed25519PrivateKey.generate()
    numbers = OKPAlgorithm.to_jwk(private, as_dict=True)
    key = Jwk(
        kid=_thumbprint(numbers["x"]), x=numbers["x"], d=numbers["d"], kty="OKP", crv="Ed25519"
    )
    write_whole(path, msgspec.json.encode(key) + b"\n", mode=0o600, replace=False)


def private_key(path: Path) -> tuple[str, Ed25519PrivateKey]:
    """The key's id and the key. Raises KeyFileWrong."""
    jwk = _private_jwk(path)
    key = OKPAlgorithm.from_jwk(_numbers(jwk))
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileWrong(f"{path} holds no private key")
    return jwk.kid, key


def public_jwks(path: Path) -> bytes:
    """The JWKS document that verifies what the key at ``path`` signs. Raises KeyFileWrong."""
    private = _private_jwk(path)
    public = Jwk(kid=private.kid, x=private.x, kty=private.kty, crv=private.crv)
    return msgspec.json.encode({"keys": [public]}) + b"\n"


def load_jwks(path: Path) -> dict[str, Ed25519PublicKey]:
    """The public Ed25519 keys of a JWKS file, by key id. Raises KeyFileWrong if there is none."""
    try:
        found = msgspec.json.decode(_read(path), type=Jwks)
        keys = {}
        for raw in found.keys:
            kind = msgspec.json.decode(raw, type=dict[str, object])
            if kind.get("kty") == "OKP" and kind.get("crv") == "Ed25519" and "d" not in kind:
                jwk = msgspec.convert(kind, Jwk)
                key = OKPAlgorithm.from_jwk(_numbers(jwk))
                assert isinstance(key, Ed25519PublicKey)
                keys[jwk.kid] = key
    except (msgspec.DecodeError, ValueError) as error:
        raise KeyFileWrong(f"{path} is not a JWKS document: {error}") from error
    if not keys:
        raise KeyFileWrong(f"{path} holds no public Ed25519 key")
    return keys


def write_whole(path: Path, data: bytes, *, mode: int, replace: bool = True) -> None:
    """All of ``data`` under ``path``, or nothing: never a file half written or too widely readable.

    Raises FileExistsError if the file is there and ``replace`` is False.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            half.replace(path)
        else:
            path.hardlink_to(half)
    finally:
        half.unlink(missing_ok=True)


def _private_jwk(path: Path) -> Jwk:
    try:
        jwk = msgspec.json.decode(_read(path), type=Jwk)
    except msgspec.DecodeError as error:
        raise KeyFileWrong(f"{path} is not a private JWK: {error}") from error
    if jwk.d is msgspec.UNSET or (jwk.kty, jwk.crv) != ("OKP", "Ed25519"):
        raise KeyFileWrong(f"{path} holds no private Ed25519 key")
    return jwk


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(KEY_FILE_BYTES_MAX)
    except OSError as error:
        raise KeyFileWrong(f"cannot read {path}: {error.strerror}") from error


def _numbers(jwk: Jwk) -> dict[str, str]:
    numbers = {"kty": jwk.kty, "crv": jwk.crv, "x": jwk.x}
    return numbers if isinstance(jwk.d, msgspec.UnsetType) else {**numbers, "d": jwk.d}


def _thumbprint(x: str) -> str:
    """RFC 7638: the key's own id."""
    members = msgspec.json.encode({"crv": "Ed25519", "kty": "OKP", "x": x})
    return urlsafe_b64encode(hashlib.sha256(members).digest()).rstrip(b"=").decode()
