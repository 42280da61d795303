"""What hooks and the log are told, when, and that neither can do harm nor give a secret away."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from tests.answers import answer, created, page, refusal
from tests.ledger import LOCKED, Ledger, add_contacts
from tests.secrets import shown_by
from tests.server import Decided, Fault, Received, ScriptedServer, Step, reply
from tests.twin import AsyncAnswers, AsyncPauses
from twinforce import (
    AccessToken,
    AiohttpTransport,
    AsyncSalesforce,
    ClientCredentials,
    Request,
    Response,
    RetryPolicy,
    errors,
    hooks,
)
from twinforce.hooks import RequestEvent, ResponseEvent, RetryEvent, TokenEvent

TOO_SOON = "RequestLimitExceededError 429: the server answered with an empty body"
GRANT = ClientCredentials("client-id", "client-s3cret")
EXPIRED = refusal(401, "INVALID_SESSION_ID", "Session expired")
BUSY = reply(429, b"", [("Retry-After", "7")])


def token(value: str, server: ScriptedServer) -> bytes:
    return reply(200, json.dumps({"access_token": value, "instance_url": server.url}).encode())


def short(event: hooks.Event) -> tuple[object, ...]:
    """Give the kind of *event* and what tells it from others of that kind."""
    match event:
        case RequestEvent():
            return "request", event.url.rpartition("/")[2], event.attempt
        case ResponseEvent():
            return "response", event.status_code, event.attempt
        case RetryEvent():
            return "retry", event.attempt, event.delay, event.subrequests
        case TokenEvent():
            return "token", event.renewed


async def test_a_call_is_told_from_its_sign_in_to_its_answer(server: ScriptedServer) -> None:
    told = list[hooks.Event]()
    server.play(token("A", server))
    server.always(reply(200, b"{}", [("Sforce-Limit-Info", "api-usage=1/10")]))
    async with AsyncSalesforce(server.url, GRANT, hooks=[told.append]) as salesforce:
        await salesforce.request("POST", "limits", params={"q": "x"}, json={"a": 1})
        first = list(map(short, told))
        await salesforce.limits()

    assert first == [
        ("request", "token", 1),
        ("response", 200, 1),
        ("token", False),
        ("request", "limits", 1),
        ("response", 200, 1),
    ]
    assert list(map(short, told))[5:] == [("request", "limits", 1), ("response", 200, 1)]
    assert told[2] == TokenEvent(server.url, renewed=False)
    request, response = told[3:5]
    assert isinstance(request, RequestEvent)
    assert isinstance(response, ResponseEvent)
    url = f"{server.url}/services/data/v67.0/limits"
    assert (request.method, request.url, request.body_size) == ("POST", url, 7)
    assert request.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert (response.method, response.url, response.body_size) == ("POST", url, 2)
    assert response.headers["sforce-limit-info"] == "api-usage=1/10"


async def test_tries_are_counted_and_the_waits_between_them_told(server: ScriptedServer) -> None:
    told, pauses = list[hooks.Event](), AsyncPauses()
    for steps in (BUSY, BUSY, EXPIRED, token("B", server), BUSY, reply(200, b"{}")):
        server.play(steps)

    class Grant:
        """Has a token at hand, and asks for the next."""

        def __init__(self) -> None:
            self.first = True

        def sign_in(self, instance_url: str, timeout: Any, /) -> Any:
            if self.first:
                self.first = False
                return AccessToken("A").sign_in(instance_url, timeout)
            return GRANT.sign_in(instance_url, timeout)

        def read_token(self, response: Response, instance_url: str, /) -> Any:
            return GRANT.read_token(response, instance_url)

    async with AsyncSalesforce(
        server.url, Grant(), hooks=[told.append], sleep=pauses
    ) as salesforce:
        await salesforce.limits()

    assert list(map(short, told)) == [
        ("token", False),
        ("request", "limits", 1),
        ("response", 429, 1),
        ("retry", 1, 7.0, ()),
        ("request", "limits", 2),
        ("response", 429, 2),
        ("retry", 2, 7.0, ()),
        ("request", "limits", 3),
        ("response", 401, 3),
        ("request", "token", 1),
        ("response", 200, 1),
        ("token", True),
        ("request", "limits", 4),
        ("response", 429, 4),
        ("retry", 4, 7.0, ()),
        ("request", "limits", 5),
        ("response", 200, 5),
    ]
    assert pauses.seconds == [7.0] * 3
    retry = next(event for event in told if isinstance(event, RetryEvent))
    assert retry.request == "GET limits"
    assert isinstance(retry.error, errors.RequestLimitExceededError)


async def test_a_batch_tells_of_each_request_each_page_and_each_locked_row(
    server: ScriptedServer,
) -> None:
    told = list[hooks.Event]()
    next_url = "/services/data/v67.0/query/01g-1"
    first = page("a", 2, next_url)
    server.play(answer((200, first), created(1), (400, LOCKED)))
    server.play(answer(created(2)))
    server.play(reply(200, json.dumps(page("b", 2)).encode()))
    async with (
        AsyncSalesforce(
            server.url, AccessToken("A"), hooks=[told.append], sleep=AsyncPauses()
        ) as salesforce,
        salesforce.composite.batch() as batch,
    ):
        batch.query("SELECT Name FROM Account")
        add_contacts(batch, 2)

    assert len(batch.succeeded) == 3
    (retry,) = (event for event in told if isinstance(event, RetryEvent))
    assert list(map(short, told)) == [
        ("token", False),
        ("request", "batch", 1),
        ("response", 200, 1),
        ("retry", 1, retry.delay, (2,)),
        ("request", "batch", 2),
        ("response", 200, 2),
        ("request", "01g-1", 1),
        ("response", 200, 1),
    ]
    assert (retry.request, type(retry.error)) == ("batch of 3", errors.RowLockedError)


async def test_a_request_without_an_answer_is_told_all_the_same(server: ScriptedServer) -> None:
    told = list[hooks.Event]()
    server.play(Fault.DROP)
    server.always(reply(200, b"{}"))
    async with AsyncSalesforce(
        server.url, AccessToken("A"), hooks=[told.append], sleep=AsyncPauses()
    ) as salesforce:
        await salesforce.limits()

    assert [short(event)[0] for event in told] == [
        "token",
        "request",
        "retry",
        "request",
        "response",
    ]


class Watch(AsyncAnswers):
    """A transport that takes a while, on the clock that it is."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0

    def time(self) -> float:
        return self.now

    async def send(self, request: Request, /) -> Response:
        self.now += 2.5
        return Response(200, {}, b"{}")


