"""What is added to an org's schema: by a declaration in Python, or from source."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from .. import arguments
from ..errors import ApiError
from .declare import check_owner, custom_field, custom_object, with_parts
from .fields import Field
from .remembered import RememberedFields
from .sobjects import RecordType, Schema, SObject, record_type_field

if TYPE_CHECKING:
    from ..store.tables import Store

_FIRST_CUSTOM_PREFIX: Final = 36 * 36 * 10  # "a00" in base 36
_BASE_36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_MOST_MASTERS: Final = 2
_MOST_FIELDS: Final = 900  # the limit that no edition and no package is beyond

_log: Final = logging.getLogger("twinforce.local")


@attrs.frozen
class LoadedMetadata:
    """What :meth:`twinforce.local.LocalOrg.load_metadata` did.

    *objects* and *fields* (as ``Account.Rating__c``) are what the org has now; *skipped* says what
    it did not take, each with the file and the reason.
    """

    objects: tuple[str, ...]
    fields: tuple[str, ...]
    skipped: tuple[str, ...]


class Declarations:
    """Adds custom objects and fields to *schema*, and makes room for their values in *store*."""

    def __init__(self, schema: Schema, store: Store) -> None:
        self._schema = schema
        self._store = store
        self._remembered = RememberedFields(store)
        schema.record_types = self._record_types

    def sobject(self, name: str, what: str) -> SObject:
        """Find the sObject that an argument, called *what* in errors, means."""
        sobject = self._schema.get(arguments.text(what, name))
        if sobject is None:
            message = f"there is no sobject {name!r}; declare it with add_object() first"
            raise ValueError(message)
        return sobject

    def add_object(self, name: str, **options: Any) -> None:
        sobject = custom_object(name, **options)
        if self._is_new(sobject):
            with self._changing():
                self._put_object(sobject)
                self._store.prepare(sobject)

    def add_field(
        self, sobject: str, name: str, kind: str, options: Mapping[str, Any], **more: Any
    ) -> None:
        owner = self.sobject(sobject, "the name of an sobject")
        if options.get("reference_to") is not None:
            parent = self.sobject(options["reference_to"], f"reference_to of {name}")
            options = {**options, "reference_to": parent.name}
        field = custom_field(name, kind, options=options, **more)
        check_owner(owner.name, name, kind)
        self._check_field(owner, field, owner.fields)
        _check_number(owner, [field])
        self._check_children([(owner.name, field)])
        if owner.declared(field.name) is None:
            with self._changing():
                self._put_fields(owner, [field])
                self._store.prepare(owner)

    def load(
        self, folders: Iterable[Path], create: Callable[[SObject, dict[str, Any]], object]
    ) -> LoadedMetadata:
        """Add what the source in *folders* declares: all of it, or nothing where it is refused.

        *create* makes a record; record types are records.
        """
        from .metadata import Metadata
        from .source import read_source

        metadata = Metadata(read_source(*folders), self._schema)
        new = {sobject.name: sobject for sobject in metadata.objects if self._is_new(sobject)}
        for name, fields in metadata.fields.items():
            owner = new.get(name) or self._schema[name]
            for field in fields:
                self._check_field(owner, field, (*owner.fields, *fields))
            _check_number(owner, fields)
        self._check_children(
            [(name, field) for name, fields in metadata.fields.items() for field in fields]
        )
        with self._changing():
            for sobject in new.values():
                self._put_object(sobject)
            for name, fields in metadata.fields.items():
                self._put_fields(self._schema[name], fields)
            for values in metadata.record_types:
                owner = self._schema[values["SobjectType"]]
                if owner.field("RecordTypeId") is None:
                    owner.put(record_type_field())
            typed = (values["SobjectType"] for values in metadata.record_types)
            for name in dict.fromkeys((*new, *metadata.fields, *typed)):
                self._store.prepare(self._schema[name])
            for values in metadata.record_types:
                self._add_record_type(values, create)
            for name, field in metadata.replaced:
                self._schema[name].put(field)
        for reason in metadata.skipped:
            _log.warning("not taken from source: %s", reason)
        return LoadedMetadata(
            tuple(sobject.name for sobject in metadata.objects),
            tuple(
                f"{name}.{field.name}" for name, some in metadata.fields.items() for field in some
            ),
            tuple(metadata.skipped),
        )

    def _record_types(self, sobject: SObject) -> list[RecordType]:
        rows = self._store.rows(
            'SELECT "Id", "Name", "DeveloperName", "IsActive" FROM "RecordType" '
            'WHERE "SobjectType" = ? ORDER BY "Name"',
            (sobject.name,),
        )
        return [RecordType(id, name, known_as, bool(active)) for id, name, known_as, active in rows]

    def _add_record_type(
        self, values: dict[str, Any], create: Callable[[SObject, dict[str, Any]], object]
    ) -> None:
        owner = self._schema[values["SobjectType"]]
        known = {record_type.developer_name for record_type in self._record_types(owner)}
        if values["DeveloperName"] in known:
            return
        try:
            create(self._schema["RecordType"], values)
        except ApiError as error:  # a rule of the user's refuses it
            message = f"the record type {values['DeveloperName']} of {owner.name}: {error.message}"
            raise ValueError(message) from error

    def _is_new(self, sobject: SObject) -> bool:
        """Tell whether *sobject* is not there yet. Raises ValueError for another of its name."""
        known = self._schema.get(sobject.name)
        if known is None:
            return True
        same = (known.label, known.label_plural, known.declared("Name")) == (
            sobject.label,
            sobject.label_plural,
            sobject.declared("Name"),
        )
        if not same:
            message = f"{sobject.name} has been declared already, and differently"
            raise ValueError(message)
        return False

    def _check_field(self, owner: SObject, field: Field, others: Iterable[Field]) -> None:
        known = owner.declared(field.name)
        if known is not None and known != field:
            message = f"{owner.name}.{known.name} has been declared already, and differently"
            raise ValueError(message)
        if field.custom and _is_master(field):
            masters = {other.name for other in others if _is_master(other)} | {field.name}
            if not owner.custom or len(masters) > _MOST_MASTERS:
                message = (
                    f"{owner.name}.{field.name} cannot be a MasterDetail: only custom objects have "
                    f"them, at most {_MOST_MASTERS} each"
                )
                raise ValueError(message)

    def _check_children(self, added: Iterable[tuple[str, Field]]) -> None:
        """Raise ValueError if a parent would call two kinds of children the same."""
        taken = {
            (parent.lower(), field.child_relationship_name.lower()): f"{sobject.name}.{field.name}"
            for sobject in self._schema
            for field in sobject.fields
            for parent in field.reference_to
            if field.child_relationship_name is not None
        }
        for owner, field in added:
            if field.child_relationship_name is None:
                continue
            path = f"{owner}.{field.name}"
            for parent in field.reference_to:
                key = (parent.lower(), field.child_relationship_name.lower())
                other = taken.setdefault(key, path)
                if other != path:
                    message = (
                        f"{path}: {parent} has children that are called "
                        f"{field.child_relationship_name} already, by {other}"
                    )
                    raise ValueError(message)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change the schema and its tables, both or neither.

        A block may be within a transaction that is undone later: a rule may declare, and refuse.
        """
        with self._store.transaction():
            self._store.if_undone(self._schema.restorer())
            yield

    def _put_object(self, sobject: SObject) -> None:
        name = f"key prefix of {sobject.name.lower()}"
        sobject.key_prefix = _key_prefix(self._store.number_of(name, "custom objects") - 1)
        self._schema.add(sobject)

    def _put_fields(self, owner: SObject, fields: Iterable[Field]) -> None:
        for field in fields:
            if owner.declared(field.name) is not None:
                continue
            self._remembered.take(owner, field)
            for part in with_parts(field):
                owner.put(part)
            if _is_master(field):
                owner.remove("OwnerId")  # a detail is its master's owner's


def _check_number(owner: SObject, added: Iterable[Field]) -> None:
    """Raise ValueError if with *added* there are more custom fields than Salesforce allows."""
    names = {field.name.lower() for field in owner.fields if field.custom}
    names.update(part.name.lower() for field in added for part in with_parts(field))
    if len(names) > _MOST_FIELDS:
        message = (
            f"{owner.name} would have {len(names):,} custom fields; Salesforce allows "
            f"{_MOST_FIELDS}, of which a Location takes three"
        )
        raise ValueError(message)


def _is_master(field: Field) -> bool:
    return field.custom and field.cascade_delete and not field.nillable


def _key_prefix(number: int) -> str:
    """Return the key prefix of the custom object with this number: a00, a01, … a0z, a10 …."""
    digits = ""
    value = _FIRST_CUSTOM_PREFIX + number
    for _ in range(3):
        value, digit = divmod(value, 36)
        digits = _BASE_36[digit] + digits
    return digits
