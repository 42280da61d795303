"""What Salesforce works out itself when members of campaigns, prices and line items are saved.

Source: Object Reference, CampaignMember, PricebookEntry and OpportunityLineItem.
"""

from __future__ import annotations

from typing import Final

from ..store.tables import Row
from .refusals import required_missing
from .saving import Parents, Saving

# The fields of a member that show those of the lead or the contact.
_OF_A_PERSON: Final = (
    "Description",
    "DoNotCall",
    "Email",
    "Fax",
    "FirstName",
    "HasOptedOutOfEmail",
    "HasOptedOutOfFax",
    "LastName",
    "LeadSource",
    "MobilePhone",
    "Name",
    "Phone",
    "Salutation",
    "Title",
)
_PLACE: Final = ("City", "Country", "PostalCode", "State", "Street")
_FLAGS: Final = ("DoNotCall", "HasOptedOutOfEmail", "HasOptedOutOfFax")


def campaign_member(saving: Saving) -> Row:
    row = saving.row
    contact_id, lead_id = row.get("ContactId"), row.get("LeadId")
    if contact_id is None and lead_id is None:
        raise required_missing(["LeadId", "ContactId"])
    values = shown_of_person(row, saving.parents)
    if "Status" in saving.changed:
        responded = bool((saving.implied("Status") or {}).get("hasResponded"))
        values["HasResponded"] = int(responded)
        today = saving.now[:10]
        values["FirstRespondedDate"] = (
            (row.get("FirstRespondedDate") or today) if responded else None
        )
    return values


def shown_of_person(member: Row, parents: Parents) -> Row:
    """Return what a *member* of a campaign shows of its contact, if it has one, or of its lead."""
    is_contact = member.get("ContactId") is not None
    person_id = member.get("ContactId" if is_contact else "LeadId")
    person = parents(person_id) or {}
    values: Row = {name: person.get(name) for name in _OF_A_PERSON}
    prefix = "Mailing" if is_contact else ""
    values.update({part: person.get(prefix + part) for part in _PLACE})
    values.update({flag: values[flag] or 0 for flag in _FLAGS})
    company = person.get("Company")
    if is_contact:
        company = (parents(person.get("AccountId")) or {}).get("Name")
    return {
        **values,
        "CompanyOrAccount": company,
        "LeadOrContactId": person_id,
        "LeadOrContactOwnerId": person.get("OwnerId"),
        "Type": "Contact" if is_contact else "Lead",
    }


def pricebook_entry(saving: Saving) -> Row:
    product = saving.parents(saving.row.get("Product2Id")) or {}
    return {"Name": product.get("Name"), "ProductCode": product.get("ProductCode")}


def opportunity_line_item(saving: Saving) -> Row:
    row, changed = saving.row, saving.changed
    entry = saving.parents(row.get("PricebookEntryId")) or {}
    product_id = row.get("Product2Id") or entry.get("Product2Id")
    product = saving.parents(product_id) or {}
    opportunity = saving.parents(row.get("OpportunityId")) or {}
    values: Row = {
        "ListPrice": entry.get("UnitPrice"),
        "Name": " ".join(str(part.get("Name") or "") for part in (opportunity, product)).strip(),
        "Product2Id": product_id,
        "ProductCode": product.get("ProductCode"),
    }
    quantity, total, price = row.get("Quantity"), row.get("TotalPrice"), row.get("UnitPrice")
    if not isinstance(quantity, float):
        return values
    if isinstance(total, float) and "TotalPrice" in changed and "UnitPrice" not in changed:
        values["UnitPrice"] = total / quantity if quantity else None
    else:
        price = entry.get("UnitPrice") if price is None else price
        if not isinstance(price, float):
            raise required_missing(["UnitPrice"])
        values.update(UnitPrice=price, TotalPrice=round(price * quantity, 2))
    return values
