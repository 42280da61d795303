"""The retry policy: how often, how long and after what; and what Retry-After asks for."""

from __future__ import annotations

import math
import pickle
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from fractions import Fraction
from typing import Any

import attrs
import pytest

from twinforce import RetryPolicy, errors
from twinforce._core.http import Response, retry_after
from twinforce._core.replies import error_from_response
from twinforce._core.resending import Tries

DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


def delays(policy: RetryPolicy, *, chance: float = 1.0) -> list[float]:
    """List the delays of *policy* until it gives up, as if no time went by."""
    found: list[float] = []
    while (delay := policy.delay(len(found) + 1, elapsed=0, chance=chance)) is not None:
        found.append(delay)
    return found


def test_what_a_policy_is_unless_told_otherwise() -> None:
    assert repr(RetryPolicy()).startswith(
        "RetryPolicy(attempts=5, base=0.5, factor=2.0, longest=30.0, budget=300.0, statuses="
    )
    assert RetryPolicy().statuses == {408, 420, 429, 500, 502, 503, 504}
    assert RetryPolicy().error_codes == {
        "REQUEST_LIMIT_EXCEEDED",
        "SERVER_UNAVAILABLE",
        "UNABLE_TO_LOCK_ROW",
    }


def test_each_delay_is_longer_until_the_longest() -> None:
    policy = RetryPolicy(attempts=6, base=0.5, factor=3, longest=10)

    assert delays(policy) == [0.5, 1.5, 4.5, 10, 10]


def test_attempts_count_the_first_one_too() -> None:
    assert delays(RetryPolicy(attempts=1)) == []
    assert len(delays(RetryPolicy(attempts=2))) == 1
    assert RetryPolicy(attempts=2).delay(3, elapsed=0, chance=1) is None


def test_the_jitter_is_full() -> None:
    policy = RetryPolicy(attempts=4, base=1, factor=2)

    assert delays(policy, chance=0) == [0, 0, 0]
    assert delays(policy, chance=0.5) == [0.5, 1, 2]
    assert delays(policy, chance=1) == [1, 2, 4]


@pytest.mark.parametrize(
    "policy",
    [
        RetryPolicy(attempts=86_400, factor=100, longest=86_400, budget=86_400),
        RetryPolicy(attempts=86_400, base=86_400, factor=100, longest=86_400, budget=86_400),
        RetryPolicy(attempts=86_400, base=0),
        RetryPolicy(attempts=86_400, longest=0),
        RetryPolicy(attempts=86_400, factor=1),
    ],
)
def test_no_number_of_tries_is_too_much(policy: RetryPolicy) -> None:
    for tries in (*range(1, 1000), 86_399):
        delay = policy.delay(tries, elapsed=0, chance=1)
        assert delay is not None
        assert 0 <= delay <= min(policy.longest, policy.budget)
    assert policy.delay(86_400, elapsed=0, chance=1) is None


def test_no_delay_is_negative_or_above_what_is_allowed() -> None:
    chances = random.Random(3)  # noqa: S311 - the same cases each time
    for _ in range(5000):
        policy = RetryPolicy(
            attempts=chances.randint(1, 9),
            base=chances.uniform(0, 50),
            factor=chances.uniform(1, 100),
            longest=chances.uniform(0, 50),
            budget=chances.uniform(0, 100),
        )
        asked = chances.choice([None, 0.0, chances.uniform(0, 200), math.inf])
        tries, elapsed = chances.randint(1, 10), chances.uniform(0, 200)
        delay = policy.delay(tries, elapsed=elapsed, chance=chances.random(), retry_after=asked)
        if delay is not None:
            assert tries < policy.attempts
            assert max(0, asked or 0) <= delay <= max(policy.longest, asked or 0)
            assert elapsed + delay <= policy.budget


def test_the_client_waits_at_least_as_long_as_the_server_asks() -> None:
    policy = RetryPolicy(base=8, longest=8)

    assert policy.delay(1, elapsed=0, chance=0, retry_after=5) == 5
    assert policy.delay(1, elapsed=0, chance=1, retry_after=5) == 8
    assert policy.delay(1, elapsed=0, chance=0, retry_after=100) == 100
    assert policy.delay(1, elapsed=0, chance=1, retry_after=0) == 8


