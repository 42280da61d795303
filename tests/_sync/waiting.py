# Generated from tests/_async/waiting.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Clients that do not wait between tries, so that a test can see how long they would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.server import ScriptedServer
from twinforce import AccessToken, RetryPolicy, Salesforce

POLICY: Final = RetryPolicy(attempts=3, base=1, factor=2)
DELAYS: Final = [0.5, 1.0]  # between the three tries, where chance is halfway
HALFWAY: Final = ("random.random", lambda: 0.5)


class Naps(list[float]):
    """Notes for how long it was to sleep, and does what happens *meanwhile*."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None

    def __call__(self, seconds: float) -> None:
        self.append(seconds)
        if self.meanwhile is not None:
            self.meanwhile()


def waiting_client(server: ScriptedServer, naps: Naps, **settings: Any) -> Salesforce:
    """Make a client of *server* that naps as its policy says."""
    usual: dict[str, Any] = {"auth": AccessToken("00D!x"), "retry": POLICY}
    return Salesforce(server.url, sleep=naps, **(usual | settings))
