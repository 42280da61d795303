"""Validation rules: functions that say what may not be saved."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import pytest

from tests.local.caller import Caller
from twinforce.errors import MalformedRequestError
from twinforce.local import Change, LocalOrg


def test_a_record_for_which_a_rule_returns_true_is_refused(org: LocalOrg, call: Caller) -> None:
    org.add_validation_rule(
        "Account", lambda change: change.record["Phone"] is None, message="Give a phone."
    )
    answer = call("POST", "sobjects/Account", {"Name": "Acme"})
    error = {
        "message": "Give a phone.",
        "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "fields": [],
    }
    assert (answer.status, answer.body) == (400, [error])
    assert call.query("SELECT COUNT() FROM Account")["totalSize"] == 0
    call.create("Account", Name="Acme", Phone="1")


def test_a_rule_may_name_the_field_beside_which_its_error_stands(
    org: LocalOrg, call: Caller
) -> None:
    org.add_validation_rule(
        "account", lambda change: change.record["Site"] == "x", message="No x", field="site"
    )
    [error] = call("POST", "sobjects/Account", {"Name": "Acme", "Site": "x"}).body
    assert error["fields"] == ["Site"]


def _is_empty(field: str, change: Change) -> bool:
    return change.record[field] is None


def test_every_rule_that_a_record_breaks_is_told(org: LocalOrg, call: Caller) -> None:
    for field in ("Phone", "Fax", "Name"):
        org.add_validation_rule(
            "Account", partial(_is_empty, field), message=f"{field}?", field=field
        )
    body = call("POST", "sobjects/Account", {"Name": "Acme"}).body
    assert [(error["message"], error["fields"]) for error in body] == [
        ("Phone?", ["Phone"]),
        ("Fax?", ["Fax"]),
    ]


def test_a_rule_sees_the_record_as_it_will_be_saved(org: LocalOrg, call: Caller) -> None:
    seen: list[Change] = []
    org.add_validation_rule("Opportunity", seen.append, message="never")
    fields = {"Name": "Deal", "StageName": "Closed Won", "CloseDate": "2024-05-31"}
    record_id = call.create("Opportunity", **fields)
    call("PATCH", f"sobjects/Opportunity/{record_id}", {"amount": "12.5"})
    created, updated = seen
    assert created.is_new
    assert created.before is None
    assert (created.record["Id"], created.record["IsWon"]) == (None, True)
    assert not created.changed("Name")
    assert not updated.is_new
    assert updated.before is not None
    assert (updated.before["Amount"], updated.record["Amount"]) == (None, 12.5)
    assert updated.record["Id"] == record_id
    assert [name for name in ("Name", "Amount") if updated.changed(name)] == ["Amount"]


def test_an_update_that_breaks_a_rule_changes_nothing(org: LocalOrg, call: Caller) -> None:
    record_id = call.create("Account", Name="Acme", Phone="1")
    org.add_validation_rule(
        "Account",
        lambda change: change.changed("Phone") and change.record["Phone"] is None,
        message="The phone must stay.",
    )
    path = f"sobjects/Account/{record_id}"
    assert call("PATCH", path, {"Phone": None, "Site": "x"}).status == 400
    assert call("PATCH", path, {"Name": "New"}).status == 204
    record = call.get("Account", record_id)
    assert (record["Name"], record["Phone"], record["Site"]) == ("New", "1", None)


def test_a_batch_goes_on_behind_a_record_that_breaks_a_rule(org: LocalOrg, call: Caller) -> None:
    org.add_validation_rule(
        "Account", lambda change: change.record["Name"] == "bad", message="It's <bad>"
    )
    body = call.batch(
        *(("POST", "v67.0/sobjects/Account", {"Name": name}) for name in ("a", "bad", "c"))
    ).body
    assert [result["statusCode"] for result in body["results"]] == [201, 400, 201]
    assert body["results"][1]["result"] == [
        {
            "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "message": "It&#39;s &lt;bad&gt;",
        }
    ]
    assert call.names("ORDER BY Name") == ["a", "c"]


def test_a_rule_that_raises_saves_nothing_says_so_and_is_logged(
    org: LocalOrg, call: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(change: Change) -> bool:
        return bool(change.record["Nmae"])

    org.add_validation_rule("Account", broken, message="never")
    with caplog.at_level(logging.ERROR, "twinforce.local"):
        answer = call("POST", "sobjects/Account", {"Name": "Acme"})
    [error] = answer.body
    assert (answer.status, error["errorCode"]) == (400, "UNKNOWN_EXCEPTION")
    assert "broken of Account raised KeyError: 'Nmae'" in error["message"]
    assert "Nothing was saved" in error["message"]
    assert "raised" in caplog.text
    assert caplog.records[0].exc_info is not None
    assert call.query("SELECT COUNT() FROM Account")["totalSize"] == 0


def test_a_rule_may_use_the_org(org: LocalOrg, call: Caller) -> None:
    """As one that allows an account of a name only where there is a lead of it."""

    def is_unknown(change: Change) -> bool:
        with org.client() as salesforce:
            leads = salesforce.query("SELECT Id FROM Lead").all()
            salesforce.sobject.create("Contact", {"LastName": change.record["Name"]})
        return not leads

    org.add_validation_rule("Account", is_unknown, message="Who is it?")
    answer = call("POST", "sobjects/Account", {"Name": "Acme"})
    assert answer.body[0]["message"] == "Who is it?"
    assert call.names("", "Contact") == []  # it was part of what is not saved
    call.create("Lead", LastName="Acme", Company="Acme")
    call.create("Account", Name="Acme")
    assert call.names("", "Contact") == ["Acme"]


def test_a_rule_cannot_change_what_the_next_one_sees(org: LocalOrg, call: Caller) -> None:
    seen: list[Any] = []

    def changes(change: Change) -> bool:
        for record in (change.record, change.record["BillingAddress"]):
            with pytest.raises(TypeError):
                record["City"] = "x"  # type: ignore[index]
        return False

    def sees(change: Change) -> bool:
        seen.append(dict(change.record["BillingAddress"])["city"])
        return False

    org.add_validation_rule("Account", changes, message="never")
    org.add_validation_rule("Account", sees, message="never")
    call.create("Account", Name="x", BillingCity="Rome")
    assert seen == ["Rome"]


def test_a_rule_cannot_close_its_org(org: LocalOrg, call: Caller) -> None:
    def closes(_change: Change) -> bool:
        org.close()
        return False

    org.add_validation_rule("Account", closes, message="never")
    answer = call("POST", "sobjects/Account", {"Name": "x"})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "UNKNOWN_EXCEPTION")
    assert "this LocalOrg is answering a request" in answer.body[0]["message"]
    assert call.names("") == []


def test_a_rule_that_fails_the_test_fails_it_in_process(org: LocalOrg, call: Caller) -> None:
    org.add_validation_rule("Account", lambda _: pytest.fail("not so"), message="never")
    with pytest.raises(pytest.fail.Exception, match="not so"):
        call("POST", "sobjects/Account", {"Name": "Acme"})
    assert call.names("") == []


def test_a_client_raises_what_a_rule_says(org: LocalOrg) -> None:
    org.add_validation_rule("Account", lambda _: True, message="Not today.", field="Name")
    with org.client() as salesforce, pytest.raises(MalformedRequestError) as raised:
        salesforce.sobject.create("Account", {"Name": "Acme"})
    assert raised.value.error_code == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert (raised.value.message, raised.value.fields) == ("Not today.", ("Name",))


async def _async_rule(_: Change) -> bool:
    return False


@pytest.mark.parametrize(
    ("sobject", "function", "options", "error"),
    [
        ("Acount", bool, {"message": "x"}, ValueError),
        ("Account", "Phone", {"message": "x"}, TypeError),
        ("Account", _async_rule, {"message": "x"}, TypeError),
        ("Account", bool, {"message": ""}, ValueError),
        ("Account", bool, {"message": 5}, TypeError),
        ("Account", bool, {"message": "x", "field": "Nope"}, ValueError),
        ("Account", bool, {"message": "x", "field": 5}, TypeError),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_at_once(
    org: LocalOrg, sobject: str, function: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        org.add_validation_rule(sobject, function, **options)
