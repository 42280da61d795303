"""Grants: what they ask for, how they read the answer, and that they keep their secrets."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from twinforce import AccessToken, ClientCredentials, Request, Response, Timeout, Token, errors

HOME = "https://acme.my.salesforce.com"
GRANT = ClientCredentials("id+1", "s3cr&t")


def answer(status_code: int, body: bytes) -> Response:
    return Response(status_code, {}, body)


def test_an_access_token_is_at_hand() -> None:
    assert AccessToken("00D!x").sign_in(HOME, Timeout()) == Token("00D!x")


@pytest.mark.parametrize("token", ["", "00D x", "00D\n", "00Dé", "00D\x00"])
def test_an_access_token_that_no_header_can_carry_is_refused_unseen(token: str) -> None:
    with pytest.raises(ValueError, match="access_token is empty or holds") as caught:
        AccessToken(token)

    assert "00D" not in str(caught.value)


@pytest.mark.parametrize("token", [None, 7, b"00D"])
def test_an_access_token_of_another_type_is_refused(token: object) -> None:
    with pytest.raises(TypeError, match="access_token must be a str"):
        AccessToken(token)  # type: ignore[arg-type]


def test_client_credentials_ask_the_token_endpoint_of_the_instance() -> None:
    request = GRANT.sign_in(HOME, Timeout(3, 4))

    assert isinstance(request, Request)
    assert (request.method, request.url) == ("POST", f"{HOME}/services/oauth2/token")
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["id+1"],
        "client_secret": ["s3cr&t"],
    }
    assert request.timeout == Timeout(3, 4)


def test_client_credentials_are_refused_where_salesforce_does_not_take_them() -> None:
    with pytest.raises(errors.AuthenticationError, match="My Domain only"):
        GRANT.sign_in("https://login.salesforce.com", Timeout())


def test_the_token_belongs_to_the_instance_that_the_answer_names() -> None:
    body = b'{"access_token": "00D!x", "instance_url": "https://other.my.salesforce.com"}'

    assert GRANT.read_token(answer(200, body), HOME) == Token(
        "00D!x", "https://other.my.salesforce.com"
    )
    assert GRANT.read_token(answer(200, b'{"access_token": "00D!x"}'), HOME) == Token("00D!x", HOME)


@pytest.mark.parametrize(
    ("status_code", "body", "kind", "text"),
    [
        (
            400,
            b'{"error": "invalid_client", "error_description": "invalid client credentials"}',
            errors.AuthenticationError,
            "400 invalid_client: invalid client credentials",
        ),
        (400, b"<html>", errors.AuthenticationError, "gave no reason"),
        (503, b"<html>", errors.ServerError, "try again later"),
        (302, b"", errors.AuthenticationError, "gave no reason"),
        (200, b"<html>", errors.MalformedResponseError, "not a JSON object"),
        (200, b"[]", errors.MalformedResponseError, "not a JSON object"),
        (200, b"{}", errors.MalformedResponseError, "cannot be used: access_token is empty"),
        (200, b'{"access_token": 7}', errors.MalformedResponseError, "access_token must be a str"),
        (
            200,
            b'{"access_token": "00D!x", "instance_url": 7}',
            errors.MalformedResponseError,
            "instance URL",
        ),
        (
            200,
            b'{"access_token": "00D!x", "instance_url": "http://evil.example"}',
            errors.MalformedResponseError,
            "access token would cross",
        ),
        (
            200,
            b'{"access_token": "00D!x", "instance_url": "http://127.0.0.1"}',
            errors.MalformedResponseError,
            "without TLS",
        ),
    ],
)
def test_an_answer_that_gives_no_token_is_an_error_without_secrets(
    status_code: int, body: bytes, kind: type[errors.SalesforceError], text: str
) -> None:
    with pytest.raises(kind, match="sign-in at https://acme") as caught:
        GRANT.read_token(answer(status_code, body), HOME)

    assert text in str(caught.value)
    assert "00D!x" not in repr(caught.value)
    assert "s3cr" not in repr(caught.value)


def test_no_repr_shows_a_secret() -> None:
    shown = repr([AccessToken("00D!x"), GRANT, Token("00D!x"), GRANT.sign_in(HOME, Timeout())])

    assert "00D!x" not in shown
    assert "s3cr" not in shown


@pytest.mark.parametrize(
    "seconds", [0, -1, float("inf"), float("nan"), 1e10, pytest.param(10**400, id="huge")]
)
def test_a_timeout_is_a_finite_number_above_zero(seconds: float) -> None:
    with pytest.raises(
        ValueError, match=r"Timeout\.read must be above 0 and at most 86400 seconds"
    ):
        Timeout(read=seconds)


@pytest.mark.parametrize("seconds", [None, "5", True])
def test_there_is_always_a_timeout(seconds: object) -> None:
    with pytest.raises(TypeError, match=r"Timeout\.connect is a number of seconds"):
        Timeout(connect=seconds)  # type: ignore[arg-type]


def test_what_a_refused_sign_in_answers_stays_out_of_the_error() -> None:
    body = b'{"error": "x", "error_description": "y", "access_token": "00D!x"}'

    with pytest.raises(errors.AuthenticationError) as caught:
        GRANT.read_token(answer(400, body), HOME)

    assert "00D!x" not in str(vars(caught.value)) + str(caught.value.errors[0].raw)


def test_no_frame_of_an_error_holds_a_token() -> None:
    body = b'{"access_token": "00D!x", "instance_url": "http://evil.example"}'

    with pytest.raises(errors.MalformedResponseError) as caught:
        GRANT.read_token(answer(200, body), HOME)

    for entry in caught.traceback:
        if entry.frame.code.raw.co_name != "test_no_frame_of_an_error_holds_a_token":
            assert "00D!x" not in repr(entry.locals)


@pytest.mark.parametrize("url", ["http://evil.example", "https://user:pw@evil.example", "acme"])
def test_a_token_is_for_an_instance_that_a_client_could_have(url: str) -> None:
    with pytest.raises(ValueError, match=r"http://|must not hold|must look like"):
        Token("00D!x", url)


def test_the_path_of_an_instance_url_is_cut_off() -> None:
    url = "https://acme.my.salesforce.com/services/Soap/u/60.0/00D"

    assert Token("00D!x", url).instance_url == HOME
