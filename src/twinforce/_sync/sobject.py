# Generated from src/twinforce/_async/sobject.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Operations on records, one request each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .._core import operations
from .._core.json import Record
from .._core.replies import UpsertResult
from .._core.urls import ExternalId
from .session import Session


class SObject:
    """Creates, gets, updates, upserts and deletes records, one request each.

    All methods raise the failure that Salesforce answers (see :mod:`twinforce.errors`), and
    ``TypeError`` or ``ValueError`` for input that cannot be sent.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(self, sobject: str, data: Mapping[str, object]) -> str:
        """Create a record from *data*, its fields by API name, and return its id."""
        return self._session.run(operations.create(sobject, data))

    def get(
        self,
        sobject: str,
        id: ExternalId,
        *,
        fields: Iterable[str] | None = None,
        external_id_field: str | None = None,
    ) -> Record:
        """Return a record, with all its fields or those named by *fields*.

        *id* is the record id, or the external id if *external_id_field* names its field.
        """
        return self._session.run(
            operations.get(sobject, id, fields=fields, external_id_field=external_id_field)
        )

    def update(
        self,
        sobject: str,
        id: ExternalId,
        data: Mapping[str, object],
        *,
        external_id_field: str | None = None,
    ) -> None:
        """Update the fields in *data*; None empties a field.

        *id* is the record id, or the external id if *external_id_field* names its field; nothing
        is created in either case.
        """
        self._session.run(operations.update(sobject, id, data, external_id_field=external_id_field))

    def upsert(
        self,
        sobject: str,
        external_id_field: str,
        data: Mapping[str, object],
        *,
        external_id: ExternalId | None = None,
        update_only: bool = False,
    ) -> UpsertResult:
        """Update the record with an external id, or create it if there is none.

        The external id is that in *data*, or *external_id* if *data* has none. With
        *update_only*, nothing is created.
        """
        return self._session.run(
            operations.upsert(
                sobject, external_id_field, data, external_id=external_id, update_only=update_only
            )
        )

    def delete(self, sobject: str, id: ExternalId, *, external_id_field: str | None = None) -> None:
        """Delete a record.

        *id* is the record id, or the external id if *external_id_field* names its field.
        """
        self._session.run(operations.delete(sobject, id, external_id_field=external_id_field))
