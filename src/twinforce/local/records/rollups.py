"""What a save changes in other records: sums of children, and copies of what a parent shows.

Source: Object Reference, Campaign and Opportunity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..schema import Schema
from ..store.tables import Row, Store
from .sales import shown_of_person
from .saving import Parents

_LONGEST_HIERARCHY: Final = 1_000
_MEMBERS: Final = """
    SELECT COUNT("LeadId"), COUNT("ContactId"), COALESCE(SUM("HasResponded"), 0)
    FROM "CampaignMember" WHERE "CampaignId" = ? AND "IsDeleted" = 0
"""
_CONVERTED: Final = """
    SELECT COUNT(*) FROM "CampaignMember" AS member JOIN "Lead" AS lead ON lead."Id" = "LeadId"
    WHERE "CampaignId" = ? AND member."IsDeleted" = 0 AND lead."IsConverted" = 1
"""
_OPPORTUNITIES: Final = """
    SELECT COUNT(*), COALESCE(SUM("IsWon"), 0), COALESCE(SUM("Amount"), 0.0),
        COALESCE(SUM(CASE WHEN "IsWon" = 1 THEN "Amount" END), 0.0)
    FROM "Opportunity" WHERE "CampaignId" = ? AND "IsDeleted" = 0
"""
_PRODUCTS: Final = """
    SELECT COUNT(*), SUM("TotalPrice"), SUM("Quantity")
    FROM "OpportunityLineItem" WHERE "OpportunityId" = ? AND "IsDeleted" = 0
"""
_OWN_NUMBERS: Final = (
    "NumberOfLeads",
    "NumberOfContacts",
    "NumberOfResponses",
    "NumberOfConvertedLeads",
    "NumberOfOpportunities",
    "NumberOfWonOpportunities",
    "AmountAllOpportunities",
    "AmountWonOpportunities",
)
# What a campaign sums up of itself and all below it; nothing, where none of them has a value.
_GIVEN_NUMBERS: Final = ("NumberSent", "ExpectedRevenue", "BudgetedCost", "ActualCost")
_HIERARCHY: Final = (*_OWN_NUMBERS, *_GIVEN_NUMBERS)


class Rollups:
    """Keeps up to date what records of *store* show of others; *parents* finds one by its id."""

    def __init__(self, schema: Schema, store: Store, parents: Parents) -> None:
        self._parents = parents
        self._campaign = schema["Campaign"]
        self._member = schema["CampaignMember"]
        self._opportunity = schema["Opportunity"]
        self._store = store

    def saved(self, sobject: str, *states: Row) -> None:
        """Bring up to date what depends on a record; *states* are before and after a save."""
        match sobject:
            case "CampaignMember" | "Opportunity":
                self._campaigns(states, "CampaignId")
            case "Campaign":
                self._campaigns(states, "Id")
                self._campaigns(states, "ParentId")
            case "Contact" | "Lead":
                self._show_person(sobject, states)
            case "OpportunityLineItem":
                for opportunity_id in _ids(states, "OpportunityId"):
                    self._sum_products(opportunity_id)

    def _show_person(self, sobject: str, states: tuple[Row, ...]) -> None:
        lookup = self._member.field(f"{sobject}Id")
        if len(states) == 1 or lookup is None:
            return  # a new person is no member yet, and one that is deleted takes its members along
        for member_id in self._store.find(self._member, lookup, states[-1]["Id"]):
            member = self._store.get(self._member, member_id) or {}
            self._store.update(self._member, member_id, shown_of_person(member, self._parents))

    def _sum_products(self, opportunity_id: str) -> None:
        before = self._store.get(self._opportunity, opportunity_id)
        if before is None:
            return
        [(count, amount, quantity)] = self._store.rows(_PRODUCTS, (opportunity_id,))
        changes: Row = {"HasOpportunityLineItem": int(count > 0)}
        if count:
            probability = before.get("Probability")
            changes.update(Amount=amount, TotalOpportunityQuantity=quantity)
            if isinstance(probability, float) and amount is not None:
                changes["ExpectedRevenue"] = round(amount * probability / 100, 2)
        self._store.update(self._opportunity, opportunity_id, changes)
        self.saved("Opportunity", before)

    def _campaigns(self, states: tuple[Row, ...], lookup: str) -> None:
        for campaign_id in _ids(states, lookup):
            self._sum_campaign(campaign_id)

    def _sum_campaign(self, campaign_id: str) -> None:
        if self._store.get(self._campaign, campaign_id) is None:
            return
        [members] = self._store.rows(_MEMBERS, (campaign_id,))
        [converted] = self._store.rows(_CONVERTED, (campaign_id,))
        [opportunities] = self._store.rows(_OPPORTUNITIES, (campaign_id,))
        numbers = (*members, *converted, *opportunities)
        own: Row = dict(zip(_OWN_NUMBERS, numbers, strict=True))
        self._store.update(self._campaign, campaign_id, own)
        for ancestor_id in self._with_ancestors(campaign_id):
            self._sum_hierarchy(ancestor_id)

    def _sum_hierarchy(self, campaign_id: str) -> None:
        """Add the numbers of a campaign to those of its children, which are summed up already."""
        sums = ", ".join(
            f'SUM(CASE WHEN "Id" = ?1 THEN "{name}" ELSE "Hierarchy{name}" END)'
            for name in _HIERARCHY
        )
        [numbers] = self._store.rows(
            f'SELECT {sums} FROM "Campaign" '
            'WHERE "Id" = ?1 OR ("ParentId" = ?1 AND "IsDeleted" = 0)',
            (campaign_id,),
        )
        names = (f"Hierarchy{name}" for name in _HIERARCHY)
        self._store.update(self._campaign, campaign_id, dict(zip(names, numbers, strict=True)))

    def _with_ancestors(self, campaign_id: str) -> Iterator[str]:
        for _ in range(_LONGEST_HIERARCHY):
            yield campaign_id
            row = self._store.get(self._campaign, campaign_id) or {}
            parent_id = row.get("ParentId")
            if not isinstance(parent_id, str):
                return
            campaign_id = parent_id


def _ids(states: tuple[Row, ...], lookup: str) -> list[str]:
    values = (state.get(lookup) for state in states)
    return list(dict.fromkeys(value for value in values if isinstance(value, str)))
