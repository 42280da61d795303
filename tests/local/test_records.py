"""Creating, reading, changing and deleting records, and how Salesforce refuses to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg

CLOSED_WON = {"Name": "Deal", "StageName": "Closed Won", "CloseDate": "2024-05-31"}


def test_a_created_record_has_an_id_and_a_location(call: Caller) -> None:
    answer = call("POST", "sobjects/Account", {"Name": "Acme"})
    assert answer.status == 201
    record_id = answer.body["id"]
    assert answer.body == {"id": record_id, "success": True, "errors": []}
    assert list(answer.body) == ["id", "success", "errors"]
    assert answer.headers["location"] == f"/services/data/v67.0/sobjects/Account/{record_id}"
    assert len(record_id) == 18
    assert record_id.startswith("001")


def test_each_record_gets_an_id_of_its_own(call: Caller) -> None:
    ids = {call.create("Account", Name="Acme") for _ in range(70)}
    assert len(ids) == 70


def test_a_record_begins_with_its_attributes_and_has_all_fields(call: Caller) -> None:
    record_id = call.create("Contact", FirstName="Jon", LastName="Doe")
    record = call.get("Contact", record_id)
    assert next(iter(record)) == "attributes"
    assert record["attributes"] == {
        "type": "Contact",
        "url": f"/services/data/v67.0/sobjects/Contact/{record_id}",
    }
    assert record["Id"] == record_id
    assert record["Name"] == "Jon Doe"
    assert record["Email"] is None
    assert record["IsDeleted"] is False


def test_only_the_fields_asked_for_come_back_and_the_id(call: Caller) -> None:
    record_id = call.create("Account", Name="Acme", BillingPostalCode="94105")
    record = call.get("Account", record_id, "name", "BILLINGPOSTALCODE")
    assert list(record) == ["attributes", "Name", "BillingPostalCode", "Id"]
    assert record["BillingPostalCode"] == "94105"


def test_field_and_object_names_ignore_case_and_answers_do_not(call: Caller) -> None:
    answer = call("POST", "sobjects/aCCOUNT", {"nAME": "Acme"})
    record = call.get("ACCOUNT", answer.body["id"], "NAME")
    assert record["Name"] == "Acme"
    assert record["attributes"]["type"] == "Account"


def test_a_15_character_id_and_one_in_another_case_find_the_record(call: Caller) -> None:
    record_id = call.create("Account", Name="Acme")
    assert call.get("Account", record_id[:15])["Id"] == record_id
    assert call.get("Account", record_id.lower())["Id"] == record_id


def test_system_fields_are_written(org: LocalOrg, call: Caller) -> None:
    record = call.get("Account", call.create("Account", Name="Acme"))
    assert record["OwnerId"] == record["CreatedById"] == org.user_id
    assert record["CreatedDate"].endswith(".000+0000")
    assert record["CreatedDate"] == record["SystemModstamp"] == record["LastModifiedDate"]


def test_an_update_changes_what_it_names_and_nothing_else(call: Caller) -> None:
    record_id = call.create("Account", Name="Acme", Phone="1", Site="here")
    answer = call("PATCH", f"sobjects/Account/{record_id}", {"phone": "2", "Site": None})
    assert (answer.status, answer.body) == (204, None)
    record = call.get("Account", record_id)
    assert (record["Name"], record["Phone"], record["Site"]) == ("Acme", "2", None)


def test_an_update_is_stamped_with_its_time() -> None:
    times = iter(datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in range(24))
    with LocalOrg(clock=lambda: next(times)) as org:
        call = Caller(org)
        record_id = call.create("Account", Name="A")
        created = call.get("Account", record_id)
        call("PATCH", f"sobjects/Account/{record_id}", {"Name": "B"})
        updated = call.get("Account", record_id)
    assert updated["CreatedDate"] == created["CreatedDate"] == created["LastModifiedDate"]
    assert updated["LastModifiedDate"] == updated["SystemModstamp"] > created["SystemModstamp"]


def test_nothing_for_a_field_with_a_default_means_the_default(org: LocalOrg, call: Caller) -> None:
    record = call.get(
        "Lead", call.create("Lead", LastName="x", Company="x", OwnerId=None, Status="")
    )
    assert (record["OwnerId"], record["Status"]) == (org.user_id, "Open - Not Contacted")
    # A Case may be without a priority, so there it means what it says.
    case = call.get("Case", call.create("Case", Priority=None))
    assert (case["Priority"], case["Status"]) == (None, "New")


@pytest.mark.parametrize(
    ("given", "kept"), [("false", False), ("TRUE", True), (False, False), (True, True)]
)
def test_a_checkbox_takes_the_words_too(call: Caller, given: Any, kept: bool) -> None:
    record_id = call.create("Lead", LastName="x", Company="x", IsUnreadByOwner=given)
    assert call.get("Lead", record_id)["IsUnreadByOwner"] is kept


def test_a_persons_name_follows_its_parts(call: Caller) -> None:
    record_id = call.create("Lead", FirstName="Ann", LastName="Lee", Company="Acme")
    call("PATCH", f"sobjects/Lead/{record_id}", {"FirstName": ""})
    assert call.get("Lead", record_id)["Name"] == "Lee"


def test_an_opportunity_takes_what_its_stage_implies(call: Caller) -> None:
    record_id = call.create("Opportunity", **CLOSED_WON, Amount=200)
    record = call.get("Opportunity", record_id)
    assert record["IsWon"] is True
    assert record["IsClosed"] is True
    assert (record["Probability"], record["ForecastCategory"]) == (100.0, "Closed")
    assert (record["FiscalYear"], record["FiscalQuarter"]) == (2024, 2)
    call("PATCH", f"sobjects/Opportunity/{record_id}", {"StageName": "Prospecting"})
    record = call.get("Opportunity", record_id)
    assert (record["IsWon"], record["IsClosed"], record["Probability"]) == (False, False, 10.0)
    assert record["ExpectedRevenue"] == 20.0


def test_a_case_has_a_number_and_closes(call: Caller) -> None:
    first, second = call.create("Case"), call.create("Case", Status="Closed")
    assert call.get("Case", first)["CaseNumber"] == "00000001"
    assert call.get("Case", first)["Status"] == "New"
    assert call.get("Case", first)["ClosedDate"] is None
    closed = call.get("Case", second)
    assert closed["CaseNumber"] == "00000002"
    assert closed["IsClosed"] is True
    assert closed["ClosedDate"] == closed["CreatedDate"]


def test_an_address_is_put_together_from_its_parts(call: Caller) -> None:
    record_id = call.create("Account", Name="Acme", BillingCity="Oslo", BillingLatitude=59.9)
    record = call.get("Account", record_id)
    assert record["BillingAddress"]["city"] == "Oslo"
    assert record["BillingAddress"]["latitude"] == 59.9
    assert record["BillingAddress"]["street"] is None
    assert record["ShippingAddress"] is None


@pytest.mark.parametrize(
    ("field", "given", "answered"),
    [
        ("AnnualRevenue", "5117586", 5117586.0),
        ("AnnualRevenue", 1.5, 2.0),  # this field has no digits behind the point
        ("NumberOfEmployees", "12", 12),
        ("Name", "  Acme \n", "Acme"),
        ("Description", "  kept \n", "  kept \n"),
        ("Site", "", None),
        ("Industry", "banking", "Banking"),
        ("Industry", "n/a", "n/a"),
        ("Name", '\'; DROP TABLE "Account"; -- \u0000 \U0001f600 \u202e', None),
    ],
)
def test_values_are_kept_as_salesforce_keeps_them(
    call: Caller, field: str, given: Any, answered: Any
) -> None:
    record_id = call.create("Account", **{"Name": "Acme", field: given})
    expected = given if answered is None and field == "Name" else answered
    assert call.get("Account", record_id)[field] == expected


@pytest.mark.parametrize(
    ("given", "answered"),
    [
        ("2020-12-22T21:16:01Z", "2020-12-22"),
        ("2024-02-29", "2024-02-29"),
    ],
)
def test_a_date_keeps_the_day_of_a_datetime(call: Caller, given: str, answered: str) -> None:
    record_id = call.create("Opportunity", Name="x", StageName="x", CloseDate=given)
    assert call.get("Opportunity", record_id)["CloseDate"] == answered


def test_datetimes_are_answered_in_utc(org: LocalOrg, call: Caller) -> None:
    org.add_field("Account", "Seen__c", "DateTime")
    record_id = call.create("Account", Name="Acme", Seen__c="2024-01-01T01:30:00.123+05:30")
    assert call.get("Account", record_id)["Seen__c"] == "2023-12-31T20:00:00.000+0000"


REFUSALS: list[tuple[str, dict[str, Any], str, str, list[str] | None]] = [
    (
        "Contact",
        {"FirstName": "Jon"},
        "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [LastName]",
        ["LastName"],
    ),
    (
        "Opportunity",
        {"Name": None, "StageName": "x"},
        "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [Name, CloseDate]",
        ["Name", "CloseDate"],
    ),
    (
        "Contact",
        {"LastName": "Doe", "Nope": 1},
        "INVALID_FIELD",
        "No such column 'Nope' on sobject of type Contact",
        None,
    ),
    (
        "Contact",
        {"LastName": "Doe", "CreatedDate": "2024-01-01T00:00:00Z", "name": "x"},
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        (
            "Unable to create/update fields: CreatedDate, Name. Please check the security settings of "
            "this field and verify that it is read/write for your profile or permission set."
        ),
        ["CreatedDate", "Name"],
    ),
    (
        "Contact",
        {"LastName": "x" * 81},
        "STRING_TOO_LONG",
        f"Last Name: data value too large: {'x' * 81} (max length=80)",
        ["LastName"],
    ),
    (
        "Contact",
        {"LastName": "Doe", "Email": "nobody"},
        "INVALID_EMAIL_ADDRESS",
        "Email: invalid email address: nobody",
        ["Email"],
    ),
    (
        "Contact",
        {"LastName": "Doe", "AccountId": "nobody"},
        "MALFORMED_ID",
        "Account ID: id value of incorrect type: nobody",
        ["AccountId"],
    ),
    (
        "Contact",
        {"LastName": "Doe", "AccountId": "001Lo0000000009IAA"},
        "INVALID_CROSS_REFERENCE_KEY",
        "invalid cross reference id",
        [],
    ),
    (
        "Account",
        {"Name": "Acme", "NumberOfEmployees": 123_456_789},
        "NUMBER_OUTSIDE_VALID_RANGE",
        "Employees: value outside of valid range on numeric field: 123456789",
        ["NumberOfEmployees"],
    ),
    (
        "Account",
        {"Id": "001Lo0000000001IAA", "Name": "Acme"},
        "INVALID_FIELD",
        "The Id field should not be specified in the sobject data.",
        ["Id"],
    ),
    (
        "Account",
        {"Name": "Acme", "CleanStatus": "Filthy"},
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Clean Status: bad value for restricted picklist field: Filthy",
        ["CleanStatus"],
    ),
]


@pytest.mark.parametrize(
    ("sobject", "data", "code", "message", "fields"), REFUSALS, ids=[case[2] for case in REFUSALS]
)
def test_a_create_is_refused_in_salesforces_words(
    call: Caller,
    sobject: str,
    data: dict[str, Any],
    code: str,
    message: str,
    fields: list[str] | None,
) -> None:
    answer = call("POST", f"sobjects/{sobject}", data)
    expected: dict[str, Any] = {"message": message, "errorCode": code}
    if fields is not None:
        expected["fields"] = fields
    assert (answer.status, answer.body) == (400, [expected])
    assert call.query(f"SELECT COUNT() FROM {sobject}")["totalSize"] == 0


@pytest.mark.parametrize(
    ("sobject", "field", "value", "what"),
    [
        ("Account", "Name", 5, "string from VALUE_NUMBER_INT value 5"),
        ("Account", "AnnualRevenue", "much", "currency from VALUE_STRING value much"),
        ("Account", "AnnualRevenue", "NaN", "currency from VALUE_STRING value NaN"),
        ("Account", "NumberOfEmployees", 1.5, "int from VALUE_NUMBER_FLOAT value 1.5"),
        ("Account", "NumberOfEmployees", True, "int from VALUE_TRUE value true"),
        ("Account", "Name", ["x"], "string from START_ARRAY value ["),
        ("Account", "Name", {"x": 1}, "string from START_OBJECT value {"),
        ("Lead", "IsUnreadByOwner", "yes", "boolean from VALUE_STRING value yes"),
        ("Contact", "Birthdate", "01.02.2024", "date from VALUE_STRING value 01.02.2024"),
        ("Contact", "Birthdate", "2023-02-29", "date from VALUE_STRING value 2023-02-29"),
        (
            "Contact",
            "EmailBouncedDate",
            "2024-01-01",
            "datetime from VALUE_STRING value 2024-01-01",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_its_place(
    call: Caller, sobject: str, field: str, value: Any, what: str
) -> None:
    answer = call("POST", f"sobjects/{sobject}", {field: value})
    [error] = answer.body
    assert (answer.status, error["errorCode"]) == (400, "JSON_PARSER_ERROR")
    column = len(f'{{"{field}": ') + 1
    assert error["message"] == (
        f"Cannot deserialize instance of {what} or request may be missing a required field "
        f"at [line:1, column:{column}]"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The HTTP entity body is required, but this request has no entity body."),
        (b'{"Name": ', None),
        (b'{"Name": "\xff"}', None),
        (b'{"Name": NaN}', None),
        (b'["Name"]', "The body must be a JSON object at [line:1, column:1]"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(
    org: LocalOrg, call: Caller, body: bytes, message: str | None
) -> None:
    response = call.send("POST", "/services/data/v67.0/sobjects/Account", body)
    assert response.status_code == 400
    assert b"JSON_PARSER_ERROR" in response.body
    if message is not None:
        assert message.encode() in response.body


def test_a_body_that_says_it_is_not_json_is_refused(call: Caller) -> None:
    answer = call("POST", "sobjects/Account", {"Name": "x"}, Content_Type="text/csv; charset=UTF-8")
    assert (answer.status, answer.body[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_required_field_may_not_be_emptied(call: Caller) -> None:
    record_id = call.create("Account", Name="Acme")
    answer = call("PATCH", f"sobjects/Account/{record_id}", {"Name": " "})
    assert answer.body[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert call.get("Account", record_id)["Name"] == "Acme"


def test_a_field_that_only_a_create_may_write_is_refused_in_an_update(call: Caller) -> None:
    record_id = call.create("Lead", LastName="Lee", Company="Acme")
    answer = call("PATCH", f"sobjects/Lead/{record_id}", {"IsConverted": True})
    assert answer.body[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert answer.body[0]["fields"] == ["IsConverted"]


def test_unique_values_ignore_case_and_may_stay_on_their_record(
    org: LocalOrg, call: Caller
) -> None:
    org.add_field("Account", "Key__c", "Text", unique=True)
    first = call.create("Account", Name="A", Key__c="Ä")
    answer = call("POST", "sobjects/Account", {"Name": "B", "Key__c": "ä"})
    message = f"duplicate value found: Key__c duplicates value on record with id: {first[:15]}"
    assert answer.body == [{"message": message, "errorCode": "DUPLICATE_VALUE", "fields": []}]
    assert call("PATCH", f"sobjects/Account/{first}", {"Key__c": "ä"}).status == 204
    assert call("DELETE", f"sobjects/Account/{first}").status == 204
    assert call.create("Account", Name="B", Key__c="ä") != first


def test_a_parent_can_be_named_by_its_external_id(org: LocalOrg, call: Caller) -> None:
    org.add_field("Account", "Key__c", "Text", external_id=True)
    parent = call.create("Account", Name="Acme", Key__c="k1")
    child = call.create("Contact", LastName="Doe", Account={"Key__c": "K1"})
    assert call.get("Contact", child)["AccountId"] == parent
    answer = call("POST", "sobjects/Contact", {"LastName": "D", "Account": {"Key__c": "no"}})
    assert answer.body[0]["message"] == (
        "Foreign key external ID: no not found for field Key__c in entity Account"
    )


def test_a_parent_of_the_wrong_kind_is_refused(call: Caller) -> None:
    contact = call.create("Contact", LastName="Doe")
    answer = call("POST", "sobjects/Contact", {"LastName": "Lee", "AccountId": contact})
    assert answer.body == [
        {
            "message": f"Account ID: id value of incorrect type: {contact}",
            "errorCode": "FIELD_INTEGRITY_EXCEPTION",
            "fields": ["AccountId"],
        }
    ]


def test_a_deleted_record_is_gone_for_every_method(call: Caller) -> None:
    record_id = call.create("Account", Name="Acme")
    path = f"sobjects/Account/{record_id}"
    assert (call("DELETE", path).status, call("GET", path).status) == (204, 404)
    deleted = [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}]
    again, update = call("DELETE", path), call("PATCH", path, {"Name": "x"})
    assert (again.status, again.body) == (404, deleted)
    assert (update.status, update.body) == (404, deleted)
    child = call("POST", "sobjects/Contact", {"LastName": "x", "AccountId": record_id})
    assert (child.status, child.body) == (400, deleted)


def test_a_record_that_never_was_is_not_found(call: Caller) -> None:
    path = "sobjects/Account/001Lo0000000009IAA"
    read = call("GET", path)
    assert (read.status, read.body[0]["errorCode"]) == (404, "NOT_FOUND")
    for answer in (call("DELETE", path), call("PATCH", path, {"Name": "x"})):
        assert answer.status == 404
        assert answer.body[0]["errorCode"] == "INVALID_CROSS_REFERENCE_KEY"
        assert answer.body[0]["message"] == "invalid cross reference id"


@pytest.mark.parametrize("record_id", ["003Lo0000000001IAA", "001Lo0000000001ZZZ"])
def test_an_id_that_cannot_be_one_of_the_object_is_malformed(call: Caller, record_id: str) -> None:
    answer = call("GET", f"sobjects/Account/{record_id}")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "MALFORMED_ID")


def test_deleting_an_account_takes_its_contacts_along(call: Caller) -> None:
    account = call.create("Account", Name="Acme")
    contact = call.create("Contact", LastName="Doe", AccountId=account)
    daughter = call.create("Account", Name="Acme South", ParentId=account)
    assert call("DELETE", f"sobjects/Account/{account}").status == 204
    assert call("GET", f"sobjects/Contact/{contact}").status == 404
    assert call.get("Account", daughter)["ParentId"] is None


def test_an_account_with_cases_cannot_be_deleted_and_nothing_changes(call: Caller) -> None:
    account = call.create("Account", Name="Acme")
    contact = call.create("Contact", LastName="Doe", AccountId=account)
    call.create("Case", ContactId=contact)
    answer = call("DELETE", f"sobjects/Account/{account}")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "DELETE_FAILED")
    assert call.get("Contact", contact)["AccountId"] == account


def test_a_user_cannot_be_deleted(org: LocalOrg, call: Caller) -> None:
    answer = call("DELETE", f"sobjects/User/{org.user_id}")
    assert answer.body[0]["errorCode"] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    assert call.get("User", org.user_id)["Email"] == "admin@example.com"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "sobjects/Account/001Lo0000000001IAA", "HEAD,GET,PATCH,DELETE,POST"),
        ("POST", "limits", "HEAD,GET"),
        ("GET", "composite/batch", "POST"),
    ],
)
def test_a_method_that_the_resource_does_not_have(
    call: Caller, method: str, path: str, allowed: str
) -> None:
    answer = call(method, path)
    assert answer.status == 405
    message = f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
    assert answer.body == [{"message": message, "errorCode": "METHOD_NOT_ALLOWED"}]


@pytest.mark.parametrize("path", ["nope", "sobjects/Nope__c", "sobjects/Nope/describe", "a/b/c/d"])
def test_what_is_not_there_is_not_found(call: Caller, path: str) -> None:
    answer = call("GET", path)
    message = "The requested resource does not exist"
    assert answer.status == 404
    assert answer.body == [{"message": message, "errorCode": "NOT_FOUND"}]


def test_a_post_may_say_that_it_is_a_patch(call: Caller) -> None:
    record_id = call.create("Account", Name="Acme")
    path = f"sobjects/Account/{record_id}?_HttpMethod=PATCH"
    assert call("POST", path, {"Name": "New"}).status == 204
    assert call.get("Account", record_id)["Name"] == "New"


HOSTILE: list[Any] = [
    *(-1e300, 10**30, "1e400", "-0", "\u0661\u0662", "infinity", [], {}, {"a": 1}, True),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "\x00", "x" * 300_000),
]


@pytest.mark.parametrize("field", ["AnnualRevenue", "EmailBouncedDate", "Birthdate", "Parent"])
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:30])
def test_a_hostile_value_is_refused_or_kept_and_never_a_fault(
    call: Caller, field: str, value: Any
) -> None:
    sobject = "Account" if field in {"AnnualRevenue", "Parent"} else "Contact"
    answer = call(
        "POST",
        f"sobjects/{sobject}",
        {("Name" if sobject == "Account" else "LastName"): "A", field: value},
    )
    assert answer.status in {201, 400}


@pytest.mark.parametrize("value", ["20240101", "2024-W01-1", "2024-1-1", "٢٠٢٤-01-01"])
def test_a_date_in_another_form_is_refused(call: Caller, value: str) -> None:
    answer = call("POST", "sobjects/Contact", {"LastName": "Doe", "Birthdate": value})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("1699-12-31", "Thu Dec 31 00:00:00 GMT 1699"),
        ("4001-01-01", "Mon Jan 01 00:00:00 GMT 4001"),
        ("0001-01-01T00:00:00Z", "Mon Jan 01 00:00:00 GMT 0001"),
    ],
)
def test_a_date_of_another_age_is_refused(call: Caller, value: str, day: str) -> None:
    answer = call("POST", "sobjects/Contact", {"LastName": "Doe", "Birthdate": value})
    error = {
        "message": f"Birthdate: invalid date: {day}",
        "errorCode": "FIELD_INTEGRITY_EXCEPTION",
        "fields": ["Birthdate"],
    }
    assert (answer.status, answer.body) == (400, [error])
    for kept in ("1700-01-01", "4000-12-31"):
        call.create("Contact", LastName="Doe", Birthdate=kept)


@pytest.mark.parametrize("value", ["1e99999999999999999999", "٣"])
def test_text_that_is_no_number_is_refused(call: Caller, value: str) -> None:
    answer = call("POST", "sobjects/Account", {"Name": "Acme", "AnnualRevenue": value})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


@pytest.mark.parametrize(
    ("field", "value"), [("BillingLatitude", 90.5), ("BillingLongitude", -181)]
)
def test_a_place_must_be_on_earth(call: Caller, field: str, value: float) -> None:
    answer = call("POST", "sobjects/Account", {"Name": "Acme", field: value})
    [error] = answer.body
    assert (error["errorCode"], error["fields"]) == ("NUMBER_OUTSIDE_VALID_RANGE", [field])


def test_a_username_is_taken_once(org: LocalOrg, call: Caller) -> None:
    taken = call.get("User", org.user_id)
    names = ("Alias", "Email", "EmailEncodingKey", "LanguageLocaleKey", "LastName", "ProfileId")
    fields = {name: taken[name] for name in (*names, "LocaleSidKey", "TimeZoneSidKey")}
    answer = call("POST", "sobjects/User", {**fields, "Username": taken["Username"].upper()})
    [error] = answer.body
    assert (error["errorCode"], error["fields"]) == ("DUPLICATE_USERNAME", ["Username"])
    call.create("User", **fields, Username="other@example.com")


def test_a_number_must_be_in_range_once_it_is_rounded(org: LocalOrg, call: Caller) -> None:
    org.add_field("Account", "Rate__c", "Number", precision=5, scale=2)
    answer = call("POST", "sobjects/Account", {"Name": "Acme", "Rate__c": 999.999})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "NUMBER_OUTSIDE_VALID_RANGE")
    fits = call.create("Account", Name="Acme", Rate__c=999.994)
    assert call.get("Account", fits, "Rate__c")["Rate__c"] == 999.99
