"""``twinforce demo``: the examples of the README, in both twins, on a local org over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ... import AccessToken, AsyncSalesforce, Salesforce
from .. import LocalOrg
from ._async import demo as async_demo
from ._sync import demo as blocking_demo
from .output import say


def main() -> None:
    """Run both twins on a fresh org each, and print what happened."""
    say("twinforce demo: Composite Batch on a local org. Nothing leaves this machine.")
    with (
        served("Salesforce, blocking") as (url, token, account_id),
        Salesforce(url, AccessToken(token)) as salesforce,
    ):
        blocking_demo.run_examples(salesforce, account_id)
    with served("AsyncSalesforce, asyncio") as (url, token, account_id):
        asyncio.run(run_async(url, token, account_id))
    say("\nHow to write this yourself: see the README.")


async def run_async(url: str, token: str, account_id: str) -> None:
    """Run the examples in the async twin."""
    async with AsyncSalesforce(url, AccessToken(token)) as salesforce:
        await async_demo.run_examples(salesforce, account_id)


@contextmanager
def served(twin: str) -> Iterator[tuple[str, str, str]]:
    """Serve a new org with a few accounts; give its URL, a token and the id of an account."""
    with LocalOrg() as org:
        org.add_field("Opportunity", "ExternalId__c", "Text", external_id=True, unique=True)
        org.require("Opportunity", "Name")
        with org.client() as salesforce:
            names = ("Acme", "Globex", "Initech")
            ids = [salesforce.sobject.create("Account", {"Name": name}) for name in names]
        with org.serve() as server:
            say(f"\n{twin}, over HTTP at {server.url}")
            started = time.perf_counter()
            yield server.url, server.access_token, ids[0]
            say(f"  All this took {(time.perf_counter() - started) * 1000:.0f} ms.")
