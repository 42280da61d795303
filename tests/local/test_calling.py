"""How calls arrive: methods, suffixes, media types, JSON that is broken, conditional requests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import pytest

from tests.local.caller import Answer, Caller
from twinforce.local import LocalOrg

DATA = "/services/data/v67.0"


def send(call: Caller, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    authorization = {"Authorization": f"Bearer {call.org.access_token}"}
    response = call.send(method, path, body, {**authorization, **named})
    answer = json.loads(response.body) if response.body else None
    return Answer(response.status_code, response.headers, answer)


def only(answer: Answer) -> tuple[int, str, str]:
    [error] = answer.body
    return answer.status, error["errorCode"], error["message"]


# ---- resources ----


def test_the_resource_list_names_all_that_is_served(call: Caller) -> None:
    listed = call("GET", "").body
    assert set(listed) == {
        "actions",
        "composite",
        "identity",
        "limits",
        "parameterizedSearch",
        "query",
        "queryAll",
        "recent",
        "search",
        "sobjects",
    }
    for name, url in listed.items():
        if name == "identity":
            continue
        assert url == f"{DATA}/{name}"
        assert send(call, "GET", f"{url}/").status in {200, 400}  # 400: a query is missing
    assert call("GET", "composite").body == {"batch": f"{DATA}/composite/batch"}


@pytest.mark.parametrize(
    "path",
    [
        "nope",
        "tooling/query",
        "composite/tree/Account",
        "composite/sobjects",
        "jobs/ingest",
        "ui-api/records/x",
        "limits/more",
        "sobjects/Account/deleted?start=2024-01-01T00:00:00Z&end=2024-01-02T00:00:00Z",
        "sobjects/Account/updated?start=2024-01-01T00:00:00Z&end=2024-01-02T00:00:00Z",
        "sobjects/Account/listviews",
        "sobjects/Account/quickActions",
        "sobjects/Account/describe/layouts",
        "sobjects/Account/describe/layouts/012000000000000AAA",
        "sobjects/Account/describe/compactLayouts",
    ],
)
def test_what_is_not_served_is_not_found(call: Caller, path: str) -> None:
    answer = call("GET", path)
    assert answer.status == 404
    message = "The requested resource does not exist"
    assert answer.body == [{"message": message, "errorCode": "NOT_FOUND"}]


@pytest.mark.parametrize("resource", ["query", "queryAll"])
def test_a_query_is_not_explained(call: Caller, resource: str) -> None:
    answer = call("GET", f"{resource}?explain=SELECT+Id+FROM+Account")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "NOT_IMPLEMENTED_IN_LOCAL_ORG")
    assert "does not execute explain=, the plan of a query" in answer.body[0]["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "sobjects/Account", "HEAD,GET,POST"),
        ("DELETE", "limits", "HEAD,GET"),
        ("GET", "composite/batch", "POST"),
        ("HEAD", "composite/batch", "POST"),
        ("PUT", "query", "HEAD,GET"),
    ],
)
def test_a_method_that_a_resource_does_not_have_is_refused(
    call: Caller, method: str, path: str, allowed: str
) -> None:
    response = call.send(method, f"{DATA}/{path}")
    assert response.status_code == 405
    if method != "HEAD":
        [error] = json.loads(response.body)
        message = f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
        assert error == {"message": message, "errorCode": "METHOD_NOT_ALLOWED"}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        ".json",
        "/v67.0/sobjects.json",
        "/v67.0/sobjects/Account/describe.json",
        "/v67.0/sobjects/Account/describe/",
        "/v67.0/query.json?q=SELECT+Id+FROM+Account",
        "/v67.0/query/?q=SELECT%20Id%20FROM%20Account",
        "/v67.0/limits//",
    ],
)
def test_a_suffix_or_a_slash_at_the_end_changes_nothing(call: Caller, path: str) -> None:
    assert send(call, "GET", f"/services/data{path}").status == 200


def test_a_key_may_end_like_a_file(org: LocalOrg, call: Caller) -> None:
    org.add_field("Account", "Key__c", "Text", external_id=True)
    for key in ("a.json", "a.xml"):
        assert call("PATCH", f"sobjects/Account/Key__c/{key}", {"Name": "A"}).status == 201
        assert call("GET", f"sobjects/Account/Key__c/{key}").body["Key__c"] == key


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?_HttpMethod=PATCH", {}),
        ("?_HttpMethod=patch", {}),
        ("", {"X_HTTP_Method_Override": "PATCH"}),
    ],
)
def test_a_post_may_stand_for_another_method(
    call: Caller, query: str, headers: dict[str, str]
) -> None:
    account = call.create("Account", Name="A")
    path = f"{DATA}/sobjects/Account/{account}{query}"
    assert send(call, "POST", path, b'{"Name": "B"}', **headers).status == 204
    assert call.names("") == ["B"]


def test_only_a_post_stands_for_another_method(call: Caller) -> None:
    account = call.create("Account", Name="A")
    path = f"{DATA}/sobjects/Account/{account}?_HttpMethod=DELETE"
    assert send(call, "GET", path).status == 200
    assert call.names("") == ["A"]


def test_every_answer_tells_the_usage_but_the_versions(call: Caller) -> None:
    for path in (f"{DATA}/limits", f"{DATA}/nope", "/nope"):
        assert "sforce-limit-info" in send(call, "GET", path).headers
    assert "sforce-limit-info" not in send(call, "GET", "/services/data").headers


def test_the_daily_requests_become_fewer(call: Caller) -> None:
    def left() -> int:
        remaining: int = call("GET", "limits").body["DailyApiRequests"]["Remaining"]
        return remaining

    before = left()
    call.batch(("GET", "v67.0/limits"), ("GET", "v67.0/limits"))
    assert left() == before - 4


# ---- bodies ----


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/related"],
)
@pytest.mark.parametrize("path", ["sobjects/Account", "composite/batch"])
def test_a_body_of_another_kind_is_refused(call: Caller, path: str, media_type: str) -> None:
    answer = send(call, "POST", f"{DATA}/{path}", b"Name=A", Content_Type=media_type)
    if media_type.startswith("multipart/"):
        assert answer.status == 400
    else:
        reason = f"MediaType of '{media_type}' is not supported by this resource"
        assert only(answer) == (415, "UNSUPPORTED_MEDIA_TYPE", reason)
    assert call.names("") == []


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_a_missing_body_is_said(call: Caller, body: bytes) -> None:
    answer = send(call, "POST", f"{DATA}/sobjects/Account", body)
    message = "The HTTP entity body is required, but this request has no entity body."
    assert only(answer) == (400, "JSON_PARSER_ERROR", message)


VALUE = "expected a valid value (number, String, array, object, 'true', 'false' or 'null')"


@pytest.mark.parametrize(
    ("body", "reason", "place"),
    [
        (
            '{"Name" j}',
            (
                "Unexpected character ('j' (code 106)): was expecting a colon to separate field name "
                "and value"
            ),
            (1, 10),
        ),
        (
            "{Name: 1}",
            "Unexpected character ('N' (code 78)): was expecting double-quote to start field name",
            (1, 3),
        ),
        (
            '{"a": 1 "b": 2}',
            "Unexpected character ('\"' (code 34)): was expecting comma to separate OBJECT entries",
            (1, 10),
        ),
        (
            '{"a": [1 2]}',
            "Unexpected character ('2' (code 50)): was expecting comma to separate ARRAY entries",
            (1, 11),
        ),
        (
            '{"a": [1] "b"}',
            "Unexpected character ('\"' (code 34)): was expecting comma to separate OBJECT entries",
            (1, 12),
        ),
        ('{"a":\n  ]}', f"Unexpected character (']' (code 93)): {VALUE}", (2, 4)),
        (
            '{"a": nope}',
            "Unrecognized token 'nope': was expecting 'null', 'true', 'false' or NaN",
            (1, 8),
        ),
        (
            '{"a": 1,}',
            "Unexpected character ('}' (code 125)): was expecting double-quote to start field name",
            (1, 10),
        ),
        ('{"a": [1,]}', f"Unexpected character (']' (code 93)): {VALUE}", (1, 11)),
        ('{"a": 1', "Unexpected end-of-input: expected close marker for OBJECT", (1, 8)),
        ('{"a": [', "Unexpected end-of-input: expected close marker for ARRAY", (1, 8)),
        (
            '{"a": "x',
            "Unexpected end-of-input: was expecting closing quote for a string value",
            (1, 9),
        ),
        (
            '{"a": "x\ny"}',
            (
                "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash "
                "to be included in string value"
            ),
            (2, 1),
        ),
        ('{"a": "\\x"}', "Unrecognized character escape '\\x'", (1, 9)),
        ("{} x", "Unexpected character ('x' (code 120)): expected the end of the input", (1, 5)),
    ],
)
def test_broken_json_is_told_as_salesforce_does(
    call: Caller, body: str, reason: str, place: tuple[int, int]
) -> None:
    answer = send(call, "POST", f"{DATA}/sobjects/Account", body.encode())
    line, column = place
    message = f"{reason} at [line:{line}, column:{column}]"
    assert only(answer) == (400, "JSON_PARSER_ERROR", message)


@pytest.mark.parametrize("body", [b'{"Name": "\xff"}', b'{"Name": NaN}', b"[" * 2000, b"\xef\xbb"])
def test_other_bytes_are_no_json_either(call: Caller, body: bytes) -> None:
    answer = send(call, "POST", f"{DATA}/sobjects/Account", body)
    assert only(answer)[:2] == (400, "JSON_PARSER_ERROR")
    assert "[line:1, column:" in only(answer)[2]


# ---- what is accepted ----


@pytest.mark.parametrize(
    "accept", ["application/json", "*/*", "text/html, */*;q=0.1", "text/plain"]
)
def test_answers_are_json(call: Caller, accept: str) -> None:
    assert send(call, "GET", f"{DATA}/limits", Accept=accept).status == 200


@pytest.mark.parametrize("path", ["limits", "nope", "sobjects/Account/describe.xml"])
def test_who_wants_xml_is_told_that_there_is_none(call: Caller, path: str) -> None:
    accept = "*/*" if path.endswith(".xml") else "application/xml"
    answer = send(call, "GET", f"{DATA}/{path}", Accept=accept)
    assert only(answer)[:2] == (406, "NOT_ACCEPTABLE")
    both = "application/xml, application/json;q=0.5"
    assert send(call, "GET", f"{DATA}/limits", Accept=both).status == 200


def test_json_is_indented_for_who_reads_it(call: Caller) -> None:
    headers = {"Authorization": f"Bearer {call.org.access_token}", "X-PrettyPrint": "1"}
    response = call.send("GET", f"{DATA}/composite", None, headers)
    assert b'{\n  "batch": ' in response.body


# ---- conditional requests ----


@pytest.mark.parametrize("path", ["sobjects", "sobjects/Account/describe"])
def test_a_describe_is_sent_again_only_if_it_changed(
    org: LocalOrg, call: Caller, path: str
) -> None:
    first = call("GET", path)
    modified = first.headers["last-modified"]
    same = call("GET", path, If_Modified_Since=modified)
    assert (same.status, same.body) == (304, None)
    assert same.headers["last-modified"] == modified
    earlier = format_datetime(parsedate_to_datetime(modified) - timedelta(seconds=1), usegmt=True)
    assert call("GET", path, If_Modified_Since=earlier).status == 200
    org.add_field("Account", "More__c", "Text")
    org.add_object("More__c")
    again = call("GET", path, If_Modified_Since=modified)
    assert again.status == 200
    assert again.headers["last-modified"] != modified


@pytest.mark.parametrize("since", ["", "yesterday", "Mon, 99 Nov 2026 00:00:00 GMT"])
def test_a_date_that_is_none_does_not_count(call: Caller, since: str) -> None:
    assert call("GET", "sobjects/Account/describe", If_Modified_Since=since).status == 200


# ---- what was changed last ----


def test_recent_records_are_those_changed_last() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def clock() -> datetime:
        nonlocal now
        now += timedelta(seconds=1)
        return now

    with LocalOrg(clock=clock) as org:
        call = Caller(org)
        account = call.create("Account", Name="A")
        contact = call.create("Contact", LastName="C")
        call("PATCH", f"sobjects/Account/{account}", {"Name": "B"})
        found = call("GET", "recent?limit=2").body
        attributes = {"type": "Account", "url": f"{DATA}/sobjects/Account/{account}"}
        assert found[0] == {"attributes": attributes, "Id": account, "Name": "B"}
        assert found[1]["Id"] == contact
        assert len(found) == 2
        assert len(call("GET", "recent?limit=x").body) > 2
        call("PATCH", f"sobjects/Contact/{contact}", {"LastName": "D"})
        assert [record["Id"] for record in call("GET", "recent?limit=2").body] == [contact, account]


# ---- searching by parameters ----


@pytest.fixture
def searched(call: Caller) -> Caller:
    for number in range(3):
        call.create("Account", Name=f"Acme {number}", Phone="555")
    call.create("Contact", LastName="Acme", Email="a@example.com")
    return call


def found(answer: Answer) -> list[Any]:
    assert answer.status == 200, answer.body
    records = answer.body["searchRecords"]
    return [record["Name"] if "Name" in record else record["Id"][:3] for record in records]


def test_a_search_by_parameters_of_the_url(searched: Caller) -> None:
    path = "parameterizedSearch?q=acme&sobject=Account&Account.fields=id,name&Account.limit=2"
    assert found(searched("GET", path)) == ["Acme 0", "Acme 1"]
    assert len(found(searched("GET", "parameterizedSearch?q=acme"))) == 4


def test_a_search_by_parameters_of_the_body(searched: Caller) -> None:
    account = {
        "name": "Account",
        "fields": ["Name"],
        "where": "Name != 'Acme 1'",
        "orderBy": "Name DESC",
        "limit": 2,
    }
    data = {"q": "acme", "in": "NAME", "sobjects": [account, {"name": "Contact"}]}
    assert found(searched("POST", "parameterizedSearch", data)) == ["Acme 2", "Acme 0", "003"]
    shared = {"q": "acme", "fields": ["Id", "Name"], "sobjects": [{"name": "Account"}]}
    for limit in ({"overallLimit": 1}, {"defaultLimit": 1}):
        answer = searched("POST", "parameterizedSearch", {**shared, **limit})
        assert found(answer) == ["Acme 0"]


def test_what_is_searched_for_is_no_part_of_the_language(call: Caller) -> None:
    call.create("Account", Name="a} IN {b")
    assert found(call("POST", "parameterizedSearch", {"q": "a} IN {b"})) == ["001"]
    quoted = {"q": "nothing} RETURNING Account(Id", "sobjects": [{"name": "Account"}]}
    assert found(call("POST", "parameterizedSearch", quoted)) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({}, "MALFORMED_SEARCH"),
        ({"q": " "}, "MALFORMED_SEARCH"),
        ({"q": "acme", "in": "X"}, "MALFORMED_SEARCH"),
        ({"q": "acme", "nope": 1}, "JSON_PARSER_ERROR"),
        ({"q": "acme", "sobjects": ["Account"]}, "JSON_PARSER_ERROR"),
        ({"q": "acme", "sobjects": [{"name": "A(Id) x"}]}, "JSON_PARSER_ERROR"),
        ({"q": "acme", "sobjects": [{"name": "Account", "fields": "Id"}]}, "JSON_PARSER_ERROR"),
        ({"q": "acme", "sobjects": [{"name": "Account", "limit": "1)"}]}, "JSON_PARSER_ERROR"),
        ({"q": "acme", "sobjects": [{"name": "Account", "where": 1}]}, "JSON_PARSER_ERROR"),
        ({"q": "acme", "sobjects": [{"name": "Nope"}]}, "INVALID_TYPE"),
        ({"q": "acme", "withDivision": "x"}, "NOT_IMPLEMENTED_IN_LOCAL_ORG"),
    ],
)
def test_parameters_that_mean_no_search_are_refused(
    call: Caller, data: dict[str, Any], code: str
) -> None:
    assert only(call("POST", "parameterizedSearch", data))[:2] == (400, code)
