"""What goes along with a record that is deleted, what keeps it, and how much work that is."""

from __future__ import annotations

import pytest

from tests.local.caller import Caller
from tests.local.steps import counted_steps
from twinforce.local import LocalOrg

DEAL = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2024-05-15"}


def test_a_long_chain_is_deleted_as_a_whole(org: LocalOrg, call: Caller) -> None:
    org.add_object("Link__c")
    org.add_field(
        "Link__c", "Before__c", "Lookup", reference_to="Link__c", delete_constraint="Cascade"
    )
    before = first = call.create("Link__c")
    for _ in range(1_200):
        before = call.create("Link__c", Before__c=before)
    assert call("DELETE", f"sobjects/Link__c/{first}").status == 204
    assert call.query("SELECT COUNT() FROM Link__c")["totalSize"] == 0


def test_a_required_lookup_keeps_its_parent(org: LocalOrg, call: Caller) -> None:
    org.add_field("Contact", "Needs__c", "Lookup", reference_to="Account", required=True)
    account = call.create("Account", Name="Acme")
    contact = call.create("Contact", LastName="Doe", Needs__c=account)
    answer = call("DELETE", f"sobjects/Account/{account}")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "DELETE_FAILED")
    assert answer.body[0]["message"].endswith("following contacts.: Doe\n")
    assert call.get("Contact", contact)["Needs__c"] == account
    call("DELETE", f"sobjects/Contact/{contact}")
    assert call("DELETE", f"sobjects/Account/{account}").status == 204


def test_a_required_lookup_cannot_be_one_that_is_emptied(org: LocalOrg) -> None:
    with pytest.raises(ValueError, match="never empty; take delete_constraint Restrict"):
        org.add_field(
            *("Contact", "Needs__c", "Lookup"),
            reference_to="Account",
            required=True,
            delete_constraint="SetNull",
        )


@pytest.mark.parametrize("deleted", ["Product2", "PricebookEntry", "Pricebook2"])
def test_what_is_sold_is_not_deleted(call: Caller, deleted: str) -> None:
    [standard] = call.query("SELECT Id FROM Pricebook2 WHERE IsStandard = TRUE")["records"]
    ids = {"Pricebook2": standard["Id"], "Product2": call.create("Product2", Name="Pen")}
    ids["PricebookEntry"] = call.create(
        "PricebookEntry",
        Pricebook2Id=ids["Pricebook2"],
        Product2Id=ids["Product2"],
        UnitPrice=1,
    )
    deal = call.create("Opportunity", **DEAL)
    line = call.create(
        "OpportunityLineItem",
        OpportunityId=deal,
        PricebookEntryId=ids["PricebookEntry"],
        Quantity=1,
    )
    answer = call("DELETE", f"sobjects/{deleted}/{ids[deleted]}")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "DELETE_FAILED")
    assert "Deal Pen" in answer.body[0]["message"]
    kept = call.get("OpportunityLineItem", line)
    assert (kept["PricebookEntryId"], kept["Product2Id"]) == (
        ids["PricebookEntry"],
        ids["Product2"],
    )
    call("DELETE", f"sobjects/Opportunity/{deal}")
    assert call("DELETE", f"sobjects/{deleted}/{ids[deleted]}").status == 204


def test_what_goes_along_by_one_way_is_not_kept_by_another(org: LocalOrg, call: Caller) -> None:
    for name in ("Whole__c", "Half__c", "Again__c"):
        org.add_object(name)
    for name in ("Half__c", "Again__c"):
        org.add_field(
            name, "Whole__c", "Lookup", reference_to="Whole__c", delete_constraint="Cascade"
        )
    for name, other in (("Half__c", "Again__c"), ("Again__c", "Half__c")):
        org.add_field(name, "Near__c", "Lookup", reference_to=other, delete_constraint="Restrict")
    whole = call.create("Whole__c")
    half = call.create("Half__c", Whole__c=whole)
    again = call.create("Again__c", Whole__c=whole, Near__c=half)
    call("PATCH", f"sobjects/Half__c/{half}", {"Near__c": again})
    assert call("DELETE", f"sobjects/Half__c/{half}").body[0]["errorCode"] == "DELETE_FAILED"
    assert call("DELETE", f"sobjects/Whole__c/{whole}").status == 204
    assert call.query("SELECT COUNT() FROM Again__c")["totalSize"] == 0


def test_a_queue_that_owns_records_stays(call: Caller) -> None:
    queue = call.create("Group", Name="Support", DeveloperName="Support", Type="Queue")
    case = call.create("Case", OwnerId=queue)
    answer = call("DELETE", f"sobjects/Group/{queue}")
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "DELETE_FAILED")
    assert call.get("Case", case)["OwnerId"] == queue


# ---- how much work ----


def members(call: Caller, campaign: str, count: int) -> None:
    for number in range(count):
        lead = call.create("Lead", LastName=str(number), Company="x")
        call.create("CampaignMember", CampaignId=campaign, LeadId=lead, Status="Responded")
        call.create("Opportunity", **DEAL, CampaignId=campaign, Amount=0.1)


def test_a_member_of_a_large_campaign_is_added_as_quickly_as_of_a_small_one(
    org: LocalOrg, call: Caller
) -> None:
    def steps(campaign: str) -> int:
        with counted_steps(org) as count:
            members(call, campaign, 5)
        return sum(count)

    large, small = call.create("Campaign", Name="large"), call.create("Campaign", Name="small")
    members(call, large, 150)
    assert steps(large) < 1.5 * steps(small)
    shown = call.get("Campaign", large, "NumberOfLeads", "NumberOfResponses", "NumberSent")
    assert (shown["NumberOfLeads"], shown["NumberOfResponses"]) == (155, 155)
    assert call.get("Campaign", large)["HierarchyAmountAllOpportunities"] == 15.5


def test_a_campaign_is_deleted_in_proportion_to_its_members(org: LocalOrg, call: Caller) -> None:
    def steps(size: int) -> int:
        campaign = call.create("Campaign", Name="x")
        members(call, campaign, size)
        with counted_steps(org) as count:
            assert call("DELETE", f"sobjects/Campaign/{campaign}").status == 204
        return sum(count)

    assert steps(120) < 4 * steps(40)
    assert call.query("SELECT COUNT() FROM CampaignMember")["totalSize"] == 0
    assert call.query("SELECT COUNT() FROM Opportunity WHERE CampaignId = null")["totalSize"] == 160


def test_a_campaign_below_another_takes_its_numbers_along(call: Caller) -> None:
    top = call.create("Campaign", Name="top")
    low = call.create("Campaign", Name="low", ParentId=top)
    members(call, top, 1)
    members(call, low, 2)
    fields = ("HierarchyNumberOfLeads", "HierarchyNumberOfOpportunities")
    assert [call.get("Campaign", top)[name] for name in fields] == [3, 3]
    call("DELETE", f"sobjects/Campaign/{low}")
    assert [call.get("Campaign", top)[name] for name in fields] == [1, 1]
