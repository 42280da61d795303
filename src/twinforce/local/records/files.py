"""Files: a ContentDocument and its ContentVersions, of which the latest is what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..schema import Schema, SObject
from ..store.tables import Row, Store

VERSION: Final = "ContentVersion"
DOCUMENT: Final = "ContentDocument"
LINK: Final = "ContentDocumentLink"

_NEEDED: Final = ("VersionData", "PathOnClient")
# What somebody may change in the document or in its latest version, and is changed in both.
_IN_BOTH: Final = ("Title", "Description", "SharingOption", "SharingPrivacy")
_OF_THE_LATEST: Final = (
    *_IN_BOTH,
    "ContentModifiedDate",
    "ContentSize",
    "FileExtension",
    "FileType",
    "LastModifiedById",
    "LastModifiedDate",
    "PublishStatus",
    "SystemModstamp",
)


class Files:
    """Keeps documents and versions in step; *insert* stores a record, and returns its id."""

    def __init__(self, schema: Schema, store: Store, insert: Callable[[SObject, Row], str]) -> None:
        self._version = schema[VERSION]
        self._document = schema[DOCUMENT]
        self._link = schema[LINK]
        self._store = store
        self._insert = insert

    def missing(self, version: Row) -> list[str]:
        """Name what a new version cannot do without, though describe calls it nillable."""
        return [name for name in _NEEDED if version.get(name) is None]

    def create(self, version: Row) -> str:
        """Store a new version, of the document that it names or of a new one."""
        document_id = version.get("ContentDocumentId")
        earlier: list[str] = []
        if isinstance(document_id, str):
            belongs_to = self._version.field("ContentDocumentId")
            assert belongs_to is not None  # noqa: S101 - it stands in the table
            earlier = self._store.find(self._version, belongs_to, document_id)
        else:
            document_id = self._insert(self._document, {"Title": str(version["PathOnClient"])})
        for version_id in earlier:
            self._store.update(self._version, version_id, {"IsLatest": 0})
        number = str(len(earlier) + 1)
        version_id = self._insert(
            self._version, {**version, "ContentDocumentId": document_id, "VersionNumber": number}
        )
        saved = self._store.get(self._version, version_id) or {}
        shown = {name: saved[name] for name in _OF_THE_LATEST}
        latest: Row = {**shown, "LatestPublishedVersionId": version_id}
        self._store.update(self._document, document_id, latest)
        if not earlier:
            self._share(document_id, saved)
        return version_id

    def _share(self, document_id: str, version: Row) -> None:
        """Link a new document to its owner, and to the record where it is published first."""
        for entity, share_type in (("OwnerId", "I"), ("FirstPublishLocationId", "V")):
            if version.get(entity) is not None:
                link: Row = {
                    "ContentDocumentId": document_id,
                    "LinkedEntityId": version[entity],
                    "ShareType": share_type,
                    "Visibility": "AllUsers",
                }
                self._insert(self._link, link)

    def updated(self, sobject: SObject, row: Row, changes: Row) -> None:
        """Do to the document what was done to its latest version, and the other way round."""
        shared: Row = {name: changes[name] for name in _IN_BOTH if name in changes}
        if not shared:
            return
        if sobject is self._version and row["IsLatest"]:
            self._store.update(self._document, str(row["ContentDocumentId"]), shared)
        elif sobject is self._document:
            self._store.update(self._version, str(row["LatestPublishedVersionId"]), shared)
