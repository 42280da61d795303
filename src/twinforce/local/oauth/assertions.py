"""JSON Web Tokens by which an app signs a user in: RS256, checked with the app's certificate.

Source: RFC 7523; Salesforce Help, OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final

import attrs
import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from .refusals import OAuthError

_ALGORITHM: Final = "RS256"
_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_SKEW_SECONDS: Final = 180
_MILLISECONDS: Final = 10**11
_TIME_AS_TEXT: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")


def read_public_key(pem: bytes) -> RSAPublicKey:
    """Take the RSA key out of a certificate or a public key. Raises ValueError."""
    try:
        key = (
            x509.load_pem_x509_certificate(pem).public_key()
            if _CERTIFICATE in pem
            else load_pem_public_key(pem)
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        message = f"certificate is not the PEM of an X.509 certificate or a public key: {error}"
        raise ValueError(message) from None
    if not isinstance(key, RSAPublicKey):
        message = "certificate must hold an RSA key: the JWT bearer flow is signed with RS256"
        raise ValueError(message)  # noqa: TRY004 - the type is right, what it holds is not
    return key


@attrs.frozen
class Assertion:
    """A JSON Web Token that has been read, but not checked yet."""

    claims: dict[str, Any]
    _algorithm: Any
    _signed: bytes = attrs.field(repr=False)
    _signature: bytes = attrs.field(repr=False)

    @classmethod
    def read(cls, text: str) -> Assertion:
        """Take a token apart. Raises OAuthError if it is none."""
        try:
            header, claims, signature = text.split(".")
            head, body = _document(header), _document(claims)
            return cls(body, head.get("alg"), f"{header}.{claims}".encode(), _decoded(signature))
        except ValueError:
            raise invalid() from None

    def text(self, claim: str) -> str:
        value = self.claims.get(claim)
        return value if isinstance(value, str) else ""

    def check(self, key: RSAPublicKey | None, audiences: frozenset[str], now: float) -> None:
        """Check signature, audience and expiry. Raises OAuthError.

        Salesforce asks for an ``exp`` at most three minutes ahead, but lets in what its own CLI
        sends, which is in milliseconds, so no upper bound is enforced here either.
        """
        if key is None or self._algorithm != _ALGORITHM:
            raise invalid()
        try:
            key.verify(self._signature, self._signed, padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            raise invalid() from None
        given = self.claims.get("aud")
        named = given if isinstance(given, list) else [given]
        if not any(isinstance(name, str) and name.rstrip("/") in audiences for name in named):
            raise OAuthError("invalid_grant", "audience is invalid")
        expiry = self._seconds("exp")
        if expiry is None:
            raise invalid()
        if expiry + _SKEW_SECONDS < now:
            raise OAuthError("invalid_grant", "expired assertion")
        start = self._seconds("nbf")
        if start is not None and start - _SKEW_SECONDS > now:
            raise invalid()

    def _seconds(self, claim: str) -> float | None:
        """Return a time; some clients send it as text, some in milliseconds."""
        value = self.claims.get(claim)
        if value is None:
            return None
        if isinstance(value, str) and _TIME_AS_TEXT.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid()
        number = float(value)  # finite: orjson reads no other numbers
        return number / 1000 if number > _MILLISECONDS else number


def invalid() -> OAuthError:
    return OAuthError("invalid_grant", "invalid assertion")


def _document(part: str) -> dict[str, Any]:
    document = orjson.loads(_decoded(part))
    if not isinstance(document, dict):
        message = "no JSON object"
        raise ValueError(message)  # noqa: TRY004 - whatever is wrong with a token, is this
    return document


def _decoded(part: str) -> bytes:
    padded = part + "=" * (-len(part) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)
