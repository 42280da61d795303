"""What calls of records have in common: which record they bring, and which they get."""

from __future__ import annotations

import re
from typing import Any, Final

import attrs

from ..errors import ApiError
from ..records.intake import DuplicateOptions, RecordData
from ..records.records import Records
from ..records.refusals import no_such_column
from ..records.shapes import attributes, blob_url, field_json
from ..schema import Field, SObject
from ..server.http import JSON, Call, Reply
from . import multipart

MIN_PAGE: Final = 200
MAX_PAGE: Final = 2000


def record_data(call: Call) -> RecordData:
    """Return the record that *call* brings, as JSON or as a multipart message."""
    if multipart.is_multipart(call):
        call = _unpacked(call)
    return RecordData(call.json_object(), call.body, call.blobs, _duplicate_options(call))


def _duplicate_options(call: Call) -> DuplicateOptions:
    """Read ``Sforce-Duplicate-Rule-Header: allowSave=true; includeRecordDetails=true``."""
    header = call.headers.get("sforce-duplicate-rule-header", "").lower()
    options = {part.strip().replace(" ", "") for part in re.split("[;,]", header)}
    return DuplicateOptions(
        "allowsave=true" in options, "includerecorddetails=true" in options, call.version
    )


def _unpacked(call: Call) -> Call:
    """Return the call that a multipart message means: its JSON, and the binary part with it.

    Files are binary, also those that hold JSON.
    """
    try:
        found = multipart.parts_of(call)
    except multipart.BrokenMultipartError as error:
        raise _invalid(f"The multipart message cannot be read: {error}") from None
    # Usually the JSON is the first part, but some clients send the file first.
    records = [part for part in found if part.is_json and not part.is_file]
    if not records and found and found[0].is_json:
        records = found[:1]
    if not records:
        raise _invalid("Multipart message must include a non-binary part")
    if len(records) > 1:
        raise _invalid("Cannot include more than one non-binary part")
    [first] = records
    others = [part for part in found if part is not first]
    if len(others) > 1:
        raise _invalid("Cannot include more than one binary part")
    blobs: dict[str, memoryview] = {}
    for part in others:
        if not part.name:
            raise _invalid("The binary part must have the name of its field")
        blobs[part.name] = part.content
    headers = {**call.headers, "content-type": JSON}
    return attrs.evolve(call, headers=headers, body=bytes(first.content), blobs=blobs)


def _invalid(message: str) -> ApiError:
    return ApiError("INVALID_MULTIPART_REQUEST", message)


def record_reply(records: Records, sobject: SObject, record_id: str, call: Call) -> Reply:
    """Answer with a record and the fields of it that *call* wants. Raises ApiError (404)."""
    row = records.get(sobject, record_id)
    record: dict[str, Any] = {"attributes": attributes(sobject, record_id, call.version)}
    for field in wanted_fields(sobject, call):
        record[field.name] = (
            blob_url(sobject, record_id, field, call.version)
            if field.is_blob
            else field_json(field, row)
        )
    record.setdefault("Id", record_id)
    return Reply(200, record)


def wanted_fields(sobject: SObject, call: Call) -> list[Field]:
    """Return the fields that ``?fields=`` names; all of them without it."""
    names = [name.strip() for name in call.query.get("fields", "").split(",") if name.strip()]
    if not names:
        return list(sobject.fields)
    wanted = []
    for name in names:
        field = sobject.field(name)
        if field is None:
            raise no_such_column(name, sobject)
        wanted.append(field)
    return wanted


def page_size(call: Call) -> int | None:
    """Read ``Sforce-Query-Options: batchSize=500``, a hint that Salesforce bounds."""
    for option in call.headers.get("sforce-query-options", "").split(","):
        name, _, value = option.partition("=")
        if name.strip().lower() == "batchsize" and value.strip().isdecimal():
            # However many digits there are, float reads them, as infinity if need be.
            return int(max(MIN_PAGE, min(MAX_PAGE, float(value))))
    return None