async def test_seconds_are_those_of_the_clock_between_request_and_answer() -> None:
    told, watch = list[hooks.Event](), Watch()

    def dawdle(event: hooks.Event) -> None:
        watch.now += 1_000

    async with AsyncSalesforce(
        "https://acme.my.salesforce.com",
        AccessToken("A"),
        transport=watch,
        clock=watch.time,
        hooks=[dawdle, told.append],
    ) as salesforce:
        await salesforce.limits()

    assert [event.seconds for event in told if isinstance(event, ResponseEvent)] == [2.5]


async def test_hooks_that_wait_are_waited_for_in_order(server: ScriptedServer) -> None:
    told, pause = list[str](), AsyncPauses()

    async def first(event: hooks.Event) -> None:
        await pause(0)
        told.append(f"first {short(event)[0]}")

    class Second:
        async def __call__(self, event: hooks.Event) -> None:
            await pause(0)
            told.append(f"second {short(event)[0]}")

    server.always(reply(200, b"{}"))
    async with AsyncSalesforce(server.url, AccessToken("A"), hooks=(first, Second())) as salesforce:
        await salesforce.limits()
        told.append("end")

    kinds = ("token", "request", "response")
    assert told == [f"{who} {kind}" for kind in kinds for who in ("first", "second")] + ["end"]


