"""What other clients were seen to do in event loops, tried on ours.

The numbers of the cases are explained in tests/_async/test_known_defects_of_batches.py.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from twinforce import AccessToken, AiohttpTransport, AsyncSalesforce, ClientCredentials, Salesforce
from twinforce.local import LocalOrg


def test_an_async_client_may_be_used_in_one_loop_after_the_other(org: LocalOrg) -> None:
    # A25: there is a queue for all that could be bound to a loop: connections, the sign-in, retries.
    async def create_many(salesforce: AsyncSalesforce) -> set[str]:
        async with salesforce.composite.batch(concurrency=2) as batch:
            contacts = [batch.sobject.create("Contact", {"LastName": "Doe"}) for _ in range(60)]
        calls = (salesforce.sobject.create("Contact", {"LastName": "Roe"}) for _ in range(10))
        return {contact.id for contact in contacts} | set(await asyncio.gather(*calls))

    with org.serve() as server:
        transport = AiohttpTransport(pool_size=2)
        grant = ClientCredentials(org.client_id, org.client_secret)
        salesforce = AsyncSalesforce(server.url, grant, transport=transport)
        found = set[str]()
        for _ in range(3):
            org.expire_token()
            found |= asyncio.run(create_many(salesforce))
        asyncio.run(transport.aclose())

    assert len(found) == 210


@pytest.mark.parametrize("options", [{"sleep": asyncio.sleep}, {"sleep": 5}, {"clock": 5}])
def test_a_blocking_client_refuses_what_it_cannot_wait_with(options: dict[str, Any]) -> None:
    # Like A26: a coroutine function would return at once, and the client hammer.
    with pytest.raises(TypeError, match=f"{next(iter(options))} must be a function"):
        Salesforce("https://acme.my.salesforce.com", AccessToken("00D!x"), **options)


@pytest.mark.parametrize("options", [{"sleep": 5}, {"clock": "now"}])
def test_an_async_client_refuses_what_it_cannot_wait_with(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"{next(iter(options))} must be a function"):
        AsyncSalesforce("https://acme.my.salesforce.com", AccessToken("00D!x"), **options)


def test_each_client_takes_the_functions_of_its_kind() -> None:
    url, token = "https://acme.my.salesforce.com", AccessToken("00D!x")

    Salesforce(url, token, sleep=time.sleep, clock=time.monotonic)
    AsyncSalesforce(url, token, sleep=asyncio.sleep, clock=time.monotonic)
