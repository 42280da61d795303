"""simple-salesforce 1.12.10, unmodified, on the served local org.

Run: create, get, update, upsert and delete of records, by external id too, and their errors;
query, query_all, query_all_iter, query_more, deleted records; search and quick_search; describe
of the org and of objects; limits and api_usage; is_sandbox; composite/batch through `restful`;
files as base64 in a field; queries as django-salesforce writes them; login by SOAP (security
token, organization id), password, client credentials and JWT bearer token, each refused and used.

Not covered, since the org does not serve it: Bulk and Bulk 2.0, Metadata, Tooling, Apex REST,
layouts, deleted and updated, set_password, and uploads to Chatter.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
import requests

from twinforce.local import LocalOrg
from twinforce.local.server.web import Server

simple_salesforce = pytest.importorskip("simple_salesforce")
exceptions = pytest.importorskip("simple_salesforce.exceptions")

HOST = "acme.my.salesforce.com"
VERSION = "60.0"


@pytest.fixture
def salesforce(server: Server, session: requests.Session) -> Any:
    return simple_salesforce.Salesforce(
        instance=HOST, session_id=server.access_token, session=session, version=VERSION
    )


def test_records_are_created_read_updated_and_deleted(salesforce: Any) -> None:
    account_id = salesforce.Account.create({"Name": "Acme"})["id"]
    assert salesforce.Account.update(account_id, {"Name": "New", "Phone": "1"}) == 204
    record = salesforce.Account.get(account_id)
    assert (record["Name"], record["Phone"]) == ("New", "1")
    assert salesforce.Account.delete(account_id) == 204
    with pytest.raises(exceptions.SalesforceResourceNotFound):
        salesforce.Account.get(account_id)


def test_an_upsert_creates_and_then_updates(salesforce: Any) -> None:
    assert salesforce.Contact.upsert("Key__c/x", {"LastName": "Doe"}) == 201
    assert salesforce.Contact.upsert("Key__c/x", {"LastName": "Roe"}) == 200
    assert salesforce.Contact.get_by_custom_id("Key__c", "x")["LastName"] == "Roe"


def test_errors_carry_status_code_and_content(salesforce: Any) -> None:
    with pytest.raises(exceptions.SalesforceMalformedRequest) as caught:
        salesforce.Contact.create({})
    assert caught.value.content == [
        {
            "message": "Required fields are missing: [LastName]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["LastName"],
        }
    ]
    with pytest.raises(exceptions.SalesforceMalformedRequest, match="No such column 'Nam'"):
        salesforce.query("SELECT Nam FROM Account")


def test_several_matches_of_an_external_id(org: LocalOrg, salesforce: Any) -> None:
    for name in ("One", "Two"):
        salesforce.Opportunity.create({"Name": name, "ExternalId__c": "same"})
    with pytest.raises(exceptions.SalesforceMoreThanOneRecord) as caught:
        salesforce.Opportunity.get_by_custom_id("ExternalId__c", "same")
    assert len(caught.value.content) == 2


def test_an_expired_session(org: LocalOrg, salesforce: Any) -> None:
    org.expire_token()
    with pytest.raises(exceptions.SalesforceExpiredSession, match="INVALID_SESSION_ID"):
        salesforce.query("SELECT Id FROM Account")


def test_queries_go_through_all_pages(salesforce: Any) -> None:
    ids = [
        salesforce.Lead.create({"LastName": f"{number:03}", "Company": "Acme"})["id"]
        for number in range(250)
    ]
    soql = "SELECT Name FROM Lead ORDER BY Name"
    found = salesforce.query_all(soql)
    assert (found["totalSize"], found["done"], len(found["records"])) == (250, True, 250)
    assert len(list(salesforce.query_all_iter(soql))) == 250
    first = salesforce.query(soql)
    assert (first["done"], len(first["records"])) == (False, 200)
    second = salesforce.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert (second["done"], len(second["records"])) == (True, 50)

    salesforce.Lead.delete(ids[0])
    soql = "SELECT Id FROM Lead WHERE IsDeleted = true"
    assert salesforce.query(soql)["totalSize"] == 0
    assert salesforce.query(soql, include_deleted=True)["records"][0]["Id"] == ids[0]


def test_values_are_quoted_into_queries(salesforce: Any) -> None:
    names = ["O'Neil", "100%", "a_b", "back\\slash", 'double "quoted"', "two\nlines", "naïve 名"]
    for name in names:
        salesforce.Account.create({"Name": name})
    for name in names:
        soql = simple_salesforce.format_soql("SELECT Name FROM Account WHERE Name = {}", name)
        assert [row["Name"] for row in salesforce.query(soql)["records"]] == [name]
    soql = simple_salesforce.format_soql("SELECT Name FROM Account WHERE Name IN {}", names)
    assert salesforce.query(soql)["totalSize"] == len(names)
    soql = simple_salesforce.format_soql(
        "SELECT Name FROM Account WHERE Name LIKE '{:like}%'", "a_"
    )
    assert [row["Name"] for row in salesforce.query(soql)["records"]] == ["a_b"]


def test_search(salesforce: Any) -> None:
    salesforce.Account.create({"Name": "Findable Industries"})
    found = salesforce.search("FIND {findab*} IN NAME FIELDS RETURNING Account(Id, Name)")
    assert [row["Name"] for row in found["searchRecords"]] == ["Findable Industries"]
    (record,) = salesforce.quick_search("findable")["searchRecords"]
    assert record["attributes"]["type"] == "Account"


def test_describe(salesforce: Any) -> None:
    described = {item["name"]: item for item in salesforce.describe()["sobjects"]}
    assert described["Account"]["keyPrefix"] == "001"
    fields = {item["name"]: item for item in salesforce.Account.describe()["fields"]}
    assert (fields["Id"]["type"], fields["Name"]["nillable"]) == ("id", False)
    assert salesforce.Account.metadata()["objectDescribe"]["name"] == "Account"
    assert salesforce.is_sandbox() in {True, False}


def test_limits_and_usage(salesforce: Any) -> None:
    before, after = [salesforce.limits()["DailyApiRequests"] for _ in range(2)]
    assert before["Remaining"] - after["Remaining"] == 1
    salesforce.query("SELECT Id FROM Account")
    assert salesforce.api_usage["api-usage"].total == after["Max"]


def test_a_batch_through_restful(salesforce: Any) -> None:
    salesforce.Account.create({"Name": "New"})
    answer = salesforce.restful(
        "composite/batch",
        method="POST",
        json={
            "batchRequests": [
                {"method": "GET", "url": "v60.0/query?q=SELECT+Name+FROM+Account"},
                {"method": "POST", "url": "v60.0/sobjects/Contact", "richInput": {"LastName": "D"}},
                {"method": "POST", "url": "v60.0/sobjects/Contact", "richInput": {}},
            ]
        },
    )
    assert answer["hasErrors"] is True
    assert [item["statusCode"] for item in answer["results"]] == [200, 201, 400]
    assert answer["results"][0]["result"]["records"][0]["Name"] == "New"


def test_a_file_in_base64(salesforce: Any, tmp_path: Any) -> None:
    data = bytes(range(256))
    version_id = salesforce.ContentVersion.create(
        {
            "Title": "Bytes",
            "PathOnClient": "bytes.bin",
            "VersionData": base64.b64encode(data).decode(),
        }
    )["id"]
    assert salesforce.ContentVersion.get_base64(version_id, "VersionData") == data


def test_queries_as_django_salesforce_writes_them(salesforce: Any) -> None:
    account_id = salesforce.Account.create({"Name": "Acme"})["id"]
    salesforce.Contact.create({"LastName": "Doe", "AccountId": account_id})
    (row,) = salesforce.query(
        "SELECT Contact.Id, Contact.LastName, Contact.Account.Name FROM Contact WHERE "
        "(Contact.Account.Name = 'Acme' AND (NOT (Contact.LastName = NULL))) "
        "ORDER BY Contact.LastName ASC LIMIT 21"
    )["records"]
    assert (row["LastName"], row["Account"]["Name"]) == ("Doe", "Acme")
    counted = salesforce.query("SELECT COUNT(Contact.Id) x_sf_count FROM Contact")
    assert counted["records"][0]["x_sf_count"] == 1


def test_nothing_needs_to_be_rewritten_over_https(
    org: LocalOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    with org.serve(tls=True) as server, requests.Session() as session:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.certificate))
        salesforce = simple_salesforce.Salesforce(
            instance=f"127.0.0.1:{server.port}", session_id=server.access_token, session=session
        )
        account_id = salesforce.Account.create({"Name": "Acme"})["id"]
        assert salesforce.Account.get(account_id)["Name"] == "Acme"


def test_soap_login_with_a_security_token(org: LocalOrg, session: requests.Session) -> None:
    user = {"username": org.username, "password": org.password, "session": session}
    salesforce = simple_salesforce.Salesforce(
        **user, security_token=org.security_token, version=VERSION
    )
    assert salesforce.query("SELECT Id FROM User")["totalSize"] >= 1
    with pytest.raises(exceptions.SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
        simple_salesforce.Salesforce(**user, security_token="wrong", version=VERSION)


def test_soap_login_with_an_organization_id(org: LocalOrg, session: requests.Session) -> None:
    salesforce = simple_salesforce.Salesforce(
        username=org.username,
        password=org.password + org.security_token,
        organizationId=org.org_id,
        session=session,
        version=VERSION,
    )
    assert salesforce.query("SELECT Id FROM User")["totalSize"] >= 1


def test_login_by_password(org: LocalOrg, session: requests.Session) -> None:
    app = {"consumer_key": org.client_id, "consumer_secret": org.client_secret, "session": session}
    salesforce = simple_salesforce.Salesforce(
        username=org.username, password=org.password + org.security_token, **app
    )
    assert salesforce.query("SELECT Id FROM User")["totalSize"] >= 1
    with pytest.raises(exceptions.SalesforceAuthenticationFailed, match="invalid_grant"):
        simple_salesforce.Salesforce(username=org.username, password="wrong", **app)


def test_login_by_client_credentials(org: LocalOrg, session: requests.Session) -> None:
    app = {"consumer_key": org.client_id, "domain": "acme.my", "session": session}
    salesforce = simple_salesforce.Salesforce(consumer_secret=org.client_secret, **app)
    assert salesforce.query("SELECT Id FROM User")["totalSize"] >= 1
    with pytest.raises(exceptions.SalesforceAuthenticationFailed, match="invalid_client"):
        simple_salesforce.Salesforce(consumer_secret="wrong", **app)


def test_login_by_jwt(org: LocalOrg, session: requests.Session, private_key: str, app: str) -> None:
    signed = {"consumer_key": app, "privatekey": private_key, "session": session}
    salesforce = simple_salesforce.Salesforce(username=org.username, **signed)
    assert salesforce.query("SELECT Id FROM User")["totalSize"] >= 1
    with (
        pytest.warns(UserWarning, match="you may need to authorize this"),
        pytest.raises(exceptions.SalesforceAuthenticationFailed, match="invalid_grant"),
    ):
        simple_salesforce.Salesforce(username="nobody@example.com", **signed)
