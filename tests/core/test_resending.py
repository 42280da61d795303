"""What each way to fail means for sending again, and how the tries of one request are counted."""

from __future__ import annotations

import json

import pytest

from twinforce import RetryPolicy, errors
from twinforce._core.http import Response
from twinforce._core.replies import Reply, error_from_item, error_from_response, halted
from twinforce._core.resending import CASES, Again, Tries, case_of, may_have_run

DAILY = "TotalRequests Limit exceeded."
HOURLY = "You have reached the Connect API's hourly request limit for this user and application"
CONCURRENT = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
LIMIT = "REQUEST_LIMIT_EXCEEDED"


def answered(
    status: int,
    code: str | None = None,
    message: str = "x",
    *,
    retry_after: str = "",
    request: str = "GET limits",
) -> errors.SalesforceError:
    """Make the error that an answer means, HTML unless there is a *code*."""
    body = b"<html>Oops</html>"
    if code is not None:
        body = json.dumps([{"errorCode": code, "message": message}]).encode()
    return error_from_response(Response(status, {"retry-after": retry_after}, body), request)


def unsent(error: BaseException) -> BaseException:
    error.sent = False  # type: ignore[attr-defined]
    return error


class Interruption(BaseException):
    """As KeyboardInterrupt, which a test cannot raise without ending the run."""


RUN, NOT_RUN = True, False
# fmt: off
EXAMPLES = [
    (errors.InvalidStateError("closed"),                            NOT_RUN, Again.NO),
    (errors.ConnectError("refused"),                                NOT_RUN, Again.YES),
    (errors.TransportError("proxy", sent=False),                    NOT_RUN, Again.YES),
    (unsent(Interruption()),                                        NOT_RUN, Again.YES),
    (errors.ConnectionLostError("reset"),                           RUN,     Again.YES),
    (errors.ReadTimeoutError("late"),                               RUN,     Again.YES),
    (errors.TransportError("encoded as br"),                        RUN,     Again.YES),
    (errors.MalformedResponseError("HTML", status_code=200),        RUN,     Again.NO),
    (answered(403, LIMIT, DAILY),                                   NOT_RUN, Again.NO),
    (answered(429, LIMIT, DAILY),                                   NOT_RUN, Again.NO),
    (answered(429, "X", DAILY),                                     NOT_RUN, Again.NO),
    (answered(503, LIMIT, DAILY, retry_after="1"),                  NOT_RUN, Again.NO),
    (answered(403, LIMIT, CONCURRENT),                              NOT_RUN, Again.BY_POLICY),
    (answered(403, LIMIT, "ConcurrentPerOrgLongTxn Limit exceeded"), NOT_RUN, Again.BY_POLICY),
    (answered(429),                                                 NOT_RUN, Again.BY_POLICY),
    (answered(429, LIMIT, "x"),                                     NOT_RUN, Again.BY_POLICY),
    (answered(503, LIMIT, HOURLY),                                  NOT_RUN, Again.WHEN_TOLD),
    (answered(503, LIMIT, HOURLY, retry_after="60"),                NOT_RUN, Again.WHEN_TOLD),
    (answered(403, LIMIT, "another"),                               NOT_RUN, Again.WHEN_TOLD),
    (answered(400, "UNABLE_TO_LOCK_ROW"),                           NOT_RUN, Again.BY_POLICY),
    (answered(500, "UNABLE_TO_LOCK_ROW"),                           NOT_RUN, Again.BY_POLICY),
    (answered(401, "INVALID_SESSION_ID"),                           NOT_RUN, Again.NO),
    (answered(401),                                                 NOT_RUN, Again.NO),
    (answered(420),                                                 NOT_RUN, Again.BY_POLICY),
    (answered(412, "BATCH_PROCESSING_HALTED"),                      NOT_RUN, Again.NO),
    (answered(500, "BATCH_PROCESSING_HALTED"),                      NOT_RUN, Again.NO),
    (answered(300),                                                 NOT_RUN, Again.NO),
    (answered(400, "REQUEST_RUNNING_TOO_LONG"),                     RUN,     Again.BY_POLICY),
    (answered(400, "QUERY_TIMEOUT"),                                RUN,     Again.BY_POLICY),
    (answered(400, "UNKNOWN_EXCEPTION"),                            RUN,     Again.BY_POLICY),
    (answered(503, "SERVER_UNAVAILABLE"),                           RUN,     Again.BY_POLICY),
    (answered(408),                                                 RUN,     Again.BY_POLICY),
    (answered(400, "JSON_PARSER_ERROR"),                            NOT_RUN, Again.BY_POLICY),
    (answered(403),                                                 NOT_RUN, Again.BY_POLICY),
    (answered(403, "INSUFFICIENT_ACCESS"),                          NOT_RUN, Again.BY_POLICY),
    (answered(404, "ENTITY_IS_DELETED"),                            NOT_RUN, Again.BY_POLICY),
    (answered(400, "X", DAILY),                                     NOT_RUN, Again.BY_POLICY),
    (answered(500),                                                 RUN,     Again.BY_POLICY),
    (answered(502),                                                 RUN,     Again.BY_POLICY),
    (answered(503),                                                 RUN,     Again.BY_POLICY),
    (answered(503, "X", CONCURRENT),                                RUN,     Again.BY_POLICY),
    (answered(504),                                                 RUN,     Again.BY_POLICY),
    (answered(599),                                                 RUN,     Again.BY_POLICY),
    (answered(302),                                                 RUN,     Again.NO),
    (answered(304),                                                 RUN,     Again.NO),
    (errors.SalesforceError("of a transport of the user's"),        RUN,     Again.NO),
    (errors.ServerError("without a status"),                        RUN,     Again.NO),
    (OSError("of a transport of the user's"),                       RUN,     Again.NO),
    (Interruption(),                                                RUN,     Again.NO),
]
# fmt: on


