# Generated from tests/_async/test_odd_answers.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Answers that no documentation knows: nothing is believed that they do not say."""

from __future__ import annotations

import json
import logging

import pytest

from tests.answers import answer
from tests.server import ScriptedServer, reply
from twinforce import (
    AccessToken,
    ClientCredentials,
    RetryPolicy,
    Salesforce,
    SubrequestState,
    Token,
    errors,
    hooks,
)

ID = "0011R00001K1H2IQAV"
TOKEN = "00D!s3cret"
LOCKED = (400, [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "x"}])


def halted(status: int) -> tuple[int, object]:
    return status, [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "x"}]


@pytest.mark.parametrize("status", [412, 408, 500, 302])
def test_what_is_called_halted_was_not_executed_whatever_its_status(
    server: ScriptedServer, status: int
) -> None:
    with Salesforce(server.url, AccessToken(TOKEN), retry=RetryPolicy(base=0)) as salesforce:
        server.play(answer(LOCKED, halted(status)))
        server.play(answer((204, None), (201, {"id": "003", "success": True})))
        with salesforce.composite.batch(halt_on_error=True) as batch:
            batch.sobject.update("Account", ID, {"Name": "x"})
            created = batch.sobject.create("Contact", {"LastName": "Doe"})
        assert created.is_success

        server.play(answer((400, [{"errorCode": "X", "message": "x"}]), halted(status)))
        with salesforce.composite.batch(halt_on_error=True) as batch:
            batch.sobject.update("Account", ID, {"Name": "x"})
            created = batch.sobject.create("Contact", {"LastName": "Doe"})
        assert created.state is SubrequestState.HALTED


@pytest.mark.parametrize(
    "echo",
    [
        reply(502, f"<html>Bad header Authorization: Bearer {TOKEN}</html>".encode()),
        reply(503, json.dumps([{"errorCode": "X", "message": f"token {TOKEN}"}]).encode()),
        reply(200, f"not JSON: {TOKEN}".encode()),
        reply(302, b"", [("Location", f"https://x.example/#access_token={TOKEN}")]),
    ],
)
def test_a_token_that_the_server_gives_back_is_told_to_nobody(
    server: ScriptedServer, echo: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    server.always(echo)
    told = list[hooks.Event]()
    with Salesforce(
        server.url, AccessToken(TOKEN), retry=RetryPolicy(base=0), hooks=[told.append]
    ) as salesforce:
        with caplog.at_level(logging.DEBUG, "twinforce"):
            with pytest.raises(errors.SalesforceError) as caught:
                salesforce.limits()
            batch = salesforce.composite.batch()
            contact = batch.sobject.create("Contact", {"LastName": "Doe"})
            with pytest.raises(errors.SalesforceError) as of_batch:
                batch.execute()

    for error in (caught.value, of_batch.value, contact.error):
        shown = f"{error!r} {vars(error) if error else ''} {error and error.__cause__!r}"
        assert TOKEN not in shown
    assert TOKEN not in caplog.text
    assert TOKEN not in "".join(map(str, told))


def test_a_grant_that_reads_no_token_is_told_so(server: ScriptedServer) -> None:
    class Odd(ClientCredentials):
        def read_token(self, *_: object) -> Token:
            return "00D!x"  # type: ignore[return-value] # pyright: ignore[reportReturnType]

    with Salesforce(server.url, Odd("id", "s3cret")) as salesforce:
        for _ in range(2):
            with pytest.raises(TypeError, match="read_token of the grant must return a Token"):
                salesforce.limits()
