"""Event loops: the blocking twin needs none, the async one is not bound to its first."""

from __future__ import annotations

import asyncio
import threading

import pytest

from twinforce import AccessToken, AsyncSalesforce, ClientCredentials, Salesforce, errors
from twinforce.local import LocalOrg


async def test_the_blocking_twin_works_where_a_loop_is_running(org: LocalOrg) -> None:
    # As in a notebook.
    with org.serve() as server, Salesforce(server.url, AccessToken(server.access_token)) as sf:
        batch = sf.composite.batch()
        contact = batch.sobject.create("Contact", {"LastName": "Doe"})
        batch.execute()

    assert contact.is_success


def test_an_async_client_made_outside_a_loop_serves_one_loop_after_the_other(org: LocalOrg) -> None:
    async def create(salesforce: AsyncSalesforce) -> str:
        async with salesforce.composite.batch() as batch:
            contacts = [batch.sobject.create("Contact", {"LastName": "Doe"}) for _ in range(30)]
        calls = (
            salesforce.sobject.create("Lead", {"LastName": "A", "Company": "B"}) for _ in range(5)
        )
        await asyncio.gather(*calls)
        return contacts[-1].id

    with org.serve() as server:
        grant = ClientCredentials(org.client_id, org.client_secret)
        salesforce = AsyncSalesforce(server.url, grant)
        first = asyncio.run(create(salesforce))
        second = asyncio.run(create(salesforce))
        asyncio.run(salesforce.aclose())

    assert first != second


def test_an_async_client_refuses_a_second_loop_while_the_first_lives(org: LocalOrg) -> None:
    async def main() -> None:
        async with AsyncSalesforce(server.url, AccessToken(server.access_token)) as salesforce:
            await salesforce.limits()
            caught: list[BaseException] = []

            def elsewhere() -> None:
                try:
                    asyncio.run(one_call())
                except errors.InvalidStateError as error:
                    caught.append(error)

            async def one_call() -> None:
                await salesforce.limits()

            thread = threading.Thread(target=elsewhere)
            thread.start()
            await asyncio.to_thread(thread.join)
            assert "make one client for each event loop" in str(caught[0])
            await salesforce.limits()

    with org.serve() as server:
        asyncio.run(main())


async def test_a_cancelled_batch_leaves_what_it_sent_unknown(org: LocalOrg) -> None:
    with org.serve() as server:
        async with AsyncSalesforce(server.url, AccessToken(server.access_token)) as salesforce:
            batch = salesforce.composite.batch()
            contacts = [batch.sobject.create("Contact", {"LastName": "Doe"}) for _ in range(60)]
            task = asyncio.ensure_future(batch.execute())
            while batch.request_count < 2:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

            assert batch.succeeded == tuple(contacts[:25])
            assert batch.unknown == tuple(contacts[25:50])
            await batch.execute()
            assert batch.succeeded == tuple(contacts[:25] + contacts[50:])
