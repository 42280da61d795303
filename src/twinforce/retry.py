"""When to try again what failed, as a value: it decides, the client waits and sends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar

import attrs

from .errors import SalesforceError

T = TypeVar("T")

_LONGEST: Final = 86_400
# A power of more than this is longer than any wait.
_MOST_DOUBLINGS: Final = 64


def _between(lowest: int, highest: int = _LONGEST) -> Any:
    def check(_: RetryPolicy, field: attrs.Attribute[float], value: float) -> None:
        kinds = int if field.name == "attempts" else int | float
        if isinstance(value, bool) or not isinstance(value, kinds):
            wanted = "an int" if kinds is int else "a number"
            raise TypeError(f"RetryPolicy.{field.name} is {wanted}, not {type(value).__name__}")
        if not lowest <= value <= highest:
            raise ValueError(
                f"RetryPolicy.{field.name} must be from {lowest} to {highest}, not {value}"
            )

    return check


def _statuses(values: Iterable[int]) -> frozenset[int]:
    return _set_of(int, values)


def _codes(values: Iterable[str]) -> frozenset[str]:
    return _set_of(str, values)


def _set_of(kind: type[T], values: Iterable[T]) -> frozenset[T]:
    if not isinstance(values, Iterable) or isinstance(values, str | bytes):
        raise TypeError(f"RetryPolicy takes a set of {kind.__name__} here, not {values!r}")
    for value in (found := frozenset(values)):
        if type(value) is not kind:
            raise TypeError(f"RetryPolicy takes a set of {kind.__name__} here; {value!r} is none")
    return found


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often, how long and after what a request is tried again.

    *attempts* counts the tries of one request, the first included. Before another try the client
    waits for a random part ("full jitter") of *base* seconds, *factor* times more after each try,
    at most *longest* seconds; if the answer has a ``Retry-After``, at least as long as that says.
    No try begins later than *budget* seconds after the first one began.

    After an answer with an error, another try is worth while for the *statuses* and *error_codes*
    named here; a connection that failed is always worth one. But whatever they say, only that is
    sent again which the server cannot have executed, or which does no harm twice (see
    :mod:`twinforce._core.resending`); and what ran into the daily limit of API requests is not.
    """

    attempts: int = attrs.field(default=5, validator=_between(1))
    base: float = attrs.field(default=0.5, validator=_between(0))
    factor: float = attrs.field(default=2.0, validator=_between(1, 100))
    longest: float = attrs.field(default=30.0, validator=_between(0))
    budget: float = attrs.field(default=300.0, validator=_between(0))
    statuses: frozenset[int] = attrs.field(
        default=frozenset({408, 420, 429, 500, 502, 503, 504}), converter=_statuses
    )
    error_codes: frozenset[str] = attrs.field(
        default=frozenset({"REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW"}),
        converter=_codes,
    )

    def covers(self, error: SalesforceError) -> bool:
        """Tell whether an answer that means *error* is worth another try."""
        return error.status_code in self.statuses or error.error_code in self.error_codes

    def delay(
        self, tries: int, *, elapsed: float, chance: float, retry_after: float | None = None
    ) -> float | None:
        """Say how many seconds to wait before the next try; None if there is to be none.

        *tries* were made, the first of them began *elapsed* seconds ago. *chance* is a random
        number from 0 to 1; *retry_after* are the seconds for which the server asked.
        """
        if tries >= self.attempts:
            return None
        backoff = self.base * self.factor ** min(tries - 1, _MOST_DOUBLINGS)
        delay = max(min(backoff, self.longest) * chance, retry_after or 0.0)
        return delay if elapsed + delay <= self.budget else None


def check_policy(policy: object) -> None:
    """Check what a user passes as a retry policy."""
    if policy is not None and not isinstance(policy, RetryPolicy):
        raise TypeError(
            f"retry must be a RetryPolicy, or None to try nothing again, not {policy!r}"
        )
