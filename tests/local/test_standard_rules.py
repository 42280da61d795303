"""What Salesforce works out itself: activities, campaigns and their members, products, files."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg

DEAL = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2024-05-31"}
EVENT = {"Subject": "Lunch", "StartDateTime": "2024-05-31T12:00:00Z"}


def shown(call: Caller, sobject: str, record_id: str, *fields: str) -> list[Any]:
    record = call.get(sobject, record_id, *fields)
    return [record[field] for field in fields]


# ---- tasks ----


def test_a_task_closes_with_its_status(call: Caller) -> None:
    fields = ("Status", "IsClosed", "Priority", "IsHighPriority", "TaskSubtype")
    task = call.create("Task", Subject="Call")
    assert shown(call, "Task", task, *fields) == ["Not Started", False, "Normal", False, "Task"]
    assert call.get("Task", task)["CompletedDateTime"] is None
    call("PATCH", f"sobjects/Task/{task}", {"Status": "Completed", "Priority": "High"})
    assert shown(call, "Task", task, *fields) == ["Completed", True, "High", True, "Task"]
    assert call.get("Task", task)["CompletedDateTime"] is not None
    call("PATCH", f"sobjects/Task/{task}", {"Status": "Waiting on someone else"})
    assert shown(call, "Task", task, "IsClosed", "CompletedDateTime") == [False, None]


def test_an_activity_belongs_to_the_account_of_what_it_is_about(call: Caller) -> None:
    here, there = (call.create("Account", Name=name) for name in ("here", "there"))
    contact = call.create("Contact", LastName="Doe", AccountId=there)
    deal = call.create("Opportunity", **DEAL, AccountId=here)
    case = call.create("Case", ContactId=contact)
    cases: list[tuple[dict[str, str], str | None]] = [
        ({"WhatId": here}, here),
        ({"WhatId": deal, "WhoId": contact}, here),
        ({"WhatId": case, "WhoId": contact}, there),
        ({"WhoId": contact}, there),
        ({}, None),
    ]
    for fields, account in cases:
        task = call.create("Task", Subject="Call", **fields)
        event = call.create("Event", **EVENT, DurationInMinutes=30, **fields)
        assert shown(call, "Task", task, "AccountId") == [account]
        assert shown(call, "Event", event, "AccountId") == [account]


# ---- events ----


@pytest.mark.parametrize(
    "fields",
    [
        {"StartDateTime": "2024-05-31T23:30:00Z", "DurationInMinutes": 90},
        {"ActivityDateTime": "2024-05-31T23:30:00Z", "DurationInMinutes": 90},
        {"StartDateTime": "2024-05-31T23:30:00Z", "EndDateTime": "2024-06-01T03:00:00+02:00"},
        {
            "StartDateTime": "2024-05-31T23:30:00Z",
            "EndDateTime": "2024-06-01T01:00:00Z",
            "DurationInMinutes": 90,
        },
    ],
)
def test_start_end_and_duration_of_an_event_agree(call: Caller, fields: dict[str, Any]) -> None:
    event = call.create("Event", Subject="Lunch", **fields)
    record = call.get("Event", event)
    assert record["StartDateTime"] == record["ActivityDateTime"] == "2024-05-31T23:30:00.000+0000"
    assert record["EndDateTime"] == "2024-06-01T01:00:00.000+0000"
    assert (record["ActivityDate"], record["EndDate"]) == ("2024-05-31", "2024-06-01")
    assert (record["DurationInMinutes"], record["IsAllDayEvent"]) == (90, False)


def test_an_event_of_whole_days_begins_at_midnight_and_ends_on_its_last_day(call: Caller) -> None:
    one = call.create("Event", Subject="Fair", IsAllDayEvent=True, ActivityDate="2024-05-31")
    two = call.create(
        "Event",
        Subject="Fair",
        IsAllDayEvent=True,
        StartDateTime="2024-05-31T00:00:00Z",
        EndDateTime="2024-06-01T00:00:00Z",
    )
    fields = ("StartDateTime", "EndDateTime", "DurationInMinutes", "ActivityDate", "EndDate")
    start = "2024-05-31T00:00:00.000+0000"
    assert shown(call, "Event", one, *fields) == [start, start, 1440, "2024-05-31", "2024-05-31"]
    end = "2024-06-01T00:00:00.000+0000"
    assert shown(call, "Event", two, *fields) == [start, end, 2880, "2024-05-31", "2024-06-01"]


def test_an_event_that_moves_keeps_its_length(call: Caller) -> None:
    event = call.create("Event", **EVENT, DurationInMinutes=45)
    path = f"sobjects/Event/{event}"
    assert call("PATCH", path, {"StartDateTime": "2024-06-01T08:00:00Z"}).status == 204
    assert shown(call, "Event", event, "EndDateTime", "ActivityDate") == [
        "2024-06-01T08:45:00.000+0000",
        "2024-06-01",
    ]
    assert call("PATCH", path, {"DurationInMinutes": 15}).status == 204
    assert shown(call, "Event", event, "EndDateTime") == ["2024-06-01T08:15:00.000+0000"]


@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        (
            {"Subject": "x"},
            "REQUIRED_FIELD_MISSING",
            ["DurationInMinutes", "ActivityDateTime"],
        ),
        (EVENT, "REQUIRED_FIELD_MISSING", ["DurationInMinutes"]),
        ({**EVENT, "DurationInMinutes": -1}, "FIELD_INTEGRITY_EXCEPTION", ["DurationInMinutes"]),
        (
            {**EVENT, "EndDateTime": "2024-05-31T11:00:00Z"},
            "FIELD_INTEGRITY_EXCEPTION",
            ["DurationInMinutes"],
        ),
        (
            {**EVENT, "EndDateTime": "2024-05-31T13:00:00Z", "DurationInMinutes": 30},
            "FIELD_INTEGRITY_EXCEPTION",
            ["DurationInMinutes", "EndDateTime"],
        ),
        (
            {**EVENT, "ActivityDateTime": "2024-05-31T13:00:00Z", "DurationInMinutes": 30},
            "FIELD_INTEGRITY_EXCEPTION",
            ["ActivityDateTime", "StartDateTime"],
        ),
    ],
)
def test_an_event_whose_times_do_not_fit_is_refused(
    call: Caller, fields: dict[str, Any], code: str, named: list[str]
) -> None:
    answer = call("POST", "sobjects/Event", fields)
    assert answer.status == 400
    assert (answer.body[0]["errorCode"], answer.body[0]["fields"]) == (code, named)


# ---- campaigns ----


def test_a_member_of_a_campaign_shows_its_lead_or_contact(call: Caller) -> None:
    account = call.create("Account", Name="Acme")
    contact = call.create(
        "Contact", FirstName="Jon", LastName="Doe", AccountId=account, MailingCity="Oslo"
    )
    lead = call.create("Lead", FirstName="Ann", LastName="Lee", Company="Zenith", City="Rome")
    campaign = call.create("Campaign", Name="Spring")
    fields = ("Name", "LastName", "CompanyOrAccount", "City", "Type", "LeadOrContactId")
    member = call.create("CampaignMember", CampaignId=campaign, ContactId=contact)
    assert shown(call, "CampaignMember", member, *fields) == [
        *("Jon Doe", "Doe", "Acme", "Oslo", "Contact", contact)
    ]
    member = call.create("CampaignMember", CampaignId=campaign, LeadId=lead, Status="Responded")
    assert shown(call, "CampaignMember", member, *fields) == [
        *("Ann Lee", "Lee", "Zenith", "Rome", "Lead", lead)
    ]
    responded = shown(call, "CampaignMember", member, "HasResponded", "FirstRespondedDate")
    assert responded[0] is True
    assert responded[1] is not None
    refused = call("POST", "sobjects/CampaignMember", {"CampaignId": campaign})
    assert refused.body[0]["errorCode"] == "REQUIRED_FIELD_MISSING"


def test_a_member_shows_what_becomes_of_its_person(call: Caller) -> None:
    campaign = call.create("Campaign", Name="Spring")
    lead = call.create("Lead", FirstName="Ann", LastName="Lee", Company="Zenith")
    member = call.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    call("PATCH", f"sobjects/Lead/{lead}", {"LastName": "Low", "Email": "ann@example.com"})
    assert shown(call, "CampaignMember", member, "Name", "Email") == ["Ann Low", "ann@example.com"]


def test_nobody_is_a_member_of_a_campaign_twice(call: Caller) -> None:
    campaign, other = (call.create("Campaign", Name=name) for name in "ab")
    lead = call.create("Lead", LastName="Lee", Company="Zenith")
    member = call.create("CampaignMember", CampaignId=campaign, LeadId=lead)
    again = {"CampaignId": campaign, "LeadId": lead}
    error = {
        "message": "Already a campaign member.",
        "errorCode": "DUPLICATE_VALUE",
        "fields": [],
    }
    answer = call("POST", "sobjects/CampaignMember", again)
    assert (answer.status, answer.body) == (400, [error])
    call.create("CampaignMember", CampaignId=other, LeadId=lead)
    call("DELETE", f"sobjects/CampaignMember/{member}")
    call.create("CampaignMember", **again)


def test_a_campaign_counts_its_members_and_opportunities(call: Caller) -> None:
    campaign = call.create("Campaign", Name="Spring")
    numbers = (
        "NumberOfLeads",
        "NumberOfContacts",
        "NumberOfResponses",
        "NumberOfOpportunities",
        "NumberOfWonOpportunities",
        "AmountAllOpportunities",
        "AmountWonOpportunities",
    )
    assert shown(call, "Campaign", campaign, *numbers) == [0, 0, 0, 0, 0, 0.0, 0.0]
    lead = call.create("Lead", LastName="Lee", Company="Zenith")
    contact = call.create("Contact", LastName="Doe")
    call.create("CampaignMember", CampaignId=campaign, LeadId=lead, Status="Responded")
    call.create("CampaignMember", CampaignId=campaign, ContactId=contact)
    won = {**DEAL, "StageName": "Closed Won", "Amount": 100}
    first = call.create("Opportunity", **won, CampaignId=campaign)
    second = call.create("Opportunity", **DEAL, Amount=50, CampaignId=campaign)
    assert shown(call, "Campaign", campaign, *numbers) == [1, 1, 1, 2, 1, 150.0, 100.0]
    call("PATCH", f"sobjects/Opportunity/{second}", {"CampaignId": None})
    assert shown(call, "Campaign", campaign, *numbers) == [1, 1, 1, 1, 1, 100.0, 100.0]
    call("DELETE", f"sobjects/Opportunity/{first}")
    call("DELETE", f"sobjects/Lead/{lead}")
    assert shown(call, "Campaign", campaign, *numbers) == [0, 1, 0, 0, 0, 0.0, 0.0]


def test_a_campaign_sums_up_what_is_below_it(call: Caller) -> None:
    top = call.create("Campaign", Name="top", BudgetedCost=1)
    middle = call.create("Campaign", Name="middle", ParentId=top, BudgetedCost=10)
    low = call.create("Campaign", Name="low", ParentId=middle)
    contact = call.create("Contact", LastName="Doe")
    call.create("CampaignMember", CampaignId=low, ContactId=contact)
    call.create("CampaignMember", CampaignId=top, ContactId=contact)
    fields = ("NumberOfContacts", "HierarchyNumberOfContacts", "HierarchyBudgetedCost")
    assert shown(call, "Campaign", top, *fields) == [1, 2, 11.0]
    assert shown(call, "Campaign", middle, *fields) == [0, 1, 10.0]
    call("PATCH", f"sobjects/Campaign/{middle}", {"ParentId": None})
    assert shown(call, "Campaign", top, *fields) == [1, 1, 1.0]


def test_a_member_shows_the_new_name_of_its_account(call: Caller) -> None:
    account = call.create("Account", Name="Acme")
    contact = call.create("Contact", LastName="Doe", AccountId=account)
    campaign = call.create("Campaign", Name="Spring")
    member = call.create("CampaignMember", CampaignId=campaign, ContactId=contact)
    call("PATCH", f"sobjects/Account/{account}", {"Name": "Zenith"})
    assert shown(call, "CampaignMember", member, "CompanyOrAccount") == ["Zenith"]


# ---- products ----


def test_prices_show_what_becomes_of_their_product(call: Caller) -> None:
    [standard] = call.query("SELECT Id FROM Pricebook2 WHERE IsStandard = TRUE")["records"]
    product = call.create("Product2", Name="Pen", ProductCode="P1")
    price = {"Pricebook2Id": standard["Id"], "UnitPrice": 3}
    entry = call.create("PricebookEntry", **price, Product2Id=product)
    other = call.create("PricebookEntry", **price, Product2Id=call.create("Product2", Name="Ink"))
    deal = call.create("Opportunity", **DEAL)
    line = call.create(
        "OpportunityLineItem", OpportunityId=deal, PricebookEntryId=entry, Quantity=1
    )
    call("PATCH", f"sobjects/Product2/{product}", {"Name": "Quill", "ProductCode": "Q1"})
    assert shown(call, "PricebookEntry", entry, "Name", "ProductCode") == ["Quill", "Q1"]
    assert shown(call, "PricebookEntry", other, "Name", "ProductCode") == ["Ink", None]
    assert shown(call, "OpportunityLineItem", line, "ProductCode") == ["Q1"]


def test_a_line_item_takes_its_price_and_the_opportunity_its_sum(call: Caller) -> None:
    [standard] = call.query("SELECT Id FROM Pricebook2 WHERE IsStandard = TRUE")["records"]
    product = call.create("Product2", Name="Pen", ProductCode="P1")
    assert shown(call, "Product2", product, "IsActive") == [False]
    entry = call.create(
        "PricebookEntry", Pricebook2Id=standard["Id"], Product2Id=product, UnitPrice=2.5
    )
    assert shown(call, "PricebookEntry", entry, "Name", "ProductCode") == ["Pen", "P1"]
    price = {"Pricebook2Id": standard["Id"], "Product2Id": product, "UnitPrice": 3}
    again = call("POST", "sobjects/PricebookEntry", price)
    assert again.body[0]["errorCode"] == "DUPLICATE_VALUE"
    deal = call.create("Opportunity", **DEAL, Amount=7)
    has = ("HasOpportunityLineItem", "Amount", "TotalOpportunityQuantity", "ExpectedRevenue")
    assert shown(call, "Opportunity", deal, *has) == [False, 7.0, None, 0.7]
    line = {"OpportunityId": deal, "PricebookEntryId": entry}
    first = call.create("OpportunityLineItem", **line, Quantity=4)
    fields = ("Name", "ProductCode", "Product2Id", "UnitPrice", "ListPrice", "TotalPrice")
    assert shown(call, "OpportunityLineItem", first, *fields) == [
        *("Deal Pen", "P1", product, 2.5, 2.5, 10.0)
    ]
    second = call.create("OpportunityLineItem", **line, Quantity=2, TotalPrice=6)
    assert shown(call, "OpportunityLineItem", second, "UnitPrice") == [3.0]
    assert shown(call, "Opportunity", deal, *has) == [True, 16.0, 6.0, 1.6]
    call("PATCH", f"sobjects/OpportunityLineItem/{first}", {"Quantity": 1})
    assert shown(call, "Opportunity", deal, *has) == [True, 8.5, 3.0, 0.85]
    for line_item in (first, second):
        call("DELETE", f"sobjects/OpportunityLineItem/{line_item}")
    assert shown(call, "Opportunity", deal, "HasOpportunityLineItem") == [False]


def test_an_opportunity_takes_the_price_book_of_its_first_line_item(call: Caller) -> None:
    [standard] = call.query("SELECT Id FROM Pricebook2 WHERE IsStandard = TRUE")["records"]
    book = call.create("Pricebook2", Name="Wholesale", IsActive=True)
    product = call.create("Product2", Name="Pen")
    price = {"Product2Id": product, "UnitPrice": 2.5}
    call.create("PricebookEntry", Pricebook2Id=standard["Id"], **price)
    entry = call.create("PricebookEntry", Pricebook2Id=book, **price)
    deal = call.create("Opportunity", **DEAL)
    assert shown(call, "Opportunity", deal, "Pricebook2Id") == [None]
    line = call.create(
        "OpportunityLineItem", OpportunityId=deal, PricebookEntryId=entry, Quantity=1
    )
    assert shown(call, "Opportunity", deal, "Pricebook2Id") == [book]
    call("DELETE", f"sobjects/OpportunityLineItem/{line}")
    assert shown(call, "Opportunity", deal, "Pricebook2Id") == [book]
    chosen = call.create("Opportunity", **DEAL, Pricebook2Id=standard["Id"])
    call.create("OpportunityLineItem", OpportunityId=chosen, PricebookEntryId=entry, Quantity=1)
    assert shown(call, "Opportunity", chosen, "Pricebook2Id") == [standard["Id"]]


# ---- cases and files ----


def test_a_record_has_the_url_of_its_photo_and_of_its_file(call: Caller) -> None:
    for sobject, fields in (
        ("Account", {"Name": "Acme"}),
        ("Contact", {"LastName": "Doe"}),
        ("Lead", {"LastName": "Doe", "Company": "Acme"}),
    ):
        record_id = call.create(sobject, **fields)
        photo = f"/services/images/photo/{record_id}"
        assert shown(call, sobject, record_id, "PhotoUrl") == [photo]
        assert call.names(f"WHERE PhotoUrl = '{photo}'", sobject) != []
    version = call.create("ContentVersion", PathOnClient="a.txt", VersionData="YQ==")
    url = f"/sfc/servlet.shepherd/version/download/{version}"
    assert shown(call, "ContentVersion", version, "VersionDataUrl") == [url]


@pytest.mark.parametrize("sobject", ["Contact", "Lead"])
def test_a_person_who_opted_out_is_a_member_who_did(call: Caller, sobject: str) -> None:
    flags = ("HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall")
    more = {"Company": "Acme"} if sobject == "Lead" else {}
    person = call.create(sobject, LastName="Doe", **more)
    assert shown(call, sobject, person, *flags) == [False, False, False]
    campaign = call.create("Campaign", Name="Fair")
    member = call.create("CampaignMember", CampaignId=campaign, **{f"{sobject}Id": person})
    call("PATCH", f"sobjects/{sobject}/{person}", {flags[0]: True, flags[2]: True})
    assert shown(call, sobject, person, *flags) == [True, False, True]
    assert shown(call, "CampaignMember", member, *flags) == [True, False, True]


def test_a_case_shows_its_contact_and_belongs_to_its_account(call: Caller) -> None:
    account = call.create("Account", Name="Acme")
    contact = call.create("Contact", LastName="Doe", AccountId=account, Email="d@example.com")
    case = call.create("Case", ContactId=contact)
    assert shown(call, "Case", case, "ContactEmail", "AccountId") == ["d@example.com", account]
    other = call.create("Account", Name="Other")
    case = call.create("Case", ContactId=contact, AccountId=other)
    assert shown(call, "Case", case, "AccountId") == [other]
    stranger = call.create("Contact", LastName="Lee", Email="l@example.com")
    call("PATCH", f"sobjects/Case/{case}", {"ContactId": stranger})
    assert shown(call, "Case", case, "ContactEmail", "AccountId") == ["l@example.com", other]


def test_a_case_shows_what_becomes_of_its_contact(call: Caller) -> None:
    contact = call.create("Contact", LastName="Doe", Email="a@example.com", Phone="1")
    case = call.create("Case", ContactId=contact)
    call("PATCH", f"sobjects/Contact/{contact}", {"Email": "b@example.com", "Phone": None})
    assert shown(call, "Case", case, "ContactEmail", "ContactPhone") == ["b@example.com", None]


def test_a_file_is_linked_to_its_owner_and_to_where_it_is_published(
    org: LocalOrg, call: Caller
) -> None:
    account = call.create("Account", Name="Acme")
    fields = {"PathOnClient": "a.txt", "VersionData": "YQ==", "FirstPublishLocationId": account}
    version = call.create("ContentVersion", **fields)
    document = call.get("ContentVersion", version)["ContentDocumentId"]
    soql = (
        "SELECT LinkedEntityId, ShareType FROM ContentDocumentLink "
        f"WHERE ContentDocumentId = '{document}'"
    )
    links = {row["LinkedEntityId"]: row["ShareType"] for row in call.query(soql)["records"]}
    assert links == {org.user_id: "I", account: "V"}
    call("DELETE", f"sobjects/ContentDocument/{document}")
    assert call.query(soql)["records"] == []