def test_no_try_begins_after_the_budget() -> None:
    policy = RetryPolicy(attempts=9, base=4, factor=1, budget=10)

    assert policy.delay(1, elapsed=6, chance=1) == 4
    assert policy.delay(1, elapsed=6.01, chance=1) is None
    assert policy.delay(1, elapsed=6.01, chance=0) == 0
    assert policy.delay(1, elapsed=11, chance=0) is None
    assert policy.delay(1, elapsed=0, chance=0, retry_after=10) == 10
    assert policy.delay(1, elapsed=0, chance=0, retry_after=10.1) is None
    assert policy.delay(1, elapsed=0, chance=0, retry_after=math.inf) is None


def test_a_clock_that_goes_backwards_does_no_harm() -> None:
    assert RetryPolicy(base=1, budget=10).delay(1, elapsed=-3600, chance=1) == 1


def answered(status: int, code: str | None = None) -> errors.SalesforceError:
    item = {"message": "x"} | ({"errorCode": code} if code else {})
    body = f"[{item!r}]".replace("'", '"').encode()
    return error_from_response(Response(status, {}, body), "GET limits")


@pytest.mark.parametrize(
    ("status", "code", "covered"),
    [
        (503, None, True),
        (400, "UNABLE_TO_LOCK_ROW", True),
        (403, "REQUEST_LIMIT_EXCEEDED", True),
        (400, "QUERY_TIMEOUT", False),
        (404, None, False),
        (501, None, False),
    ],
)
def test_a_status_or_a_code_makes_another_try_worth_while(
    status: int, code: str | None, covered: bool
) -> None:
    assert RetryPolicy().covers(answered(status, code)) is covered


def test_what_is_worth_a_try_can_be_chosen() -> None:
    policy = RetryPolicy(statuses=[404], error_codes=["QUERY_TIMEOUT"])

    assert policy.covers(answered(404))
    assert policy.covers(answered(400, "QUERY_TIMEOUT"))
    assert not policy.covers(answered(503))
    assert not policy.covers(answered(400, "UNABLE_TO_LOCK_ROW"))
    assert not RetryPolicy(statuses=(), error_codes=()).covers(answered(503, "SERVER_UNAVAILABLE"))
    assert not policy.covers(errors.ConnectionLostError("no answer has no status"))


@pytest.mark.parametrize("field", ["attempts", "base", "factor", "longest", "budget"])
@pytest.mark.parametrize(
    "value", [True, False, "3", None, b"3", [3], Decimal(3), Fraction(3), 3 + 0j, math.sqrt]
)
def test_what_is_no_number_is_refused(field: str, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"RetryPolicy\.{field} is an? \w+, not \w+"):
        RetryPolicy(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attempts", 0),
        ("attempts", -1),
        ("attempts", 86_401),
        ("attempts", 10**400),
        ("base", -0.001),
        ("base", 86_401),
        ("factor", 0.999),
        ("factor", 101),
        ("longest", -1),
        ("longest", 86_401),
        ("budget", -1),
        ("budget", 86_401),
        *((field, math.nan) for field in ("base", "factor", "longest", "budget")),
        *((field, math.inf) for field in ("base", "factor", "longest", "budget")),
        *((field, -math.inf) for field in ("base", "factor", "longest", "budget")),
    ],
)
def test_a_number_out_of_range_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"RetryPolicy\.{field} must be from \d+ to \d+"):
        RetryPolicy(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [2.0, 2.5, math.nan, math.inf])
def test_attempts_are_whole(value: Any) -> None:
    with pytest.raises(TypeError, match=r"attempts is an int, not float"):
        RetryPolicy(attempts=value)


@pytest.mark.parametrize(
    ("statuses", "shown"),
    [
        (503, "503"),
        ("503", "'503'"),
        (b"503", "b'503'"),
        (None, "None"),
        (["503"], "'503'"),
        ([503, True], "True"),
        ([503.0], "503.0"),
    ],
)
def test_statuses_are_a_set_of_int(statuses: Any, shown: str) -> None:
    with pytest.raises(TypeError, match=f"RetryPolicy takes a set of int here.*{shown}"):
        RetryPolicy(statuses=statuses)


@pytest.mark.parametrize(
    ("codes", "shown"),
    [
        ("UNABLE_TO_LOCK_ROW", "'UNABLE_TO_LOCK_ROW'"),
        (b"X", "b'X'"),
        (None, "None"),
        ([503], "503"),
        ([None], "None"),
        ([b"X"], "b'X'"),
    ],
)
def test_error_codes_are_a_set_of_str(codes: Any, shown: str) -> None:
    with pytest.raises(TypeError, match=f"RetryPolicy takes a set of str here.*{shown}"):
        RetryPolicy(error_codes=codes)


