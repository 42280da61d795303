"""What each way to fail means for sending the same request again: the one table of it.

Sources: REST API Developer Guide, Status Codes and Error Responses; Connect REST API Developer
Guide, Status Codes; Salesforce Developer Limits and Allocations, API Request Limits.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import Enum
from typing import Final

import attrs

from ..errors import (
    HaltedError,
    InvalidStateError,
    MalformedResponseError,
    MoreThanOneRecordError,
    SalesforceError,
    TransportError,
)
from ..retry import RetryPolicy

ROW_LOCKED: Final = "UNABLE_TO_LOCK_ROW"
LIMIT_EXCEEDED: Final = "REQUEST_LIMIT_EXCEEDED"
_DAILY_LIMIT: Final = "TotalRequests"
_CONCURRENT_LIMITS: Final = ("ConcurrentRequests", "ConcurrentPerOrgLongTxn")
_CODES_OF_LATE_FAILURES: Final = frozenset(
    {"QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG", "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION"}
)


class Again(Enum):
    """Whether another try may end better."""

    YES = "whatever the policy names"
    BY_POLICY = "if the policy names its status or error code"
    WHEN_TOLD = "if the answer says when, and the policy names it"
    NO = "it would end the same"


@attrs.frozen
class Case:
    """A way to fail. *may_have_run*: the server may have executed the request, or a part of it.

    Where it cannot have, any request may be sent again; otherwise only one that does no harm twice.
    """

    name: str
    applies: Callable[[BaseException], bool]
    may_have_run: bool
    again: Again


def _status(*codes: int) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, SalesforceError) and error.status_code in codes


def _is_4xx(error: BaseException) -> bool:
    return isinstance(error, SalesforceError) and 400 <= (error.status_code or 0) < 500


def _is_5xx(error: BaseException) -> bool:
    return isinstance(error, SalesforceError) and (error.status_code or 0) >= 500


def _code(*codes: str) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, SalesforceError) and error.error_code in codes


def _is_limit(error: BaseException) -> bool:
    return _code(LIMIT_EXCEEDED)(error) or _status(429)(error)


def _is_daily_limit(error: BaseException) -> bool:
    return _is_limit(error) and _DAILY_LIMIT in _message(error)


def _is_concurrent_limit(error: BaseException) -> bool:
    return _is_limit(error) and any(name in _message(error) for name in _CONCURRENT_LIMITS)


def _message(error: BaseException) -> str:
    # Not all of the text: that also names what was asked for.
    return error.message if isinstance(error, SalesforceError) else ""


def _was_not_sent(error: BaseException) -> bool:
    # Transports also mark an interruption that came before anything was sent.
    return getattr(error, "sent", True) is False


def _is(kind: type[BaseException]) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, kind)


# fmt: off
CASES: Final = (
    Case(
        "the client or its transport is closed",
        _is(InvalidStateError),
        may_have_run=False,
        again=Again.NO,
    ),
    Case(
        "no connection was made (refused, DNS, TLS, proxy, time-out), or nothing was sent on it",
        _was_not_sent,
        may_have_run=False,
        again=Again.YES,
    ),
    Case(
        "the connection was lost, or the answer cut short or late",
        _is(TransportError),
        may_have_run=True,
        again=Again.YES,
    ),
    Case(
        "the answer is a success that cannot be read (HTML, say)",
        _is(MalformedResponseError),
        may_have_run=True,
        again=Again.NO,
    ),
    Case(
        "the daily limit of API requests (403 or 429)",
        _is_daily_limit,
        may_have_run=False,
        again=Again.NO,
    ),
    Case(
        "the limit of concurrent requests (403)",
        _is_concurrent_limit,
        may_have_run=False,
        again=Again.BY_POLICY,
    ),
    Case("too many requests (429)", _status(429), may_have_run=False, again=Again.BY_POLICY),
    Case(
        "another limit, such as the hourly one (503)",
        _code(LIMIT_EXCEEDED),
        may_have_run=False,
        again=Again.WHEN_TOLD,
    ),
    Case(
        "a locked row: the transaction was rolled back (400)",
        _code(ROW_LOCKED),
        may_have_run=False,
        again=Again.BY_POLICY,
    ),
    Case(
        "halted behind a failure (412)",
        _is(HaltedError),
        may_have_run=False,
        again=Again.NO,
    ),
    Case(
        "the token is refused (401); the session renews it, once",
        _status(401),
        may_have_run=False,
        again=Again.NO,
    ),
    Case(
        "the edge has no route to the org yet (420)",
        _status(420),
        may_have_run=False,
        again=Again.BY_POLICY,
    ),
    Case(
        "several records have the external id (300)",
        _is(MoreThanOneRecordError),
        may_have_run=False,
        again=Again.NO,
    ),
    Case(
        "it began, and took too long or went wrong",
        _code(*_CODES_OF_LATE_FAILURES),
        may_have_run=True,
        again=Again.BY_POLICY,
    ),
    Case(
        "the server gave up waiting (408)", _status(408), may_have_run=True, again=Again.BY_POLICY
    ),
    Case(
        "any other refusal (400, 403, 404, …)", _is_4xx, may_have_run=False, again=Again.BY_POLICY
    ),
    Case(
        "a failure of the server or the edge (500, 502, 503, 504, HTML)",
        _is_5xx,
        may_have_run=True,
        again=Again.BY_POLICY,
    ),
    Case(
        "anything else: a redirect, an interruption",
        lambda _: True,
        may_have_run=True,
        again=Again.NO,
    ),
)
# fmt: on


def case_of(error: BaseException) -> Case:
    """Find what *error* means."""
    return next(case for case in CASES if case.applies(error))


def may_have_run(error: BaseException) -> bool:
    """Tell whether the server may have executed the request, or a part of it."""
    return case_of(error).may_have_run


class Tries:
    """The tries of one request: how many there were, and whether there is another.

    *clock* gives seconds; with no *policy* there is one try.
    """

    def __init__(self, policy: RetryPolicy | None, clock: Callable[[], float]) -> None:
        self.count = 0
        self._policy = policy
        self._clock = clock
        self._began = 0.0

    def begin(self) -> None:
        """Note that a try begins."""
        if self.count == 0:
            self._began = self._clock()
        self.count += 1

    def delay(self, error: SalesforceError, *, idempotent: bool) -> float | None:
        """Say how many seconds to wait until the next try, after *error*; None: there is none.

        *idempotent*: the request does no harm twice.
        """
        policy, case = self._policy, case_of(error)
        if policy is None or (case.may_have_run and not idempotent):
            return None
        match case.again:
            case Again.NO:
                return None
            case Again.WHEN_TOLD if error.retry_after is None:
                return None
            case Again.WHEN_TOLD | Again.BY_POLICY if not policy.covers(error):
                return None
        return policy.delay(
            self.count,
            elapsed=max(0.0, self._clock() - self._began),
            chance=random.random(),  # noqa: S311 - spreads the load, and keeps no secret
            retry_after=error.retry_after,
        )
