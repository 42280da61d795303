# Generated from tests/_async/test_session.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Signing in: once for all, once more when the token is refused, and no further."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server import Fault, ScriptedServer, reply
from tests.twin import Arrivals, together
from twinforce import (
    AccessToken,
    ClientCredentials,
    Salesforce,
    SubrequestState,
    Timeout,
    errors,
)

GRANT = ClientCredentials("id", "s3cret")
EXPIRED = reply(401, b'[{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}]')


def token(value: str, server: ScriptedServer) -> bytes:
    return reply(200, json.dumps({"access_token": value, "instance_url": server.url}).encode())


def sign_ins(server: ScriptedServer) -> int:
    return sum(request.target == "/services/oauth2/token" for request in server.received)


def bearers(server: ScriptedServer) -> list[str]:
    return [value for request in server.received for value in request.values("Authorization")]


def test_the_client_signs_in_when_it_first_needs_to(server: ScriptedServer) -> None:
    server.play(token("A", server))
    server.always(reply(200, b"{}"))
    with Salesforce(server.url, GRANT) as salesforce:
        assert server.received == []
        salesforce.limits()
        salesforce.limits()

    assert sign_ins(server) == 1
    assert bearers(server) == ["Bearer A", "Bearer A"]


def test_a_refused_token_is_renewed_once_and_the_request_sent_again(
    server: ScriptedServer,
) -> None:
    answer = b'{"results": [{"statusCode": 201, "result": {"id": "003", "success": true}}]}'
    for steps in (token("A", server), EXPIRED, token("B", server), reply(200, answer)):
        server.play(steps)
    with (
        Salesforce(server.url, GRANT) as salesforce,
        salesforce.composite.batch() as batch,
    ):
        contact = batch.sobject.create("Contact", {"LastName": "Doe"})

    assert contact.id == "003"
    assert bearers(server) == ["Bearer A", "Bearer B"]


def test_a_second_refusal_is_an_error(server: ScriptedServer) -> None:
    for steps in (token("A", server), EXPIRED, token("B", server), EXPIRED):
        server.play(steps)
    with Salesforce(server.url, GRANT) as salesforce:
        with pytest.raises(errors.AuthenticationError, match="GET limits: 401 INVALID_SESSION_ID"):
            salesforce.limits()

    assert sign_ins(server) == 2


def test_a_token_that_cannot_be_renewed_is_sent_once(server: ScriptedServer) -> None:
    server.always(EXPIRED)
    with Salesforce(server.url, AccessToken("A")) as salesforce:
        with pytest.raises(errors.AuthenticationError, match="INVALID_SESSION_ID"):
            salesforce.limits()

    assert bearers(server) == ["Bearer A"]


def test_one_sign_in_serves_all_who_wait(server: ScriptedServer) -> None:
    server.play(token("A", server))
    server.always(reply(200, b"{}"))
    with Salesforce(server.url, GRANT) as salesforce:
        results = together(salesforce.limits, 20)

    assert results == [{}] * 20
    assert sign_ins(server) == 1


def test_a_sign_in_that_fails_fails_for_all_who_wait(server: ScriptedServer) -> None:
    arrivals = Arrivals(20)
    server.always(arrivals.wait, reply(400, b'{"error": "invalid_client"}'))
    with Salesforce(server.url, GRANT) as salesforce:

        def call() -> object:
            arrivals.arrive()
            return salesforce.limits()

        results = together(call, 20)

    assert [type(result) for result in results] == [errors.AuthenticationError] * 20
    assert sign_ins(server) < 20


def test_the_token_goes_to_the_instance_that_the_sign_in_names() -> None:
    with ScriptedServer() as login, ScriptedServer() as instance:
        login.play(token("A", instance))
        instance.play(reply(200, b"{}"))
        with Salesforce(login.url, GRANT) as salesforce:
            salesforce.limits()

        assert [request.target for request in login.received] == ["/services/oauth2/token"]
        assert [request.target for request in instance.received] == ["/services/data/v67.0/limits"]


