"""What is told about a user: OpenID Connect's userinfo, and Salesforce's identity URL.

Source: Salesforce Help, Identity URLs and Query User Information with the UserInfo Endpoint.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..resources.versions import MAX_VERSION
from ..store.tables import Row

_ADDRESS: Final = {
    "street_address": "Street",
    "locality": "City",
    "region": "State",
    "postal_code": "PostalCode",
    "country": "Country",
}


def identity_url(instance_url: str, org_id: str, user_id: str) -> str:
    return f"{instance_url}/id/{org_id}/{user_id}"


def userinfo(user: Row, org_id: str, instance_url: str) -> dict[str, Any]:
    """Return the OpenID Connect description of *user*, a row of User."""
    user_id = str(user["Id"])
    address = {key: user.get(field) for key, field in _ADDRESS.items()}
    info = {
        "sub": identity_url(instance_url, org_id, user_id),
        **_both(user, org_id, instance_url),
        "preferred_username": user["Username"],
        "nickname": user.get("CommunityNickname"),
        "name": user["Name"],
        "given_name": user.get("FirstName"),
        "family_name": user["LastName"],
        "zoneinfo": user.get("TimeZoneSidKey"),
        "profile": f"{instance_url}/{user_id}",
        "picture": f"{instance_url}/profilephoto/005/F",
        "address": {key: value for key, value in address.items() if value is not None},
        "updated_at": str(user["LastModifiedDate"]).replace(".000+0000", "Z"),
    }
    if user.get("MobilePhone"):
        info |= {"phone_number": user["MobilePhone"], "phone_number_verified": False}
    return info


def identity(
    user: Row, org_id: str, instance_url: str, *, asserted: bool, latest: bool
) -> dict[str, Any]:
    """Return what is found at the identity URL of *user*.

    *asserted* tells whether it is the one whose token came, *latest* wants URLs that name the
    newest version.
    """
    told = _both(user, org_id, instance_url)
    if latest:
        version = str(MAX_VERSION)
        told["urls"] = {
            name: url.replace("{version}", version) for name, url in told["urls"].items()
        }
    return {
        "id": identity_url(instance_url, org_id, str(user["Id"])),
        "asserted_user": asserted,
        **told,
        "username": user["Username"],
        "nick_name": user.get("CommunityNickname"),
        "display_name": user["Name"],
        "first_name": user.get("FirstName"),
        "last_name": user["LastName"],
        "timezone": user.get("TimeZoneSidKey"),
        "addr_street": user.get("Street"),
        "addr_city": user.get("City"),
        "addr_state": user.get("State"),
        "addr_country": user.get("Country"),
        "addr_zip": user.get("PostalCode"),
        "mobile_phone": user.get("MobilePhone"),
        "mobile_phone_verified": False,
        "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None},
        "last_modified_date": user["LastModifiedDate"],
        "is_app_installed": True,
    }


def _both(user: Row, org_id: str, instance_url: str) -> dict[str, Any]:
    """What userinfo and the identity URL call by the same names."""
    photo = f"{instance_url}/profilephoto/005"
    return {
        "user_id": user["Id"],
        "organization_id": org_id,
        "email": user.get("Email"),
        "email_verified": True,
        "photos": {"picture": f"{photo}/F", "thumbnail": f"{photo}/T"},
        "urls": _urls(instance_url, org_id, str(user["Id"])),
        "active": bool(user["IsActive"]),
        "user_type": str(user.get("UserType") or "Standard").upper(),
        "language": user.get("LanguageLocaleKey"),
        "locale": user.get("LocaleSidKey"),
        "utcOffset": _utc_offset(user.get("TimeZoneSidKey"), user["LastModifiedDate"]),
    }


def _urls(instance_url: str, org_id: str, user_id: str) -> dict[str, str]:
    data = f"{instance_url}/services/data/v{{version}}"
    soap = {
        name: f"{instance_url}/services/Soap/{path}/{{version}}/{org_id[:15]}"
        for name, path in (("enterprise", "c"), ("metadata", "m"), ("partner", "u"))
    }
    return {
        **soap,
        "rest": f"{data}/",
        "sobjects": f"{data}/sobjects/",
        "search": f"{data}/search/",
        "query": f"{data}/query/",
        "recent": f"{data}/recent/",
        "tooling_rest": f"{data}/tooling/",
        "profile": f"{instance_url}/{user_id}",
        "custom_domain": instance_url,
    }


def _utc_offset(zone: Any, day: Any) -> int:
    """Return how far a time zone is ahead, in milliseconds, where there is no summer time."""
    try:
        named: tzinfo = ZoneInfo(str(zone))
        year = int(str(day)[:4])
    except (ValueError, ZoneInfoNotFoundError):
        return 0
    offsets = (named.utcoffset(datetime(year, month, 1)) for month in (1, 7))  # noqa: DTZ001
    return min(int((offset or timedelta()).total_seconds() * 1000) for offset in offsets)
