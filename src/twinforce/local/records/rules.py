"""What Salesforce works out itself when a record of a standard object is saved."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from ..schema import SObject
from ..store.tables import Row
from . import activities, sales, users
from .saving import Parents, Rule, Saving

_WITH_A_PHOTO: Final = frozenset({"Account", "Contact", "Lead"})
_PARTS_OF_A_NAME: Final = ("FirstName", "MiddleName", "LastName", "Suffix")


def derived(sobject: SObject, row: Row, changed: set[str], now: str, parents: Parents) -> Row:
    """Return the fields of *row* that follow from the others.

    *row* is the record as it is about to be saved, *changed* are the names of the fields that the
    caller set, *now* is the time of the save as the API writes datetimes, *parents* finds the
    record with an id. Raises ApiError for fields that do not go together.
    """
    values: Row = {}
    if sobject.is_person:
        names = (row.get(part) for part in _PARTS_OF_A_NAME)
        values["Name"] = " ".join(str(name) for name in names if name)
    if sobject.name in _WITH_A_PHOTO:
        values["PhotoUrl"] = f"/services/images/photo/{row['Id']!s}"
    if sobject.custom and not row.get("Name"):
        values["Name"] = row.get("Id")
    rule = _RULES.get(sobject.name)
    if rule is not None:
        values.update(rule(Saving(sobject, {**row, **values}, changed, now, parents)))
    return values


_FORECAST_NAMES: Final = {"BestCase": "Best Case", "Forecast": "Commit"}
_FORECAST_CATEGORIES: Final = {name: category for category, name in _FORECAST_NAMES.items()}


def _opportunity(saving: Saving) -> Row:
    row, changed = saving.row, saving.changed
    values: Row = {}
    if "StageName" in changed:
        stage = saving.implied("StageName")
        if stage is None:
            stage = {"isWon": False, "isClosed": False, "forecastCategory": "Pipeline"}
        values["IsWon"] = int(stage["isWon"])
        values["IsClosed"] = int(stage["isClosed"])
        values["LastStageChangeDate"] = saving.now
        if "Probability" not in changed:
            values["Probability"] = float(stage.get("probability", 0))
        if "ForecastCategoryName" not in changed:
            category = stage["forecastCategory"]
            values["ForecastCategoryName"] = _FORECAST_NAMES.get(category, category)
    saved = {**row, **values}
    category_name = saved.get("ForecastCategoryName")
    values["ForecastCategory"] = _FORECAST_CATEGORIES.get(str(category_name), category_name)
    amount, probability = saved.get("Amount"), saved.get("Probability")
    if isinstance(amount, float) and isinstance(probability, float):
        values["ExpectedRevenue"] = round(amount * probability / 100, 2)
    else:
        values["ExpectedRevenue"] = None
    closes = saved.get("CloseDate")
    if isinstance(closes, str):
        year, quarter = int(closes[:4]), (int(closes[5:7]) + 2) // 3
        values.update(FiscalYear=year, FiscalQuarter=quarter, Fiscal=f"{year} {quarter}")
    return values


SHOWN_OF_CONTACT: Final = {
    "ContactEmail": "Email",
    "ContactFax": "Fax",
    "ContactMobile": "MobilePhone",
    "ContactPhone": "Phone",
}


def _case(saving: Saving) -> Row:
    row, changed = saving.row, saving.changed
    values: Row = {}
    if "Status" in changed:
        closed = bool((saving.implied("Status") or {}).get("isClosed"))
        values["IsClosed"] = int(closed)
        values["ClosedDate"] = (row.get("ClosedDate") or saving.now) if closed else None
    if "ContactId" in changed:
        contact = saving.parents(row.get("ContactId")) or {}
        values.update({name: contact.get(source) for name, source in SHOWN_OF_CONTACT.items()})
        if row.get("AccountId") is None and "AccountId" not in changed:
            values["AccountId"] = contact.get("AccountId")
    return values


def _content_version(saving: Saving) -> Row:
    row = saving.row
    content = row.get("VersionData")
    if not isinstance(content, bytes | memoryview):
        return {}
    filename = _FOLDERS.sub("", str(row["PathOnClient"]))
    stem, dot, extension = filename.rpartition(".")
    return {
        "Checksum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "ContentModifiedById": row["CreatedById"],
        "ContentModifiedDate": row.get("ContentModifiedDate") or saving.now,
        "ContentSize": len(content),
        "FileExtension": extension if dot else None,
        "FileType": _FILE_TYPES.get(extension.lower(), "UNKNOWN") if dot else "UNKNOWN",
        "Title": row.get("Title")
        or (stem or filename or str(row["PathOnClient"]))[:_LONGEST_TITLE],
        "VersionDataUrl": f"/sfc/servlet.shepherd/version/download/{row['Id']!s}",
    }


def _attachment(saving: Saving) -> Row:
    body = saving.row.get("Body")
    return {"BodyLength": len(body)} if isinstance(body, bytes | memoryview) else {}


_LONGEST_TITLE: Final = 255
_FOLDERS: Final = re.compile(r".*[/\\]", re.DOTALL)
_FILE_TYPES: Final = {
    "bmp": "BMP",
    "csv": "CSV",
    "doc": "WORD",
    "docx": "WORD_X",
    "gif": "GIF",
    "htm": "HTML",
    "html": "HTML",
    "jpeg": "JPG",
    "jpg": "JPG",
    "json": "JSON",
    "mp3": "MP3",
    "mp4": "MP4",
    "pdf": "PDF",
    "png": "PNG",
    "ppt": "POWER_POINT",
    "pptx": "POWER_POINT_X",
    "rtf": "RTF",
    "svg": "SVG",
    "txt": "TEXT",
    "xls": "EXCEL",
    "xlsx": "EXCEL_X",
    "xml": "XML",
    "zip": "ZIP",
}
_RULES: Final[Mapping[str, Rule]] = {
    "Attachment": _attachment,
    "CampaignMember": sales.campaign_member,
    "Case": _case,
    "ContentVersion": _content_version,
    "Event": activities.event,
    "Opportunity": _opportunity,
    "OpportunityLineItem": sales.opportunity_line_item,
    "PricebookEntry": sales.pricebook_entry,
    "Task": activities.task,
    "User": users.user,
}
