"""How the OAuth endpoints say no, and how secrets are compared."""

from __future__ import annotations

import hmac

from ..server.http import Reply


class OAuthError(Exception):
    """A refusal; *error* and *description* are the two keys of its body."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status

    def reply(self) -> Reply:
        return Reply(self.status, {"error": self.error, "error_description": self.description})


def same(given: str, expected: str) -> bool:
    """Compare secrets, taking the same time wherever they differ."""
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")
    )
