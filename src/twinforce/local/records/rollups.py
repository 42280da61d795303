"""What a save changes in other records: sums of children, and copies of what a parent shows.

Source: Object Reference, Campaign and Opportunity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ..schema import Schema
from ..store.tables import Row, Store
from .rules import SHOWN_OF_CONTACT
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
    SELECT COUNT(*), SUM("TotalPrice"), SUM("Quantity"), MIN(entry."Pricebook2Id")
    FROM "OpportunityLineItem" AS item
    LEFT JOIN "PricebookEntry" AS entry ON entry."Id" = item."PricebookEntryId"
    WHERE "OpportunityId" = ? AND item."IsDeleted" = 0
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
_ADDED: Final = '"{0}" = ROUND(COALESCE("{0}", 0) + ?, 2)'
# What other records show of a record: their sObject, which of them, and what they call its fields.
_COPIES: Final[Mapping[str, tuple[tuple[str, str, Mapping[str, str]], ...]]] = {
    "Account": (
        (
            "CampaignMember",
            '"ContactId" IN (SELECT "Id" FROM "Contact" WHERE "AccountId" = ?)',
            {"CompanyOrAccount": "Name"},
        ),
    ),
    "Contact": (("Case", '"ContactId" = ?', SHOWN_OF_CONTACT),),
    "Product2": (
        ("PricebookEntry", '"Product2Id" = ?', {"Name": "Name", "ProductCode": "ProductCode"}),
        ("OpportunityLineItem", '"Product2Id" = ?', {"ProductCode": "ProductCode"}),
    ),
}


class Rollups:
    """Keeps up to date what records of *store* show of others; *parents* finds one by its id."""

    def __init__(self, schema: Schema, store: Store, parents: Parents) -> None:
        self._parents = parents
        self._campaign = schema["Campaign"]
        self._member = schema["CampaignMember"]
        self._opportunity = schema["Opportunity"]
        self._store = store

    def saved(self, sobject: str, before: Row | None, after: Row | None) -> None:
        """Bring up to date what depends on a record, which was created without *before*.

        It was deleted without *after*; it is marked as such already.
        """
        states = [state for state in (before, after) if state is not None]
        match sobject:
            case "CampaignMember" | "Opportunity":
                self._count_in_campaigns(sobject, before, after)
            case "Campaign":
                self._campaign_saved(before, after)
            case "Contact" | "Lead" if before is not None and after is not None:
                self._show_person(sobject, str(after["Id"]))
            case "OpportunityLineItem":
                for opportunity_id in _ids(states, "OpportunityId"):
                    self._sum_products(opportunity_id)
        if before is not None:
            self._copy(sobject, before, after or {})

    def _copy(self, sobject: str, before: Row, after: Row) -> None:
        """Write what other records show of this one, where that has changed."""
        for child, condition, shown in _COPIES.get(sobject, ()):
            values = {name: after.get(source) for name, source in shown.items()}
            if any(values[name] != before.get(source) for name, source in shown.items()):
                assignments = ", ".join(f'"{name}" = ?' for name in values)
                self._store.rows(
                    f'UPDATE "{child}" SET {assignments} WHERE {condition} AND "IsDeleted" = 0',
                    (*values.values(), before["Id"]),
                )

    def _show_person(self, sobject: str, person_id: str) -> None:
        lookup = self._member.field(f"{sobject}Id")
        assert lookup is not None  # noqa: S101 - it stands in the table
        for member_id in self._store.find(self._member, lookup, person_id):
            member = self._store.get(self._member, member_id) or {}
            self._store.update(self._member, member_id, shown_of_person(member, self._parents))

    def _sum_products(self, opportunity_id: str) -> None:
        before = self._store.get(self._opportunity, opportunity_id)
        if before is None or before["IsDeleted"]:
            return
        [(count, amount, quantity, price_book_id)] = self._store.rows(_PRODUCTS, (opportunity_id,))
        changes: Row = {"HasOpportunityLineItem": int(count > 0)}
        if count:
            probability = before.get("Probability")
            changes.update(
                Amount=amount,
                TotalOpportunityQuantity=quantity,
                Pricebook2Id=before.get("Pricebook2Id") or price_book_id,
            )
            if isinstance(probability, float) and amount is not None:
                changes["ExpectedRevenue"] = round(amount * probability / 100, 2)
        self._store.update(self._opportunity, opportunity_id, changes)
        self.saved("Opportunity", before, {**before, **changes})

    def _count_in_campaigns(self, sobject: str, before: Row | None, after: Row | None) -> None:
        """Add what a record counts for in its campaign, and take away what it counted for."""
        changes: dict[str, tuple[float, ...]] = {}
        for row, sign in ((before, -1), (after, 1)):
            for campaign_id in _ids([row or {}], "CampaignId"):
                known = changes.get(campaign_id, (0,) * len(_OWN_NUMBERS))
                counts = self._counts(sobject, row or {})
                added = (old + sign * new for old, new in zip(known, counts, strict=True))
                changes[campaign_id] = tuple(added)
        for campaign_id, numbers in changes.items():
            if any(numbers):
                self._add(campaign_id, numbers)

    def _counts(self, sobject: str, row: Row) -> tuple[float, ...]:
        """Return what a record counts for in each of the numbers that a campaign has."""
        if sobject == "CampaignMember":
            lead_id, contact_id = row.get("LeadId"), row.get("ContactId")
            converted = (self._parents(lead_id) or {}).get("IsConverted")
            members = map(bool, (lead_id, contact_id, row.get("HasResponded"), converted))
            return (*map(int, members), 0, 0, 0.0, 0.0)
        amount, won = row.get("Amount"), bool(row.get("IsWon"))
        amount = float(amount) if isinstance(amount, int | float) else 0.0
        return (0, 0, 0, 0, 1, int(won), amount, amount if won else 0.0)

    def _add(self, campaign_id: str, numbers: tuple[float, ...]) -> None:
        own = ", ".join(map(_ADDED.format, _OWN_NUMBERS))
        self._store.rows(f'UPDATE "Campaign" SET {own} WHERE "Id" = ?', (*numbers, campaign_id))
        of_all = ", ".join(_ADDED.format(f"Hierarchy{name}") for name in _OWN_NUMBERS)
        for ancestor_id in self._with_ancestors(campaign_id):
            self._store.rows(
                f'UPDATE "Campaign" SET {of_all} WHERE "Id" = ?', (*numbers, ancestor_id)
            )

    def _campaign_saved(self, before: Row | None, after: Row | None) -> None:
        if after is not None:
            self._sum_campaign(str(after["Id"]))
        if before is not None and (after is None or before["ParentId"] != after["ParentId"]):
            for parent_id in _ids([before], "ParentId"):
                self._sum_hierarchies(parent_id)

    def _sum_campaign(self, campaign_id: str) -> None:
        [members] = self._store.rows(_MEMBERS, (campaign_id,))
        [converted] = self._store.rows(_CONVERTED, (campaign_id,))
        [opportunities] = self._store.rows(_OPPORTUNITIES, (campaign_id,))
        numbers = (*members, *converted, *opportunities)
        own: Row = dict(zip(_OWN_NUMBERS, numbers, strict=True))
        self._store.update(self._campaign, campaign_id, own)
        self._sum_hierarchies(campaign_id)

    def _sum_hierarchies(self, campaign_id: str) -> None:
        for ancestor_id in self._with_ancestors(campaign_id):
            self._sum_hierarchy(ancestor_id)

    def _sum_hierarchy(self, campaign_id: str) -> None:
        """Add the numbers of a campaign to those of its children, which are summed up already."""
        sums = ", ".join(
            f'SUM(CASE WHEN "Id" = ? THEN "{name}" ELSE "Hierarchy{name}" END)'
            for name in _HIERARCHY
        )
        [numbers] = self._store.rows(
            f'SELECT {sums} FROM "Campaign" WHERE "Id" = ? OR ("ParentId" = ? AND "IsDeleted" = 0)',
            (campaign_id,) * (len(_HIERARCHY) + 2),
        )
        names = (f"Hierarchy{name}" for name in _HIERARCHY)
        self._store.update(self._campaign, campaign_id, dict(zip(names, numbers, strict=True)))

    def _with_ancestors(self, campaign_id: str) -> Iterator[str]:
        for _ in range(_LONGEST_HIERARCHY):
            row = self._store.get(self._campaign, campaign_id)
            if row is None or row["IsDeleted"]:
                return
            yield campaign_id
            parent_id = row.get("ParentId")
            if not isinstance(parent_id, str):
                return
            campaign_id = parent_id


def _ids(states: Iterable[Row], lookup: str) -> list[str]:
    values = (state.get(lookup) for state in states)
    return list(dict.fromkeys(value for value in values if isinstance(value, str)))