@pytest.mark.parametrize(("error", "ran", "again"), EXAMPLES, ids=lambda value: str(value)[:60])
def test_what_each_failure_means(error: BaseException, ran: bool, again: Again) -> None:
    assert (may_have_run(error), case_of(error).again) == (ran, again)


def test_each_case_of_the_table_is_reached() -> None:
    assert {case_of(error).name for error, *_ in EXAMPLES} == {case.name for case in CASES}
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("name", ["TotalRequests", "ConcurrentRequests", "ConcurrentPerOrgLongTxn"])
def test_the_name_of_what_was_asked_for_does_not_tell_the_kind_of_limit(name: str) -> None:
    request = f"GET sobjects/{name}__c/describe"

    assert case_of(answered(503, LIMIT, HOURLY, request=request)).again is Again.WHEN_TOLD


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (400, [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "x"}]),
        (
            300,
            ["/services/data/v67.0/sobjects/Account/1", "/services/data/v67.0/sobjects/Account/2"],
        ),
        (404, [{"errorCode": "NOT_FOUND", "message": "x"}]),
        (403, [{"errorCode": LIMIT, "message": DAILY}]),
    ],
)
def test_a_refused_subrequest_was_not_executed(status: int, result: object) -> None:
    assert not may_have_run(error_from_item(Reply(status, result)))
    assert not may_have_run(error_from_item(halted()))


class Clock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


LOST = errors.ConnectionLostError("lost")
BUSY = answered(429)


def tries_of(policy: RetryPolicy | None, *, count: int = 1, clock: Clock | None = None) -> Tries:
    tries = Tries(policy, clock or Clock())
    for _ in range(count):
        tries.begin()
    return tries


def test_without_a_policy_nothing_is_tried_again() -> None:
    for error, *_ in EXAMPLES:
        if isinstance(error, errors.SalesforceError):
            assert tries_of(None).delay(error, idempotent=True) is None