def test_a_policy_is_made_by_name_only() -> None:
    with pytest.raises(TypeError):
        RetryPolicy(3)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def test_a_policy_is_a_value() -> None:
    policy = RetryPolicy(attempts=3, statuses=[503, 500, 503], error_codes=iter(["X"]))

    assert policy == RetryPolicy(attempts=3, statuses={500, 503}, error_codes=("X",))
    assert policy != RetryPolicy(attempts=4, statuses={500, 503}, error_codes=("X",))
    assert policy != RetryPolicy(attempts=3, statuses={500}, error_codes=("X",))
    assert len({policy, RetryPolicy(attempts=3, statuses={500, 503}, error_codes=("X",))}) == 1
    assert pickle.loads(pickle.dumps(policy)) == policy
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        policy.attempts = 4  # type: ignore[misc]


def test_a_policy_can_be_made_from_another() -> None:
    policy = RetryPolicy(base=7, statuses=[503])

    assert attrs.evolve(policy, attempts=2) == RetryPolicy(attempts=2, base=7, statuses=[503])
    with pytest.raises(ValueError, match="attempts"):
        attrs.evolve(policy, attempts=0)
    with pytest.raises(TypeError, match="set of str"):
        attrs.evolve(policy, error_codes="X")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("007", 7),
        ("9" * 400, math.inf),
        ("Wed, 21 Oct 2015 07:29:30 GMT", 90),
        ("Wed, 21 Oct 2015 09:29:30 +0200", 90),
        ("Wednesday, 21-Oct-15 07:29:30 GMT", 90),
        ("Wed Oct 21 07:29:30 2015", 90),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251_956_888_319),
    ],
)
def test_retry_after_is_read_as_seconds_from_now(value: str, seconds: float) -> None:
    assert retry_after({"retry-after": value, "date": DATE}) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            " ",
            "soon",
            "-5",
            "+5",
            "1.5",
            "5s",
            "1e3",
            "5, 5",
            "5;",
            "٣",
            "²",
            "0x10",
            "NaN",
            "inf",
        ),
        *(
            "Wed",
            "GMT",
            "Wed, 21 Oct",
            "Wed, 32 Oct 2015 07:28:00 GMT",
            "Wed, 21 Oct 2015 25:00:00 GMT",
        ),
        "Wed, 21 Oct 99999999999999999999 07:28:00 GMT",
        "Wed, 21 Oct 2015 99999999999999999999:28:00 GMT",
        "Wed, 21 Oct 2015 07:28:00 +99999999999999999999",
        "Wed, 21 Oct 2015 07:28:00 +99999999999999",
        "Wed, 21 Oct 2015 07:28:00 -9999",
    ],
)
def test_a_retry_after_that_says_nothing_clear_is_none(value: str) -> None:
    assert retry_after({"retry-after": value, "date": DATE}) is None
    assert retry_after({"retry-after": value}) is None


def test_an_answer_without_retry_after_has_none() -> None:
    assert retry_after({}) is None
    assert retry_after({"date": DATE}) is None


@pytest.mark.parametrize(
    "date",
    [None, "", "today", "Wed, 21 Oct 99999999999999999999 07:28:00 GMT", "5"],
)
def test_a_date_is_taken_against_our_clock_where_the_answer_has_none(date: str | None) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    headers = {"retry-after": soon} | ({} if date is None else {"date": date})

    assert 90 < (retry_after(headers) or 0) <= 100


def test_an_error_knows_what_its_answer_asked_for() -> None:
    odd = "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"
    asked = [
        error_from_response(Response(503, {"retry-after": value}, b""), "GET limits").retry_after
        for value in ("7", odd)
    ]

    assert asked == [7, None]
    assert errors.SalesforceError("x").retry_after is None


def test_a_clock_that_goes_back_gives_no_more_budget() -> None:
    now = iter([100_000.0, 0.0])
    tries = Tries(RetryPolicy(budget=300), lambda: next(now))
    tries.begin()
    error = errors.RequestLimitExceededError(status_code=429)
    error.retry_after = 90_000.0

    assert tries.delay(error, idempotent=True) is None