def test_a_redirect_does_not_get_the_token(server: ScriptedServer) -> None:
    with ScriptedServer() as elsewhere:
        server.play(reply(302, b"", [("Location", f"{elsewhere.url}/x")]))
        with Salesforce(server.url, AccessToken("A")) as salesforce:
            with pytest.raises(errors.SalesforceError, match="302"):
                salesforce.limits()

        assert elsewhere.received == []


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.HANG])
def test_a_sign_in_that_got_lost_leaves_the_batch_pending(
    server: ScriptedServer, fault: Fault
) -> None:
    server.play(fault)
    timeout = Timeout(connect=5, read=0.05)
    with Salesforce(server.url, GRANT, retry=None, timeout=timeout) as salesforce:
        batch = salesforce.composite.batch()
        contact = batch.sobject.create("Contact", {"LastName": "Doe"})
        with pytest.raises(errors.TransportError, match="sign-in at http") as caught:
            batch.execute()

    assert not caught.value.sent
    assert contact.error is None
    assert batch.unknown == ()


def test_no_error_shows_a_secret(server: ScriptedServer) -> None:
    server.play(token("00D!secret", server))
    server.always(reply(500, b"<html>00D is no secret</html>"))
    with Salesforce(server.url, GRANT) as salesforce:
        with pytest.raises(errors.ServerError) as caught:
            salesforce.limits()
        shown = repr(caught.value) + str(caught.value) + repr(salesforce) + repr(vars(caught.value))

    assert "00D!secret" not in shown
    assert "s3cret" not in shown


class Odd:
    """A grant whose first step is whatever it was made with."""

    def __init__(self, step: Any) -> None:
        self._step = step

    def sign_in(self, *_: object) -> Any:
        if isinstance(self._step, Exception):
            raise self._step
        return self._step

    def read_token(self, *_: object) -> Any:
        raise AssertionError("nothing was asked")


@pytest.mark.parametrize(
    ("step", "kind"), [(KeyError("SECRET"), KeyError), (None, TypeError), ("00D", TypeError)]
)
def test_a_grant_that_fails_leaves_the_batch_pending(
    server: ScriptedServer, step: object, kind: type[Exception]
) -> None:
    with Salesforce(server.url, Odd(step)) as salesforce:
        batch = salesforce.composite.batch()
        contact = batch.sobject.create("Contact", {"LastName": "Doe"})
        with pytest.raises(kind):
            batch.execute()

    assert contact.error is None
    assert batch.unknown == ()
    assert batch.request_count == 0


def test_a_sign_in_that_failed_before_is_not_held_against_the_next(
    server: ScriptedServer,
) -> None:
    server.play(reply(503))
    server.play(token("A", server))
    server.play(reply(200, b"{}"))
    with Salesforce(server.url, GRANT, retry=None) as salesforce:
        with pytest.raises(errors.ServerError, match="sign-in at http"):
            salesforce.limits()
        assert salesforce.limits() == {}


def test_each_request_that_was_sent_counts(server: ScriptedServer) -> None:
    answer = b'{"results": [{"statusCode": 201, "result": {"id": "003", "success": true}}]}'
    for steps in (token("A", server), EXPIRED, token("B", server), reply(200, answer)):
        server.play(steps)
    with Salesforce(server.url, GRANT) as salesforce:
        batch = salesforce.composite.batch()
        batch.sobject.create("Contact", {"LastName": "Doe"})
        batch.execute()

    assert batch.request_count == 2


def test_a_batch_whose_renewal_fails_is_pending(server: ScriptedServer) -> None:
    for steps in (token("A", server), EXPIRED, reply(503)):
        server.play(steps)
    with Salesforce(server.url, GRANT, retry=None) as salesforce:
        batch = salesforce.composite.batch()
        contact = batch.sobject.create("Contact", {"LastName": "Doe"})
        with pytest.raises(errors.ServerError, match="sign-in at http"):
            batch.execute()

    assert contact.state is SubrequestState.PENDING
    assert contact.error is None