@pytest.mark.parametrize(
    ("error", "idempotent", "other"),
    [
        (errors.ConnectError("x"), True, True),
        (BUSY, True, True),
        (answered(420), True, True),
        (LOST, True, False),
        (answered(500), True, False),
        (answered(408), True, False),
        (answered(503, "SERVER_UNAVAILABLE"), True, False),
        (answered(400, "REQUEST_RUNNING_TOO_LONG"), False, False),
        (answered(302), False, False),
        (answered(401), False, False),
        (answered(501), False, False),
        (answered(503, LIMIT, HOURLY), False, False),
        (answered(503, LIMIT, HOURLY, retry_after="5"), True, True),
        (answered(503, LIMIT, HOURLY, retry_after="soon"), False, False),
        (answered(503, LIMIT, HOURLY, retry_after="9999"), False, False),
        (answered(503, LIMIT, DAILY, retry_after="5"), False, False),
    ],
    ids=lambda value: str(value)[:60],
)
def test_only_what_does_no_harm_twice_follows_what_may_have_run(
    error: errors.SalesforceError, idempotent: bool, other: bool
) -> None:
    delays = [tries_of(RetryPolicy()).delay(error, idempotent=each) for each in (True, False)]

    assert [delay is not None for delay in delays] == [idempotent, other]


def test_a_policy_may_leave_out_what_only_it_names() -> None:
    policy = RetryPolicy(statuses=(), error_codes=())

    assert tries_of(policy).delay(LOST, idempotent=True) is not None
    for error in (BUSY, answered(500), answered(400, "UNABLE_TO_LOCK_ROW")):
        assert tries_of(policy).delay(error, idempotent=True) is None
    told = answered(503, LIMIT, HOURLY, retry_after="5")
    assert tries_of(policy).delay(told, idempotent=True) is None


def test_a_policy_cannot_name_what_is_never_sent_again() -> None:
    policy = RetryPolicy(
        statuses=range(200, 600), error_codes=["INVALID_SESSION_ID", LIMIT, "UNKNOWN_EXCEPTION"]
    )

    for error in (
        answered(401, "INVALID_SESSION_ID"),
        answered(403, LIMIT, DAILY),
        answered(302),
        errors.MalformedResponseError("HTML", status_code=200),
    ):
        assert tries_of(policy).delay(error, idempotent=True) is None
    assert tries_of(policy).delay(answered(500, "UNKNOWN_EXCEPTION"), idempotent=False) is None
    assert tries_of(policy).delay(answered(500, "UNKNOWN_EXCEPTION"), idempotent=True) is not None
    assert tries_of(policy).delay(answered(400, "X"), idempotent=False) is not None


def test_the_tries_come_to_an_end() -> None:
    policy = RetryPolicy(attempts=3)

    found = [tries_of(policy, count=count).delay(LOST, idempotent=True) for count in (1, 2, 3, 4)]

    assert [delay is not None for delay in found] == [True, True, False, False]


def test_the_delays_are_random_within_their_bounds() -> None:
    policy = RetryPolicy(attempts=9, base=1, factor=3, longest=5)
    for count, most in ((1, 1), (2, 3), (3, 5), (4, 5)):
        delays = [tries_of(policy, count=count).delay(LOST, idempotent=True) for _ in range(300)]
        found = [delay for delay in delays if delay is not None]
        assert len(set(found)) > 250
        assert 0 <= min(found) < 0.1 * most
        assert 0.9 * most < max(found) <= most


def test_the_delay_is_what_the_answer_asks_for_at_least() -> None:
    policy = RetryPolicy(base=1, longest=1)
    for _ in range(50):
        delay = tries_of(policy).delay(answered(429, retry_after="40"), idempotent=False)
        assert delay == 40


def test_the_budget_is_counted_from_the_first_try() -> None:
    clock = Clock()
    tries = tries_of(RetryPolicy(base=0, budget=10), clock=clock)

    found = []
    for seconds in (0, 9.9, 0.1, 0.1, 3600):
        clock.now += seconds
        found.append(tries.delay(LOST, idempotent=True))
    assert found == [0, 0, 0, None, None]


def test_a_wait_that_ends_behind_the_budget_is_not_begun() -> None:
    clock = Clock()
    tries = tries_of(RetryPolicy(base=0, budget=10), clock=clock)
    clock.now += 4

    assert tries.delay(answered(429, retry_after="6"), idempotent=False) == 6
    assert tries.delay(answered(429, retry_after="7"), idempotent=False) is None
