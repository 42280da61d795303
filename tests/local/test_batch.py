"""The resource composite/batch: what it answers, in which order, and what it refuses."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.local.caller import Caller
from tests.local.signing_in import ask, new_user
from twinforce.local import LocalOrg

HALTED = {
    "result": [
        {
            "errorCode": "BATCH_PROCESSING_HALTED",
            "message": "Batch processing halted per request",
        }
    ],
    "statusCode": 412,
}


def test_results_come_in_order_as_the_resources_answer(call: Caller) -> None:
    account = call.create("Account", Name="Acme")
    answer = call.batch(
        ("GET", f"v67.0/sobjects/account/{account}?fields=Name,BillingPostalCode"),
        ("POST", "v67.0/sobjects/Contact", {"LastName": "Doe", "AccountId": account}),
        ("PATCH", f"v67.0/sobjects/Account/{account}", {"Name": "New"}),
        ("GET", "v67.0/query?q=SELECT+Name+FROM+Account+WHERE+Name='New'"),
        ("DELETE", f"v67.0/sobjects/Account/{account}"),
    )
    assert answer.status == 200
    assert answer.body["hasErrors"] is False
    read, create, update, query, delete = answer.body["results"]
    url = f"/services/data/v67.0/sobjects/Account/{account}"
    attributes = {"type": "Account", "url": url}
    record = {"attributes": attributes, "Name": "Acme", "BillingPostalCode": None, "Id": account}
    assert read == {"statusCode": 200, "result": record}
    contact = create["result"]["id"]
    assert create == {
        "statusCode": 201,
        "result": {"id": contact, "success": True, "errors": []},
    }
    assert update == {"statusCode": 204, "result": None}
    assert query["result"]["records"] == [{"attributes": attributes, "Name": "New"}]
    assert delete == {"statusCode": 204, "result": None}


def test_the_keys_stand_in_salesforces_order(call: Caller) -> None:
    body = call.batch(("GET", "v67.0/limits"), ("GET", "v67.0/nope")).body
    assert list(body) == ["hasErrors", "results"]
    success, failure = body["results"]
    assert list(success) == ["statusCode", "result"]
    assert list(failure) == ["result", "statusCode"]
    assert list(failure["result"][0]) == ["errorCode", "message"]


def test_a_failure_leaves_the_others_alone(call: Caller) -> None:
    body = call.batch(
        ("POST", "v67.0/sobjects/Account", {"Name": "A"}),
        ("POST", "v67.0/sobjects/Account", {}),
        ("POST", "v67.0/sobjects/Account", {"Name": "C"}),
    ).body
    assert body["hasErrors"] is True
    assert [result["statusCode"] for result in body["results"]] == [201, 400, 201]
    assert body["results"][1] == {
        "result": [
            {
                "errorCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Name]",
            }
        ],
        "statusCode": 400,
    }
    assert call.names("ORDER BY Name") == ["A", "C"]


def test_after_a_failure_a_halting_batch_does_nothing_more(call: Caller) -> None:
    answer = call.batch(
        ("POST", "v67.0/sobjects/Account", {"Name": "A"}),
        ("GET", "v67.0/nope"),
        ("POST", "v67.0/sobjects/Account", {"Name": "C"}),
        ("GET", "v67.0/limits"),
        haltOnError=True,
    )
    assert (answer.status, answer.body["hasErrors"]) == (200, True)
    assert answer.body["results"][0]["statusCode"] == 201
    assert answer.body["results"][2:] == [HALTED, HALTED]
    assert call.names("") == ["A"]


def test_several_records_for_a_key_are_no_error(org: LocalOrg, call: Caller) -> None:
    org.add_field("Account", "Key__c", "Text", external_id=True)
    urls = [
        f"/services/data/v67.0/sobjects/Account/{call.create('Account', Name='A', Key__c='k')}"
        for _ in range(2)
    ]
    body = call.batch(
        ("GET", "v67.0/sobjects/Account/Key__c/k"), ("GET", "v67.0/limits"), haltOnError=True
    ).body
    assert body["hasErrors"] is False
    assert body["results"][0] == {"statusCode": 300, "result": urls}
    assert body["results"][1]["statusCode"] == 200


@pytest.mark.parametrize("prefix", ["", "/", "/services/data/", "services/data/"])
@pytest.mark.parametrize("suffix", ["", "/"])
def test_a_url_may_have_four_forms(call: Caller, prefix: str, suffix: str) -> None:
    [result] = call.batch(("GET", f"{prefix}v60.0/limits{suffix}")).body["results"]
    assert result["statusCode"] == 200
    assert result["result"]["DailyApiRequests"]["Max"] == 15000


@pytest.mark.parametrize("method", ["Get", "get", "GET"])
def test_the_case_of_a_method_does_not_matter(call: Caller, method: str) -> None:
    assert call.batch((method, "v67.0/limits")).body["hasErrors"] is False


def test_each_subrequest_has_its_own_version(org: LocalOrg, call: Caller) -> None:
    org.add_field("Account", "Key__c", "Text", external_id=True)
    url = "sobjects/Account/Key__c/k"
    body = call.batch(
        ("PATCH", f"v67.0/{url}", {"Name": "A"}),
        ("PATCH", f"v46.0/{url}", {"Name": "A"}),
        ("PATCH", f"v45.0/{url}", {"Name": "A"}),
    ).body
    created, updated, old = body["results"]
    assert (created["statusCode"], created["result"]["created"]) == (201, True)
    assert (updated["statusCode"], updated["result"]["created"]) == (200, False)
    assert old == {"statusCode": 204, "result": None}


@pytest.mark.parametrize(
    ("batch", "subrequest", "allowed"),
    [
        ("50.0", "50.0", True),
        ("50.0", "34.0", True),
        ("50.0", "51.0", False),
        ("50.0", "33.0", False),
        ("34.0", "34.0", True),
    ],
)
def test_a_version_lies_between_34_and_that_of_the_batch(
    call: Caller, batch: str, subrequest: str, allowed: bool
) -> None:
    [result] = call.at(batch).batch(("GET", f"v{subrequest}/limits")).body["results"]
    assert result["statusCode"] == (200 if allowed else 400)
    if not allowed:
        assert result["result"][0]["errorCode"] == "INVALID_BATCH_REQUEST"


@pytest.mark.parametrize(
    "path",
    [
        "composite/batch",
        "composite",
        "composite/sobjects",
        "ui-api/records",
        "jobs/query",
        "tooling/query",
        "",
    ],
)
def test_some_resources_a_batch_may_not_use(call: Caller, path: str) -> None:
    [result] = call.batch(("POST", f"v67.0/{path}", {})).body["results"]
    assert result == {
        "result": [
            {
                "errorCode": "INVALID_BATCH_REQUEST",
                "message": "Cannot access this resource in a batch request",
            }
        ],
        "statusCode": 400,
    }


def test_messages_are_html_escaped_and_data_is_not(call: Caller) -> None:
    hostile = "<b>\"'&\\"
    account = call.create("Account", Name=hostile)
    body = call.batch(
        ("GET", f"v67.0/sobjects/Account/{account}?fields=Name"),
        ("GET", "v67.0/query?q=SELECT+Subjec+FROM+Case"),
        ("POST", "v67.0/sobjects/Account", {hostile: 1}),
    ).body
    data, query, create = body["results"]
    assert data["result"]["Name"] == hostile
    assert (
        "\nNo such column &#39;Subjec&#39; on entity &#39;Case&#39;."
        in (query["result"][0]["message"])
    )
    assert create["result"][0]["message"] == (
        "No such column &#39;&lt;b&gt;&quot;&#39;&amp;&#92;&#39; on sobject of type Account"
    )


def test_a_bad_escape_fails_its_subrequest_only(call: Caller) -> None:
    body = call.batch(("GET", "v67.0/query?q=%@o"), ("GET", "v67.0/limits")).body
    bad, good = body["results"]
    assert bad == {
        "result": [
            {
                "errorCode": "ILLEGAL_QUERY_PARAMETER_VALUE",
                "message": "URLDecoder: Illegal hex characters in escape (%) pattern - Error at "
                "index 0 in: &quot;@o&quot;",
            }
        ],
        "statusCode": 400,
    }
    assert good["statusCode"] == 200


def test_a_fault_of_the_org_fails_its_subrequest_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "org.db"
    with LocalOrg(path) as org:
        with closing(sqlite3.connect(path)) as other:
            other.execute("DROP TABLE Lead")
        call = Caller(org)
        before, fault, after = call.batch(
            ("POST", "v67.0/sobjects/Account", {"Name": "A"}),
            ("GET", "v67.0/query?q=SELECT+Id+FROM+Lead"),
            ("GET", "v67.0/query?q=SELECT+Id+FROM+Account"),
        ).body["results"]
        alone = call("GET", "query?q=SELECT+Id+FROM+Lead")
    assert (before["statusCode"], after["statusCode"]) == (201, 200)
    assert after["result"]["totalSize"] == 1
    assert (fault["statusCode"], alone.status) == (500, 500)
    assert [error["errorCode"] for error in fault["result"]] == ["UNKNOWN_EXCEPTION"]
    assert fault["result"] == alone.body
    logged = [record for record in caplog.records if record.name == "twinforce.local"]
    assert [record.levelno for record in logged] == [logging.ERROR] * 2
    assert all("no such table" in (record.exc_text or "") for record in logged)


def test_25_subrequests_are_the_most(call: Caller) -> None:
    item = ("POST", "v67.0/sobjects/Account", {"Name": "A"})
    assert call.batch(*[item] * 25).body["hasErrors"] is False
    answer = call.batch(*[item] * 26)
    message = "The request can\u2019t contain more than 25 operations."
    assert answer.status == 400
    assert answer.body == [{"message": message, "errorCode": "LIMIT_EXCEEDED"}]
    assert len(call.names("")) == 25


def test_an_empty_batch_is_answered(call: Caller) -> None:
    assert call.batch().body == {"hasErrors": False, "results": []}


GOOD = {"method": "POST", "url": "v67.0/sobjects/Account", "richInput": {"Name": "A"}}


@pytest.mark.parametrize(
    "envelope",
    [
        [],
        {},
        {"batchRequests": None},
        {"batchRequests": {}},
        {"batchRequests": [GOOD, None]},
        {"batchRequests": [GOOD, {"url": "v67.0/limits"}]},
        {"batchRequests": [GOOD, {"method": "GET"}]},
        {"batchRequests": [GOOD, {"method": "FETCH", "url": "v67.0/limits"}]},
        {"batchRequests": [GOOD, {"method": None, "url": "v67.0/limits"}]},
        {"batchRequests": [GOOD, {"method": "GET", "url": "limits"}]},
        {"batchRequests": [GOOD, {"method": "GET", "url": ""}]},
        {"batchRequests": [GOOD, {"method": "GET", "url": "https://x.example/v67.0/limits"}]},
        {"batchRequests": [GOOD, {"method": "GET", "url": "//x.example/v67.0/limits"}]},
        {"batchRequests": [GOOD, {"method": "GET", "url": "v67/limits"}]},
        {"batchRequests": [GOOD, {"method": "GET", "url": "v67.0/limits", "body": {}}]},
        {"batchRequests": [GOOD, {**GOOD, "binaryPartName": "x", "binaryPartNameAlias": "y"}]},
        {"batchRequests": [GOOD], "haltOnError": "yes"},
        {"batchRequests": [GOOD], "allOrNone": True},
    ],
    ids=str,
)
def test_of_a_malformed_batch_nothing_runs(call: Caller, envelope: Any) -> None:
    answer = call("POST", "composite/batch", envelope)
    assert answer.status == 400
    assert [error["errorCode"] for error in answer.body] == ["JSON_PARSER_ERROR"]
    assert call.names("") == []


def test_of_a_batch_in_broken_json_nothing_runs(call: Caller) -> None:
    body = json.dumps({"batchRequests": [GOOD]}).encode()[:-1]
    response = call.send("POST", "/services/data/v67.0/composite/batch", body)
    assert response.status_code == 400
    assert b"JSON_PARSER_ERROR" in response.body
    assert call.names("") == []


@pytest.mark.parametrize("rich_input", [None, "text", ["x"], 5])
def test_a_rich_input_that_is_no_object_fails_its_subrequest(call: Caller, rich_input: Any) -> None:
    [result] = call.batch(("POST", "v67.0/sobjects/Account", rich_input)).body["results"]
    assert result["statusCode"] == 400
    assert result["result"][0]["errorCode"] == "JSON_PARSER_ERROR"


def test_each_subrequest_counts(call: Caller) -> None:
    first = call("GET", "limits")
    assert first.headers["sforce-limit-info"] == "api-usage=1/15000"
    assert first.body["DailyApiRequests"] == {"Max": 15000, "Remaining": 14999}
    answer = call.batch(
        ("GET", "v67.0/limits"), ("GET", "v67.0/nope"), ("GET", "v67.0/limits"), haltOnError=True
    )
    # The batch and two subrequests; the halted third was never executed.
    assert answer.headers["sforce-limit-info"] == "api-usage=4/15000"


def test_headers_of_the_batch_are_not_those_of_its_subrequests(call: Caller) -> None:
    for number in range(201):
        call.create("Account", Name=str(number))
    item = {"method": "GET", "url": "v67.0/query?q=SELECT+Id+FROM+Account"}
    answer = call(
        "POST",
        "composite/batch",
        {"batchRequests": [item]},
        Sforce_Query_Options="batchSize=200",
        Content_Type="application/json; charset=UTF-8",
    )
    assert answer.body["results"][0]["result"]["done"] is True


@pytest.mark.parametrize("version", ["v34.5", "v060.0"])
def test_a_version_that_does_not_exist_is_not_found_in_a_batch_either(
    call: Caller, version: str
) -> None:
    [result] = call.batch(("GET", f"{version}/limits")).body["results"]
    assert (result["statusCode"], result["result"][0]["errorCode"]) == (404, "NOT_FOUND")
    assert call.at(version[1:])("GET", "limits").status == 404


def test_a_version_in_other_digits_is_none(call: Caller) -> None:
    assert call.batch(("GET", "v\u0666\u0660.0/limits")).status == 400
    assert call.at("%D9%A6%D9%A0.0")("GET", "limits").status == 404


def test_a_rich_input_that_nests_too_deeply_fails_on_its_own(call: Caller) -> None:
    nested: dict[str, Any] = {}
    for _ in range(300):
        nested = {"a": nested}
    body = call.batch(("POST", "v67.0/sobjects/Account", nested), ("GET", "v67.0/limits")).body
    deep, other = body["results"]
    assert (deep["statusCode"], deep["result"][0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert other["statusCode"] == 200


def test_head_has_no_result(call: Caller) -> None:
    [result] = call.batch(("HEAD", "v67.0/limits")).body["results"]
    assert result == {"statusCode": 200, "result": None}


@pytest.mark.parametrize("resource", ["connect/user-profiles/me", "chatter/feeds/news/me"])
def test_resources_of_chatter_are_not_there(call: Caller, resource: str) -> None:
    body = call.batch(("GET", f"v67.0/{resource}"), ("GET", "v67.0/limits")).body
    missing, other = body["results"]
    assert (missing["statusCode"], missing["result"][0]["errorCode"]) == (404, "NOT_FOUND")
    assert other["statusCode"] == 200


@pytest.mark.parametrize("space", ["+", "%20"])
def test_a_space_in_a_url_has_two_forms(call: Caller, space: str) -> None:
    call.create("Account", Name="a b+c")
    soql = f"SELECT Name FROM Account WHERE Name = 'a b{quote('+')}c'".replace(" ", space)
    [result] = call.batch(("GET", f"v67.0/query?q={soql}")).body["results"]
    assert [record["Name"] for record in result["result"]["records"]] == ["a b+c"]


def test_the_next_page_may_be_asked_for_in_a_batch() -> None:
    with LocalOrg(page_size=2) as org:
        call = Caller(org)
        for number in range(5):
            call.create("Account", Name=str(number))
        url, names = "v67.0/query?q=SELECT+Name+FROM+Account+ORDER+BY+Name", []
        while url:
            [result] = call.batch(("GET", url)).body["results"]
            names += [record["Name"] for record in result["result"]["records"]]
            url = result["result"].get("nextRecordsUrl")  # begins with /services/data
        assert names == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    "path", ["sobjects", "sobjects/Account/describe", "limits", "query?q=SELECT+Id+FROM+User"]
)
def test_a_resource_answers_in_a_batch_as_it_does_alone(call: Caller, path: str) -> None:
    alone = call("GET", path).body
    [result] = call.batch(("GET", f"v67.0/{path}")).body["results"]
    if path == "limits":
        del alone["DailyApiRequests"], result["result"]["DailyApiRequests"]
    assert result == {"statusCode": 200, "result": alone}


@pytest.mark.parametrize(("version", "kind"), [("36.0", list), ("37.0", dict)])
def test_a_search_answers_as_its_own_version_did(call: Caller, version: str, kind: type) -> None:
    [result] = call.batch(("GET", f"v{version}/search?q=FIND+{{nothing}}")).body["results"]
    assert (result["statusCode"], type(result["result"])) == (200, kind)


def test_a_method_that_a_resource_lacks_fails_its_subrequest(call: Caller) -> None:
    [result] = call.batch(("PUT", "v67.0/sobjects/Account", {})).body["results"]
    assert (result["statusCode"], result["result"][0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
    message = "HTTP Method &#39;PUT&#39; not allowed. Allowed are HEAD,GET,POST"
    assert result["result"][0]["message"] == message


@pytest.mark.parametrize("halt_on_error", [None, False])
def test_without_halting_all_is_done(call: Caller, halt_on_error: bool | None) -> None:
    body = call.batch(
        ("GET", "v67.0/nope"), ("GET", "v67.0/limits"), haltOnError=halt_on_error
    ).body
    assert [result["statusCode"] for result in body["results"]] == [404, 200]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "OAuth {token}"},
        {"Sforce-Call-Options": "client=test"},
        {"X-Chatter-Entity-Encoding": "false"},
        {"Content-Type": "application/json; charset=UTF-8", "Accept": "application/json"},
        {"X-PrettyPrint": "1"},
    ],
    ids=str,
)
def test_headers_that_clients_send_change_nothing(
    org: LocalOrg, call: Caller, headers: dict[str, str]
) -> None:
    given = {"Authorization": f"Bearer {org.access_token}", **headers}
    given["Authorization"] = given["Authorization"].format(token=org.access_token)
    body = b'{"batchRequests": [{"method": "GET", "url": "v67.0/query?q=%27"}]}'
    response = call.send("POST", "/services/data/v67.0/composite/batch/", body, given)
    [result] = json.loads(response.body)["results"]
    assert (response.status_code, result["statusCode"]) == (200, 400)
    assert "&#39;" in result["result"][0]["message"]


def test_subrequests_act_as_who_sent_the_batch(org: LocalOrg, call: Caller) -> None:
    user_id = new_user(org)
    password = org.password + org.security_token
    token = ask(org, "password", username="ann@example.com", password=password).body["access_token"]
    item = '{"method": "POST", "url": "v67.0/sobjects/Account", "richInput": {"Name": "A"}}'
    call.send(
        "POST",
        "/services/data/v67.0/composite/batch",
        f'{{"batchRequests": [{item}]}}'.encode(),
        {"Authorization": f"Bearer {token}"},
    )
    [account] = call.query("SELECT CreatedById, OwnerId FROM Account")["records"]
    assert account["CreatedById"] == account["OwnerId"] == user_id
