"""What every org has from the start: a profile and the administrator who owns the records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from .ids import make_id
from .schema import Schema
from .store import Row, Store
from .values import datetime_text


def plant(schema: Schema, store: Store, clock: Callable[[], datetime]) -> str:
    """Make the administrator, if the org has none yet, and return the id of that User."""
    user, profile = schema["User"], schema["Profile"]
    user_id, profile_id = make_id(user.key_prefix, 1), make_id(profile.key_prefix, 1)
    if store.get(user, user_id) is not None:
        return user_id
    now = datetime_text(clock())
    stamps: Row = {
        "CreatedDate": now,
        "CreatedById": user_id,
        "LastModifiedDate": now,
        "LastModifiedById": user_id,
        "SystemModstamp": now,
    }
    with store.transaction():
        for sobject in (user, profile):
            store.next_number(sobject.key_prefix)
        store.insert(
            profile,
            {"Id": profile_id, "Name": "System Administrator", "UserType": "Standard", **stamps},
        )
        store.insert(
            user,
            {
                "Id": user_id,
                "Username": "admin@local-org.example.com",
                "FirstName": "Local",
                "LastName": "Admin",
                "Name": "Local Admin",
                "CompanyName": "Local Org",
                "Email": "admin@example.com",
                "Alias": "admin",
                "CommunityNickname": "admin",
                "IsActive": 1,
                "TimeZoneSidKey": "GMT",
                "LocaleSidKey": "en_US",
                "EmailEncodingKey": "UTF-8",
                "LanguageLocaleKey": "en_US",
                "ProfileId": profile_id,
                "UserType": "Standard",
                **stamps,
            },
        )
    return user_id