async def test_a_hook_that_raises_is_logged_and_harms_nothing(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    told, ledger = list[hooks.Event](), Ledger()
    ledger.locked[3] = 1

    def careless(event: hooks.Event) -> None:
        raise ZeroDivisionError(type(event).__name__)

    for steps in (token("A", server), BUSY, EXPIRED, token("B", server)):
        server.play(steps)
    server.always(Decided(lambda request: [ledger.execute(request)]))
    async with (
        AsyncSalesforce(
            server.url, GRANT, hooks=[careless, told.append], sleep=AsyncPauses()
        ) as salesforce,
        salesforce.composite.batch() as batch,
    ):
        add_contacts(batch, 30)

    assert len(batch.succeeded) == 30
    assert {*ledger.created.values()} == {1}
    failed = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert {short(event)[0] for event in told} == {"request", "response", "retry", "token"}
    assert len(failed) == len(told)
    for record in failed:
        assert record.name == "twinforce"
        assert "careless failed at " in record.getMessage()
        assert record.exc_info is not None
        assert record.exc_info[0] is ZeroDivisionError


@pytest.mark.parametrize(("let_in", "calls"), [("A", [200]), ("B", [401, 200])])
async def test_a_hook_may_use_the_client_and_is_not_told_of_that(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture, let_in: str, calls: list[int]
) -> None:
    told, answers, tokens = list[tuple[object, ...]](), list[Any](), ["A", "B"]

    def answered(request: Received) -> list[Step]:
        if request.target.endswith("/token"):
            return [token(tokens.pop(0), server)]
        is_let_in = request.values("Authorization") == [f"Bearer {let_in}"]
        return [reply(200, b"{}") if is_let_in else EXPIRED]

    async def curious(event: hooks.Event) -> None:
        told.append(short(event))
        if len(told) > 2:  # it has signed in
            answers.append(await salesforce.limits())

    server.always(Decided(answered))
    async with AsyncSalesforce(server.url, GRANT, hooks=[curious]) as salesforce:
        assert await salesforce.limits() == {}

    assert not [record for record in caplog.records if record.levelno == logging.ERROR]
    assert told[:3] == [("request", "token", 1), ("response", 200, 1), ("token", False)]
    assert [each[:2] for each in told[3:]] == [
        pair for status in calls for pair in (("request", "limits"), ("response", status))
    ]
    assert answers == [{}] * (1 + 2 * len(calls))


async def test_a_hook_that_uses_the_client_while_that_signs_in_is_told_so(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def impatient(event: hooks.Event) -> None:
        await salesforce.limits()

    server.play(token("A", server))
    server.always(reply(200, b"{}"))
    async with AsyncSalesforce(server.url, GRANT, hooks=[impatient]) as salesforce:
        assert await salesforce.limits() == {}

    failed = [record for record in caplog.records if record.levelno == logging.ERROR]
    for record in failed:
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], errors.InvalidStateError)
        assert "while that was signing in; wait for the TokenEvent" in str(record.exc_info[1])
    assert len(failed) == 2  # at the request for the token and at the answer to it


async def test_two_clients_may_be_told_of_each_other(server: ScriptedServer) -> None:
    told = list[object]()

    async def use_second(event: hooks.Event) -> None:
        told.append("first")
        await second.limits()

    async def use_first(event: hooks.Event) -> None:
        told.append("second")
        await first.limits()

    server.always(reply(200, b"{}"))
    async with (
        AsyncSalesforce(server.url, AccessToken("A"), hooks=[use_second]) as first,
        AsyncSalesforce(server.url, AccessToken("B"), hooks=[use_first]) as second,
    ):
        await first.limits()

    assert 3 <= len(told) < 20
    assert len(server.received) < 20


class Touchy(dict[str, str]):
    """Headers that count how often somebody goes through them."""

    looks = 0

    def items(self) -> Any:
        type(self).looks += 1
        return super().items()


