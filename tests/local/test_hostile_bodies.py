"""Bodies that are meant to break the org, or to keep it busy."""

from __future__ import annotations

import re
import time
import tracemalloc

import pytest

from tests.local.caller import Caller
from twinforce import Response
from twinforce.local import LocalOrg
from twinforce.local.server.http import Call

DATA = "/services/data/v67.0"
MANY_DIGITS = b"9" * 5_000


def post(call: Caller, path: str, body: bytes) -> Response:
    return call.send("POST", f"{DATA}/{path}", body)


def error_of(response: Response) -> tuple[int, str]:
    [code] = re.findall('"errorCode":"(.*?)"', response.body.decode())
    return response.status_code, code


@pytest.mark.parametrize(
    "body",
    [
        b'{"Name": "' + b'\\"' * 100_000,
        b'{"Name": ' + b'"' * 100_001,
        b'{"Name": "' + b"\\\\" * 100_000 + b'", x',
        b'{"Name": nope' + b"\\" * 100_000,
        b'{"a": {}, ' * 10_000,
    ],
    ids=range(5),
)
def test_broken_json_is_refused_in_no_time(call: Caller, body: bytes) -> None:
    start = time.perf_counter()
    response = post(call, "sobjects/Account", body)
    assert time.perf_counter() - start < 1  # where the time grows with the square, it takes minutes
    assert error_of(response) == (400, "JSON_PARSER_ERROR")


@pytest.mark.parametrize("end", [b'",}', b'"', b'" nope', b'\\"' * 1_000_000])
def test_broken_json_takes_little_memory(call: Caller, end: bytes) -> None:
    body = b'{"VersionData": "' + b"x" * 5_000_000 + end
    tracemalloc.start()
    try:
        response = post(call, "sobjects/ContentVersion", body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error_of(response) == (400, "JSON_PARSER_ERROR")
    assert b"[line:1, column:" in response.body
    assert peak < 20 * len(body)  # the quick parser alone takes 12 times as much


def test_a_word_that_is_none_is_shown_shortened(call: Caller) -> None:
    response = post(call, "sobjects/Account", b'{"Name": ' + b"x" * 10_000)
    assert f"'{'x' * 256}'" in response.body.decode()
    assert len(response.body) < 1000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("sobjects/Account", b'{"NumberOfEmployees": %b}'),
        ("sobjects/Account", b'{"NumberOfEmployees": -%b, }'),
        ("sobjects/Account", b"%b"),
        ("composite/batch", b'{"batchRequests": %b}'),
        ("composite/batch", b'{"haltOnError": [1.%b, %b}'),
        ("parameterizedSearch", b'{"q": "acme", "defaultLimit": %b}'),
    ],
)
def test_a_number_of_thousands_of_digits_is_refused(call: Caller, path: str, body: bytes) -> None:
    response = post(call, path, body.replace(b"%b", MANY_DIGITS))
    assert error_of(response) == (400, "JSON_PARSER_ERROR")


def test_a_limit_of_thousands_of_digits_is_no_limit(call: Caller) -> None:
    call.create("Account", Name="Acme")
    everything = call("GET", "recent")
    assert call("GET", f"recent?limit={'9' * 5_000}").body == everything.body
    assert call("GET", f"recent?limit={'0' * 5_000}").body == []


@pytest.mark.parametrize(
    "since",
    [
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        f"Mon, 01 Jan 2024 00:00:00 +{'9' * 5_000}",
        f"Mon, {'9' * 5_000} Jan 2024 00:00:00 GMT",
        "Mon, 01 Jan 2024 00:00:00 +99999999",
    ],
    ids=range(5),
)
def test_a_time_beyond_all_clocks_is_no_condition(call: Caller, since: str) -> None:
    answer = call("GET", "sobjects/Account/describe", if_modified_since=since)
    assert (answer.status, answer.body["name"]) == (200, "Account")


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_a_byte_order_mark_before_json_does_not_count(
    org: LocalOrg, call: Caller, mark: bytes
) -> None:
    created = post(call, "sobjects/Account", mark + '{"Name": "Zoë"}'.encode())
    assert created.status_code == 201
    assert call.names("WHERE Name = 'Zoë'") == ["Zoë"]
    batch = b'{"batchRequests": [{"method": "GET", "url": "v67.0/limits"}]}'
    assert b'"hasErrors":false' in post(call, "composite/batch", mark + batch).body
    broken = post(call, "sobjects/Account", mark + b'{"Name" "A"}')
    assert b"[line:1, column:10]" in broken.body


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/services/oauth2/token", 413),
        ("/services/oauth2/revoke", 413),
        ("/services/Soap/u/60.0", 413),
        (f"{DATA}/sobjects/Account", 201),
    ],
)
def test_a_long_body_is_for_records_only(call: Caller, path: str, status: int) -> None:
    body = b'{"Name":' + b" " * 2**20 + b'"Acme"}'
    response = call.send("POST", path, body)
    assert response.status_code == status
    if status == 413:
        assert response.body == (
            b"<h1>Bad Message 413</h1><pre>reason: Request Entity Too Large</pre>"
        )


def test_a_repr_of_a_call_shows_no_secret() -> None:
    secrets = {"authorization": "Bearer secret"}
    call = Call("POST", "67.0", ("recent",), {"oauth_token": "secret"}, secrets, b"secret")
    assert "secret" not in repr(call)
    assert "recent" in repr(call)
