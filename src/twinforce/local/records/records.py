"""Creating, changing and deleting records, with everything that Salesforce checks on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final

from ..errors import ApiError, no_such_external_id, resource_not_found
from ..schema import Field, Schema, SObject
from ..store.ids import long_id, looks_like_id, make_id
from ..store.tables import Row, Store
from ..store.values import datetime_text, stored_value
from . import refusals
from .deleting import Deletion
from .duplicates import DuplicateRules
from .files import VERSION, Files
from .intake import DuplicateOptions, RecordData, checked
from .references import References
from .rollups import Rollups
from .rules import derived
from .shapes import record_json
from .validation import Change, ValidationRules

_NO_OPTIONS: Final = DuplicateOptions()
# Of two lookups together, a record may be the only one; the third is what Salesforce says then.
_UNIQUE_PAIRS: Final = {
    "CampaignMember": (
        ("CampaignId", "LeadId", "Already a campaign member."),
        ("CampaignId", "ContactId", "Already a campaign member."),
    ),
    "PricebookEntry": (
        (
            "Pricebook2Id",
            "Product2Id",
            "This price definition already exists in this price book",
        ),
    ),
}


class Records:
    """The records of an org. *user_id* is who creates and changes them; *clock* tells when.

    Whoever signs in acts, so *user_id* changes from request to request.
    """

    def __init__(
        self, schema: Schema, store: Store, clock: Callable[[], datetime], user_id: str
    ) -> None:
        self._schema = schema
        self._store = store
        self._clock = clock
        self.user_id = user_id
        self._references = References(schema, store)
        self._files = Files(schema, store, self._insert)
        self._rollups = Rollups(schema, store, self._parent)
        self._deletion = Deletion(schema, store, self._rollups)
        self.validation = ValidationRules()
        self.duplicates = DuplicateRules(store)

    def writing(self) -> AbstractContextManager[None]:
        """Let nobody else write while the block finds out what is there, and writes."""
        return self._store.transaction()

    def create(self, sobject: SObject, data: RecordData) -> str:
        """Create a record and return its id. Raises ApiError if the data is refused."""
        if not sobject.createable:
            raise refusals.not_allowed("create", sobject)
        with self._store.transaction():
            values = checked(sobject, data, self._references, creating=True)
            missing = [field.name for field in sobject.required if values.get(field.name) is None]
            if sobject.name == VERSION:
                missing += self._files.missing(values)
            if missing:
                raise refusals.required_missing(missing)
            # Where a field may not be empty, nothing asks for the default, as leaving it out does.
            optional = {field.name for field in sobject.fields if field.nillable}
            given = {k: value for k, value in values.items() if value is not None or k in optional}
            if sobject.name == VERSION:
                return self._files.create(given)
            return self._insert(sobject, given, data.duplicates)

    def update(self, sobject: SObject, record_id: str, data: RecordData) -> None:
        """Change the fields in *data*. Raises ApiError if there is no such record."""
        if not sobject.updateable:
            raise refusals.not_allowed("update", sobject)
        with self._store.transaction():
            values = checked(sobject, data, self._references, creating=False)
            row = self._existing(sobject, record_id)
            emptied = [
                name
                for name, value in values.items()
                if value is None and (field := sobject.field(name)) and not field.nillable
            ]
            if emptied:
                raise refusals.required_missing(emptied)
            self._references.check_hierarchy(sobject, record_id, values)
            now = datetime_text(self._clock())
            changes: Row = {**values, **self._stamp(now)}
            changed = {name for name, value in values.items() if row.get(name) != value}
            changes.update(derived(sobject, {**row, **changes}, changed, now, self._parent))
            changes = _of_fields(sobject, changes)
            self._check_rules(sobject, {**row, **changes}, row, data.duplicates)
            self._check_unique(sobject, changes, record_id)
            self._store.update(sobject, record_id, changes)
            self._files.updated(sobject, row, changes)
            self._rollups.saved(sobject.name, row, {**row, **changes})

    def delete(self, sobject: SObject, record_id: str) -> None:
        """Put a record, and what cannot be without it, into the recycle bin."""
        if not sobject.deletable:
            raise refusals.not_allowed("delete", sobject)
        with self._store.transaction():
            self._existing(sobject, record_id)
            self._deletion.delete(sobject, record_id, self._stamp(datetime_text(self._clock())))

    def find(self, sobject: SObject, field: Field, value: str) -> list[str]:
        """Return the ids of the records whose *field* has *value*, as it stands in a URL."""
        return self._references.find(sobject, field, value)

    def get(self, sobject: SObject, record_id: str) -> Row:
        """Return a record's columns. Raises ApiError (404) if it is not there or was deleted."""
        row = self._store.get(sobject, record_id)
        if row is None or row["IsDeleted"]:
            raise resource_not_found()
        return row

    def recent(self, sobject: SObject, limit: int = 10) -> Iterator[Row]:
        for record_id in self._store.recent(sobject, limit):
            yield self.get(sobject, record_id)

    def blob(self, sobject: SObject, record_id: str, field: Field) -> bytes:
        """Return the binary data in *field*. Raises ApiError (404) if there is none."""
        self.get(sobject, record_id)
        content = self._store.blob(record_id, field)
        if content is None:
            raise resource_not_found()
        return content

    def _existing(self, sobject: SObject, record_id: str) -> Row:
        row = self._store.get(sobject, record_id)
        if row is None:
            raise refusals.invalid_cross_reference(404)
        if row["IsDeleted"]:
            raise refusals.entity_is_deleted()
        return row

    def _parent(self, record_id: object) -> Row | None:
        """Return the record that a lookup refers to, if it does."""
        if not isinstance(record_id, str):
            return None
        sobject = self._schema.by_prefix(record_id[:3])
        return None if sobject is None else self._store.get(sobject, record_id)

    def _insert(
        self, sobject: SObject, values: Row, options: DuplicateOptions = _NO_OPTIONS
    ) -> str:
        now = datetime_text(self._clock())
        record_id = make_id(sobject.key_prefix, self._store.next_number(sobject.key_prefix))
        row: Row = {
            "Id": record_id,
            **self._defaults(sobject),
            **values,
            "CreatedDate": now,
            "CreatedById": self.user_id,
            **self._stamp(now),
        }
        given = {name for name, value in row.items() if value is not None}
        row.update(derived(sobject, row, given, now, self._parent))
        row = _of_fields(sobject, row)
        self._check_rules(sobject, row, None, options)
        self._check_unique(sobject, row, None)
        self._check_pairs(sobject, row)
        self._store.insert(sobject, row)
        self._rollups.saved(sobject.name, None, row)
        return record_id

    def _defaults(self, sobject: SObject) -> Row:
        row: Row = {}
        for field in sobject.fields:
            if field.auto_number is not None:
                number = self._store.next_number(f"{sobject.name}.{field.name}".lower())
                row[field.name] = field.numbered(number, self._clock().date())
            elif field.name == "OwnerId":
                row[field.name] = self.user_id
            elif field.default_value is not None:
                row[field.name] = stored_value(field, field.default_value)
        return row

    def _check_rules(
        self, sobject: SObject, row: Row, before: Row | None, options: DuplicateOptions
    ) -> None:
        """Ask the rules that the org was given whether *row* may be saved."""
        if not self.validation.has(sobject) and not self.duplicates.has(sobject):
            return
        shown = record_json(sobject, row)
        if before is None:
            change = Change({**shown, "Id": None})
        else:
            change = Change(shown, record_json(sobject, before))
        self.validation.check(sobject, change)
        own_id = None if before is None else str(row["Id"])
        self.duplicates.check(sobject, own_id, row, change, options)

    def _check_unique(self, sobject: SObject, values: Row, own_id: str | None) -> None:
        for name, value in values.items():
            field = sobject.field(name)
            if field is None or not field.unique or value is None:
                continue
            for record_id in self._store.find(sobject, field, value):
                if record_id != own_id and name == "Username":
                    raise refusals.duplicate_username()
                if record_id != own_id:
                    raise refusals.duplicate_value(name, record_id)

    def _check_pairs(self, sobject: SObject, values: Row) -> None:
        for first, second, message in _UNIQUE_PAIRS.get(sobject.name, ()):
            field = sobject.field(second)
            if field is None or values.get(second) is None:
                continue
            for record_id in self._store.find(sobject, field, values[second]):
                if (self._store.get(sobject, record_id) or {}).get(first) == values.get(first):
                    raise ApiError("DUPLICATE_VALUE", message, fields=[])

    def _stamp(self, now: str) -> Row:
        """Return the fields that tell of the last change."""
        return {
            "LastModifiedDate": now,
            "LastModifiedById": self.user_id,
            "SystemModstamp": now,
        }


def checked_id(sobject: SObject, text: str, *, of_data: bool = False) -> str:
    """Return *text*, the last part of a record's URL, as an 18 character id of *sobject*.

    *of_data* says that the request brings data for the record, of which the id is a field then.
    Raises ApiError for what is no such id.
    """
    if not looks_like_id(text):
        raise no_such_external_id(text)
    record_id = long_id(text)
    if record_id is None or not record_id.startswith(sobject.key_prefix):
        id_field = sobject.field("Id")
        if of_data and id_field is not None:
            raise refusals.no_such_id(id_field, text)
        raise ApiError("MALFORMED_ID", f"malformed id {text}", fields=["Id"])
    return record_id


def _of_fields(sobject: SObject, row: Row) -> Row:
    """Leave out what *sobject* has no field for; not all have every system field."""
    return {name: value for name, value in row.items() if sobject.field(name) is not None}
