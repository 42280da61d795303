"""Events: immutable values that say what happened, and keep secrets."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import pytest

from tests.secrets import shown_by
from twinforce import Request, Response, Timeout, errors, hooks

TOKEN = "00D!secret.token"
URL = "https://acme.my.salesforce.com/services/data/v67.0/query"


def request(**headers: str) -> Request:
    own = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("GET", f"{URL}?q=SELECT+Secret__c", own | given, b"Secret__c", Timeout())


def response(**headers: str) -> Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(200, given, b"a secret")


EVENTS: list[hooks.Event] = [
    hooks.RequestEvent.of(request(), 1),
    hooks.ResponseEvent.of(request(), response(date="now"), 2, 0.25),
    hooks.RetryEvent("GET limits", errors.ServerError("later", status_code=503), 1, 2.5),
    hooks.TokenEvent("https://acme.my.salesforce.com", renewed=True),
]
kinds = pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)


def test_a_request_is_told_without_its_query_its_body_and_its_token() -> None:
    event = hooks.RequestEvent.of(request(), attempt=3)

    assert (event.method, event.url, event.attempt) == ("GET", URL, 3)
    assert (event.headers, event.body_size) == ({"Accept": "application/json"}, 9)
    assert str(event) == f"GET {URL} (9 bytes, attempt 3)"
    assert str(hooks.RequestEvent.of(request(), 1)) == f"GET {URL} (9 bytes)"


def test_a_response_is_told_without_its_body() -> None:
    event = hooks.ResponseEvent.of(request(), response(date="now"), 1, 0.0625)

    assert (event.method, event.url, event.attempt) == ("GET", URL, 1)
    assert (event.status_code, event.headers) == (200, {"date": "now"})
    assert (event.body_size, event.seconds) == (8, 0.0625)
    assert str(event) == f"GET {URL}: 200 (8 bytes, 62 ms)"


def test_a_retry_says_what_is_tried_again_and_why() -> None:
    error = errors.ServerError("later", status_code=503, request="batch of 3")
    event = hooks.RetryEvent("batch of 3", error, 1, 2.5, (0, 2))

    assert str(event) == (
        "batch of 3, subrequests 0, 2: attempt 1 failed, another follows in 2.50 s: "
        "ServerError 503: later"
    )


def test_a_sign_in_says_whether_the_token_is_a_new_one() -> None:
    first, again = (hooks.TokenEvent("https://a.example", renewed=new) for new in (False, True))

    assert str(first) == "signed in at https://a.example"
    assert str(again) == "signed in at https://a.example again, since the token was refused"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", "Bearer other"),
        ("Proxy_Authorization", "Basic c2VjcmV0"),
        ("Cookie", "sid=secret"),
        ("Set_Cookie", "sid=secret"),
        ("X_SFDC_Session", "00Dsecret"),
        ("X_Api_Key", "secret"),
        ("X_Auth_Token", "secret"),
        ("X_Client_Secret", "secret"),
        ("X_User_Password", "secret"),
        ("X_Acme", TOKEN),
        ("Forwarded", f"for=x;token={TOKEN}"),
    ],
)
def test_headers_that_let_somebody_in_are_left_out(name: str, value: str) -> None:
    headers = {name: value, "Sforce-Call-Options": "client=x"}
    asked = request(**headers)
    events: list[hooks.RequestEvent | hooks.ResponseEvent] = [
        hooks.RequestEvent.of(asked, 1),
        hooks.ResponseEvent.of(asked, Response(200, asked.headers, b""), 1, 0.0),
    ]

    for event in events:
        assert event.headers["Sforce-Call-Options"] == "client=x"
        assert name.replace("_", "-").lower() not in {key.lower() for key in event.headers}
        assert value not in shown_by(event)


def test_the_place_of_a_redirect_is_told_without_its_query() -> None:
    answer = response(location="https://acme.example/secur/frontdoor.jsp?sid=secret")
    event = hooks.ResponseEvent.of(request(), answer, 1, 0.0)

    assert event.headers == {"location": "https://acme.example/secur/frontdoor.jsp"}


@kinds
def test_an_event_cannot_be_changed(event: hooks.Event) -> None:
    for field in attrs.fields(type(event)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(event, field.name, None)
    with pytest.raises(AttributeError):
        object.__setattr__(event, "extra", 1)


@pytest.mark.parametrize("event", EVENTS[:2], ids=["request", "response"])
def test_the_headers_of_an_event_cannot_be_changed(event: Any) -> None:
    with pytest.raises(TypeError):
        event.headers["Accept"] = "other"


def test_an_event_keeps_the_headers_as_they_were() -> None:
    headers = {"Accept": "a"}
    event = hooks.RequestEvent.of(Request("GET", URL, headers, None, Timeout()), 1)
    headers["Accept"] = "b"

    assert event.headers == {"Accept": "a"}


@kinds
def test_an_event_survives_pickling(event: hooks.Event) -> None:
    copy = pickle.loads(pickle.dumps(event))

    assert type(copy) is type(event)
    assert str(copy) == str(event)
    assert repr(copy) == repr(event)


def test_equal_events_are_equal() -> None:
    assert hooks.RequestEvent.of(request(), 1) == hooks.RequestEvent.of(request(), 1)
    assert hooks.RequestEvent.of(request(), 1) != hooks.RequestEvent.of(request(), 2)


@kinds
def test_an_event_holds_no_secret(event: hooks.Event) -> None:
    shown = shown_by(event)

    assert TOKEN not in shown
    assert "secret" not in shown
    assert "Secret__c" not in shown
