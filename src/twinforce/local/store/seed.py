"""What every org has from the start: itself, an administrator, a profile and a price book."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from ..schema import Schema
from .ids import make_id
from .tables import Row, Store
from .values import datetime_text, stored_value

_FIRST: Final = 1
# The records that are planted, in this order; each is the first of its sObject.
_PLANTED: Final[dict[str, Row]] = {
    "Organization": {
        "Name": "Local Org",
        "Country": "US",
        "DefaultAccountAccess": "Edit",
        "DefaultCalendarAccess": "HideDetailsInsert",
        "DefaultCampaignAccess": "All",
        "DefaultCaseAccess": "ReadEditTransfer",
        "DefaultContactAccess": "ControlledByParent",
        "DefaultLeadAccess": "ReadEditTransfer",
        "DefaultLocaleSidKey": "en_US",
        "DefaultOpportunityAccess": "Edit",
        "DefaultPricebookAccess": "ReadSelect",
        "FiscalYearStartMonth": 1,
        "InstanceName": "LOCAL",
        "LanguageLocaleKey": "en_US",
        "MonthlyPageViewsEntitlement": 0,
        "MonthlyPageViewsUsed": 0,
        "NumKnowledgeService": 0,
        "OrganizationType": "Developer Edition",
        "PrimaryContact": "Local Admin",
        "SignupCountryIsoCode": "US",
        "TimeZoneSidKey": "GMT",
        "UiSkin": "Theme3",
        "WebToCaseDefaultOrigin": "Web",
    },
    "Profile": {"Name": "System Administrator", "UserType": "Standard"},
    "User": {
        "Username": "admin@local-org.example.com",
        "FirstName": "Local",
        "LastName": "Admin",
        "Name": "Local Admin",
        "CompanyName": "Local Org",
        "Email": "admin@example.com",
        "Alias": "admin",
        "CommunityNickname": "admin",
        "TimeZoneSidKey": "GMT",
        "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
        "UserType": "Standard",
        "UserPermissionsInteractionUser": 1,
        "UserPermissionsMarketingUser": 1,
        "UserPermissionsOfflineUser": 1,
        "UserPermissionsSFContentUser": 1,
        "UserPermissionsSupportUser": 1,
    },
    "Pricebook2": {"Name": "Standard Price Book", "IsActive": 1, "IsStandard": 1},
}


def plant(schema: Schema, store: Store, clock: Callable[[], datetime]) -> str:
    """Plant what the org, new or of a release that planted less, has not yet; return its User."""
    ids = {name: make_id(schema[name].key_prefix, _FIRST) for name in _PLANTED}
    now = datetime_text(clock())
    stamps: Row = {
        "CreatedDate": now,
        "CreatedById": ids["User"],
        "LastModifiedDate": now,
        "LastModifiedById": ids["User"],
        "SystemModstamp": now,
    }
    with store.transaction():  # for another process may have opened the same new file
        for name in _PLANTED:
            sobject = schema[name]
            if store.get(sobject, ids[name]) is not None:
                continue
            defaults: Row = {
                field.name: stored_value(field, field.default_value)
                for field in sobject.fields
                if field.default_value is not None and field.has_column
            }
            row: Row = {**defaults, **_PLANTED[name], **stamps, "Id": ids[name]}
            if name == "User":
                row["ProfileId"] = ids["Profile"]
            store.next_number(sobject.key_prefix)
            store.insert(sobject, row)
    return ids["User"]
