# Generated from src/twinforce/_async/sobject.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Operations on records and their sObjects, one request each."""

from __future__ import annotations

from collections.abc import Iterable

from .._core import operations
from .._core.blobs import Content
from .._core.json import Record
from .._core.operations import Data
from .._core.replies import Describe, QueryPage, UpsertResult
from .._core.urls import ExternalId
from .session import Session


class SObject:
    """Creates, gets, updates, upserts, deletes and describes, one request each.

    *data*, the fields of a record by API name, is a dict or another mapping, an instance of a
    dataclass or an attrs class, or a str of JSON. All methods raise the failure that Salesforce
    answers (see :mod:`twinforce.errors`), and ``TypeError`` or ``ValueError`` for input that cannot
    be sent.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(self, sobject: str, data: Data) -> str:
        """Create a record from *data*, its fields by API name, and return its id."""
        return self._session.run(operations.create(sobject, data, json=self._session.json))

    def create_with_blob(
        self, sobject: str, data: Data, *, blob_field: str, content: Content, filename: str
    ) -> str:
        """Create a record with binary data in *blob_field* and return its id.

        *content* is bytes, or a file that was opened to read bytes; it is read piece by piece.
        Source: REST API Developer Guide, Insert or Update Blob Data.
        """
        operation = operations.create_with_blob(
            sobject,
            data,
            blob_field=blob_field,
            content=content,
            filename=filename,
            json=self._session.json,
        )
        return self._session.run(operation)

    def get(
        self,
        sobject: str,
        id: ExternalId,
        *,
        fields: Iterable[str] | None = None,
        external_id_field: str | None = None,
        attributes: bool = True,
    ) -> Record:
        """Return a record, with all its fields or those named by *fields*.

        *id* is the record id, or the external id if *external_id_field* names its field. Without
        *attributes*, the record holds its fields only.
        """
        operation = operations.get(
            sobject, id, fields=fields, external_id_field=external_id_field, attributes=attributes
        )
        return self._session.run(operation)

    def get_related(
        self,
        sobject: str,
        id: str,
        relationship: str,
        *,
        fields: Iterable[str] | None = None,
        attributes: bool = True,
    ) -> Record | list[Record]:
        """Return what a *relationship* of a record leads to (since v36.0).

        That is one record (``Account`` of a Contact), or the list of all that look up to it
        (``Contacts`` of an Account). Source: REST API Developer Guide, sObject Relationships.
        """
        operation = operations.get_related(
            sobject, id, relationship, fields=fields, attributes=attributes
        )
        found = self._session.run(operation)
        records: list[Record] = []
        known = set[str | None]()
        while isinstance(found, QueryPage):
            found.check_progress(known)
            records += found.records
            if found.next_path is None:
                return records
            known.add(found.next_path)
            found = self._session.run(operations.next_page(found.next_path, operation))
        return found

    def update(
        self,
        sobject: str,
        id: ExternalId,
        data: Data,
        *,
        external_id_field: str | None = None,
    ) -> None:
        """Update the fields in *data*; None empties a field.

        *id* is the record id, or the external id if *external_id_field* names its field; nothing
        is created in either case.
        """
        operation = operations.update(
            sobject, id, data, external_id_field=external_id_field, json=self._session.json
        )
        self._session.run(operation)

    def update_with_blob(
        self,
        sobject: str,
        id: str,
        data: Data,
        *,
        blob_field: str,
        content: Content,
        filename: str,
    ) -> None:
        """Update a record and the binary data in its *blob_field*; see :meth:`create_with_blob`."""
        operation = operations.update_with_blob(
            sobject,
            id,
            data,
            blob_field=blob_field,
            content=content,
            filename=filename,
            json=self._session.json,
        )
        self._session.run(operation)

    def upsert(
        self,
        sobject: str,
        external_id_field: str,
        data: Data,
        *,
        external_id: ExternalId | None = None,
        update_only: bool = False,
    ) -> UpsertResult:
        """Update the record with an external id, or create it if there is none.

        The external id is that in *data*, or *external_id* if *data* has none. With
        *update_only*, nothing is created.
        """
        operation = operations.upsert(
            sobject,
            external_id_field,
            data,
            external_id=external_id,
            update_only=update_only,
            json=self._session.json,
        )
        return self._session.run(operation)

    def delete(self, sobject: str, id: ExternalId, *, external_id_field: str | None = None) -> None:
        """Delete a record.

        *id* is the record id, or the external id if *external_id_field* names its field.
        """
        self._session.run(operations.delete(sobject, id, external_id_field=external_id_field))

    def describe(self, sobject: str) -> Describe:
        """Return the description of an sObject: its fields, relationships and more."""
        return self._session.run(operations.describe(sobject))

    def describe_global(self) -> Describe:
        """Return the list of all sObjects of the org, under ``sobjects``."""
        return self._session.run(operations.describe_global())