@pytest.mark.parametrize(("level", "lines"), [("WARNING", 0), ("INFO", 2), ("DEBUG", 6)])
async def test_the_log_is_told_the_same_where_somebody_listens(
    caplog: pytest.LogCaptureFixture, level: str, lines: int
) -> None:
    caplog.set_level(level, "twinforce")
    answers = AsyncAnswers(
        Response(429, Touchy({"retry-after": "7"}), b""), Response(200, Touchy(), b"{}")
    )
    Touchy.looks = 0
    async with AsyncSalesforce(
        "https://acme.my.salesforce.com",
        AccessToken("A"),
        transport=answers,
        sleep=AsyncPauses(),
        clock=lambda: 0.0,
    ) as salesforce:
        await salesforce.limits()

    url = "https://acme.my.salesforce.com/services/data/v67.0/limits"
    expected = [
        ("INFO", "signed in at https://acme.my.salesforce.com"),
        ("DEBUG", f"GET {url} (0 bytes)"),
        ("DEBUG", f"GET {url}: 429 (0 bytes, 0 ms)"),
        ("INFO", f"GET limits: attempt 1 failed, another follows in 7.00 s: {TOO_SOON}"),
        ("DEBUG", f"GET {url} (0 bytes, attempt 2)"),
        ("DEBUG", f"GET {url}: 200 (2 bytes, 0 ms)"),
    ]
    heard = [line for line in expected if level in {"DEBUG", line[0]}]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == heard
    assert len(heard) == lines
    assert Touchy.looks == (2 if level == "DEBUG" else 0)


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING])
@pytest.mark.parametrize("with_proxy", [False, True])
async def test_neither_hooks_nor_the_log_get_a_secret(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture, level: int, with_proxy: bool
) -> None:
    caplog.set_level(level)
    told = list[Any]()
    shown = list[str]()

    def look(event: hooks.Event) -> None:
        told.append(event)
        shown.append(shown_by(event))

    def careless(event: hooks.Event) -> None:
        raise ValueError(event)

    cookie = ("Set-Cookie", "sid=s3cret-cookie")
    for steps in (
        token("00D!s3cret-first", server),
        refusal(401, "INVALID_SESSION_ID"),
        token("00D!s3cret-second", server),
        reply(503, b"oops", [cookie]),
        Fault.DROP,
        Fault.RESET,
        reply(302, b"", [("Location", f"{server.url}/x?sid=s3cret-place")]),
    ):
        server.play(steps)
    # As a proxy, the server is sent the same, and answers the same.
    proxy = f"http://user:s3cret-proxy@127.0.0.1:{server.port}" if with_proxy else None
    async with (
        AiohttpTransport(proxy=proxy) as transport,
        AsyncSalesforce(
            server.url,
            GRANT,
            transport=transport,
            hooks=[look, careless],
            sleep=AsyncPauses(),
            retry=RetryPolicy(attempts=5),
        ) as salesforce,
    ):
        with pytest.raises(errors.SalesforceError) as caught:
            await salesforce.request(
                "GET",
                "sobjects/Contact/Key__c/1",
                params={"q": "s3cret-query"},
                body=b"s3cret-data",
                headers={
                    "X-SFDC-Session": "00D!s3cret-header",
                    "X-Api-Key": "s3cret-key",
                    "x-token": "s3cret-lower",
                },
            )

    records = [record for record in caplog.records if record.name == "twinforce"]
    everything = [
        *shown,
        *map(shown_by, told),
        shown_by(caught.value),
        *(record.getMessage() for record in records),
        *(shown_by(record.args) for record in records),
        *(shown_by(record.exc_info[1]) for record in records if record.exc_info),
        *(str(vars(record)) for record in records),
    ]
    assert not [line for text in everything for line in text.splitlines() if "s3cret" in line]
    assert len(records) >= len(told)
    assert (caught.value.status_code, len(server.received)) == (302, 7)
    assert {short(event)[0] for event in told} == {"request", "response", "retry", "token"}


async def test_hooks_that_are_none_are_refused(server: ScriptedServer) -> None:
    for none in ([1], ["print"], [None], "print", 5, None, print):
        with pytest.raises(TypeError, match=r"hooks? must be a (function|sequence)"):
            AsyncSalesforce(server.url, AccessToken("A"), hooks=none)  # type: ignore[arg-type]
