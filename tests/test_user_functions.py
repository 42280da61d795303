"""Functions of the user's that one twin can call and the other cannot; and the log they share."""

from __future__ import annotations

import functools
import logging
import subprocess
import sys
from contextvars import ContextVar
from typing import Any

import pytest

from tests.ledger import Ledger, add_contacts
from tests.server import Decided, ScriptedServer
from twinforce import AccessToken, AsyncSalesforce, Salesforce, hooks
from twinforce.local import LocalOrg


async def function(value: object) -> None: ...


async def function_with_more(more: object, value: object) -> None: ...


class Callable:
    async def __call__(self, value: object) -> None: ...

    async def method(self, value: object) -> None: ...


COROUTINE_FUNCTIONS = pytest.mark.parametrize(
    "coroutine_function",
    [
        function,
        functools.partial(function_with_more, 1),
        Callable(),
        Callable().method,
    ],
    ids=["function", "partial", "callable", "method"],
)


@COROUTINE_FUNCTIONS
def test_the_blocking_client_refuses_coroutine_functions(
    org: LocalOrg, coroutine_function: Any
) -> None:
    token = AccessToken(org.access_token)
    url = "https://acme.my.salesforce.com"
    with pytest.raises(TypeError, match=r"a hook must .* for the async client only"):
        Salesforce(url, token, hooks=[print, coroutine_function])
    with org.client() as salesforce, pytest.raises(TypeError, match="progress must be a function"):
        salesforce.composite.batch(progress=coroutine_function)


@COROUTINE_FUNCTIONS
async def test_the_async_client_takes_them(org: LocalOrg, coroutine_function: Any) -> None:
    with org.serve() as server:
        token = AccessToken(server.access_token)
        async with (
            AsyncSalesforce(server.url, token, hooks=[coroutine_function]) as salesforce,
            salesforce.composite.batch(progress=coroutine_function) as batch,
        ):
            batch.request("GET", "limits")

    assert len(batch.succeeded) == 1


def test_what_turns_out_to_be_a_coroutine_is_told_in_the_log(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger()
    server.always(Decided(lambda request: [ledger.execute(request)]))
    with (
        Salesforce(
            server.url, AccessToken("A"), hooks=[functools.partial(Callable())]
        ) as salesforce,
        salesforce.composite.batch(progress=functools.partial(Callable())) as batch,
    ):
        add_contacts(batch, 1)

    assert len(batch.succeeded) == 1
    assert len(caplog.records) == 5  # token, request, response; progress at the start and the end
    for record in caplog.records:
        assert record.exc_info is not None
        assert "only AsyncSalesforce waits" in str(record.exc_info[1])


WHO: ContextVar[str] = ContextVar("who", default="nobody")


def test_hooks_in_threads_see_the_context_of_the_caller(server: ScriptedServer) -> None:
    seen = list[str]()
    ledger = Ledger()
    server.always(Decided(lambda request: [ledger.execute(request)]))

    def look(event: hooks.Event) -> None:
        seen.append(WHO.get())

    before = WHO.set("the caller")
    with (
        Salesforce(server.url, AccessToken("A"), hooks=[look]) as salesforce,
        salesforce.composite.batch(concurrency=3) as batch,
    ):
        add_contacts(batch, 150)
    WHO.reset(before)

    assert seen == ["the caller"] * (1 + 2 * 6)


LOOK = """
import logging
import twinforce
from twinforce.local import LocalOrg

logger = logging.getLogger("twinforce")
with LocalOrg() as org, org.client() as salesforce:
    salesforce.limits()
print(logger.handlers, logging.root.handlers, logger.level, logger.propagate)
"""


def test_the_log_has_no_handler_and_no_level_of_ours() -> None:
    told = subprocess.run([sys.executable, "-c", LOOK], check=True, capture_output=True, text=True)

    assert told.stdout == f"[] [] {logging.NOTSET} True\n"
    assert told.stderr == ""
