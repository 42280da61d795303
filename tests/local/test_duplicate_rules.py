"""Duplicate rules: what is there already is not saved once more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.local.caller import Caller
from twinforce import AsyncSalesforce
from twinforce.errors import DuplicatesDetectedError
from twinforce.local import LocalOrg

ALLOW = {"Sforce_Duplicate_Rule_Header": "allowSave=true"}


def test_a_duplicate_is_refused_and_the_answer_names_what_it_matches(
    org: LocalOrg, call: Caller
) -> None:
    org.add_duplicate_rule("Contact", "Email")
    first = call.create("Contact", LastName="Doe", Email="jon@example.com")
    answer = call("POST", "sobjects/Contact", {"LastName": "D", "Email": "JON@example.com"})
    assert answer.status == 400
    assert answer.body == [
        {
            "duplicateResut": {
                "allowSave": False,
                "duplicateRule": "Contact_Duplicate_Rule",
                "duplicateRuleEntityType": "Contact",
                "errorMessage": "Use one of these records?",
                "matchResults": [
                    {
                        "entityType": "Contact",
                        "errors": [],
                        "matchEngine": "ExactMatchEngine",
                        "matchRecords": [
                            {
                                "additionalInformation": [],
                                "fieldDiffs": [],
                                "matchConfidence": 100.0,
                                "record": {
                                    "attributes": {
                                        "type": "Contact",
                                        "url": f"/services/data/v67.0/sobjects/Contact/{first}",
                                    },
                                    "Id": first,
                                },
                            }
                        ],
                        "rule": "Contact_Duplicate_Rule_Match",
                        "size": 1,
                        "success": True,
                    }
                ],
            },
            "errorCode": "DUPLICATES_DETECTED",
            "message": "Use one of these records?",
        }
    ]
    assert call.query("SELECT COUNT() FROM Contact")["totalSize"] == 1


def test_all_fields_of_a_rule_must_be_the_same_and_none_empty(org: LocalOrg, call: Caller) -> None:
    org.add_duplicate_rule("Account", ["Name", "Phone"])
    for fields in ({"Phone": "1"}, {"Phone": "2"}, {}, {}):
        call.create("Account", Name="Acme", **fields)
    assert call("POST", "sobjects/Account", {"Name": "acme", "Phone": "2"}).status == 400


def test_the_first_field_of_a_rule_gets_an_index(org: LocalOrg) -> None:
    org.add_duplicate_rule("Account", ["Phone", "Name"])
    plan = org._store.rows(
        'EXPLAIN QUERY PLAN SELECT "Id" FROM "Account" WHERE casefold("Phone") = ?', ("1",)
    )
    assert [step[3].split()[0] for step in plan] == ["SEARCH"]


def test_the_header_allows_the_save_where_the_rule_does(org: LocalOrg, call: Caller) -> None:
    org.add_duplicate_rule("Account", "Name", action="allow", message="Really?", name="Names")
    call.create("Account", Name="Acme")
    refused = call("POST", "sobjects/Account", {"Name": "Acme"})
    [error] = refused.body
    assert (error["message"], error["duplicateResut"]["allowSave"]) == ("Really?", True)
    assert error["duplicateResut"]["duplicateRule"] == "Names"
    assert call("POST", "sobjects/Account", {"Name": "Acme"}, **ALLOW).status == 201


def test_the_header_changes_nothing_where_the_rule_blocks(org: LocalOrg, call: Caller) -> None:
    org.add_duplicate_rule("Account", "Name")
    call.create("Account", Name="Acme")
    assert call("POST", "sobjects/Account", {"Name": "Acme"}, **ALLOW).status == 400


def test_the_header_can_ask_for_the_fields_of_what_matches(org: LocalOrg, call: Caller) -> None:
    org.add_duplicate_rule("Account", "Name")
    call.create("Account", Name="Acme", Phone="1")
    header = "allowSave=false; includeRecordDetails=true; runAsCurrentUser=true"
    [error] = call(
        "POST", "sobjects/Account", {"Name": "Acme"}, Sforce_Duplicate_Rule_Header=header
    ).body
    [match] = error["duplicateResut"]["matchResults"][0]["matchRecords"]
    assert (match["record"]["Name"], match["record"]["Phone"]) == ("Acme", "1")


def test_a_function_may_say_what_is_a_duplicate(org: LocalOrg, call: Caller) -> None:
    def alike(record: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        return bool(str(record["Name"])[:3] == str(other["Name"])[:3])

    org.add_duplicate_rule("Account", alike)
    first = call.create("Account", Name="Acme Inc")
    call.create("Account", Name="Zenith")
    [error] = call("POST", "sobjects/Account", {"Name": "Acme Ltd"}).body
    [result] = error["duplicateResut"]["matchResults"]
    assert [match["record"]["Id"] for match in result["matchRecords"]] == [first]


def test_a_function_that_raises_saves_nothing(org: LocalOrg, call: Caller) -> None:
    org.add_duplicate_rule("Account", lambda record, _: record["Nope"])
    call.create("Account", Name="the first has nothing to be compared with")
    [error] = call("POST", "sobjects/Account", {"Name": "Acme"}).body
    assert error["errorCode"] == "UNKNOWN_EXCEPTION"
    assert call.query("SELECT COUNT() FROM Account")["totalSize"] == 1


def test_an_update_is_checked_only_for_what_it_changes_and_never_against_itself(
    org: LocalOrg, call: Caller
) -> None:
    first, second = (call.create("Account", Name=name) for name in ("Acme", "Acme"))
    third = call.create("Account", Name="Zenith")
    org.add_duplicate_rule("Account", "Name")
    assert call("PATCH", f"sobjects/Account/{first}", {"Phone": "1"}).status == 204
    assert call("PATCH", f"sobjects/Account/{third}", {"Name": "ZENITH"}).status == 204
    assert call("PATCH", f"sobjects/Account/{third}", {"Name": "Acme"}).status == 400
    for record_id in (first, second):
        call("DELETE", f"sobjects/Account/{record_id}")
    assert call("PATCH", f"sobjects/Account/{third}", {"Name": "Acme"}).status == 204


def test_subrequests_take_the_header_of_their_batch(org: LocalOrg, call: Caller) -> None:
    org.add_duplicate_rule("Account", "Name", action="allow")
    item = {"method": "POST", "url": "v67.0/sobjects/Account", "richInput": {"Name": "Acme"}}
    batch = {"batchRequests": [item, item]}
    refused = call("POST", "composite/batch", batch).body
    assert [result["statusCode"] for result in refused["results"]] == [201, 400]
    assert refused["results"][1]["result"] == [
        {"errorCode": "DUPLICATES_DETECTED", "message": "Use one of these records?"}
    ]
    allowed = call("POST", "composite/batch", batch, **ALLOW).body
    assert [result["statusCode"] for result in allowed["results"]] == [201, 201]


def test_the_blocking_client_raises_with_what_matches(org: LocalOrg) -> None:
    org.add_duplicate_rule("Account", "Name")
    with org.client() as salesforce:
        first = salesforce.sobject.create("Account", {"Name": "Acme"})
        with pytest.raises(DuplicatesDetectedError) as raised:
            salesforce.sobject.create("Account", {"Name": "Acme"})
    assert raised.value.duplicate_ids == (first,)


async def test_the_async_client_raises_with_what_matches(org: LocalOrg) -> None:
    org.add_duplicate_rule("Account", "Name")
    async with org.async_client() as salesforce:
        first = await salesforce.sobject.create("Account", {"Name": "Acme"})
        with pytest.raises(DuplicatesDetectedError) as raised:
            await salesforce.sobject.create("Account", {"Name": "Acme"})
        batch = salesforce.composite.batch()
        duplicate = batch.sobject.create("Account", {"Name": "Acme"})
        await batch.execute()
        assert isinstance(duplicate.error, DuplicatesDetectedError)
        assert isinstance(salesforce, AsyncSalesforce)
    assert raised.value.duplicate_ids == (first,)


@pytest.mark.parametrize(
    ("match", "options", "error"),
    [
        ("Nope", {}, ValueError),
        ([], {}, ValueError),
        (["Name", 5], {}, TypeError),
        ("BillingAddress", {}, ValueError),
        ("Name", {"action": "warn"}, ValueError),
        ("Name", {"message": None}, TypeError),
        ("Name", {"name": 5}, TypeError),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_at_once(
    org: LocalOrg, match: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        org.add_duplicate_rule("Account", match, **options)
