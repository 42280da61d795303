"""Collects the subrequests of a batch: what users may put into one, checked when it is put in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from . import children, operations, urls
from .blobs import Binary, Content
from .json import Json
from .operations import Data, Operation
from .subrequests import (
    ActionSubrequest,
    CreateSubrequest,
    DeleteSubrequest,
    DescribeSubrequest,
    GetSubrequest,
    LimitsSubrequest,
    QuerySubrequest,
    RelatedSubrequest,
    RequestSubrequest,
    SearchSubrequest,
    Subrequest,
    SubrequestState,
    UpdateSubrequest,
    UpsertSubrequest,
)
from .urls import ExternalId

AnySubrequest = Subrequest[Any]
S = TypeVar("S", bound=AnySubrequest)


class BatchBuilder:
    """Collects subrequests and keeps their order.

    The *version* of a subrequest is that of the batch, unless it has its own, which is not newer.
    """

    def __init__(self, version: str, json: Json) -> None:
        self.version = version
        self.json = json
        self._subrequests: list[AnySubrequest] = []

    # Made anew each time: a batch that holds what holds it would keep all its results in memory
    # until the garbage collector comes round.

    @property
    def sobject(self) -> BatchSObject:
        """Subrequests on records and their sObjects."""
        return BatchSObject(self)

    @property
    def actions(self) -> BatchActions:
        """Subrequests that invoke actions."""
        return BatchActions(self)

    def query(
        self,
        soql: str,
        include_all_records: bool = False,
        *,
        first_page_only: bool = False,
        attributes: bool = True,
        version: str | None = None,
    ) -> QuerySubrequest:
        """Add a query.

        All its pages are fetched when the batch is executed, those of lists of children too, unless
        *first_page_only*. With *include_all_records*, deleted and archived records are found too
        (``queryAll``). Without *attributes*, records hold their fields only.
        """
        operation = operations.query(
            soql, include_all_records=include_all_records, attributes=attributes
        )
        operations.flag(first_page_only, "first_page_only")
        kind = partial(
            QuerySubrequest,
            first_page_only=first_page_only,
            with_children=not first_page_only and children.may_be_selected(soql),
        )
        return self.add(kind, operation, version)

    def search(
        self, sosl: str, *, attributes: bool = True, version: str | None = None
    ) -> SearchSubrequest:
        """Add a search with SOSL. Without *attributes*, records hold their fields only."""
        return self.add(SearchSubrequest, operations.search(sosl, attributes=attributes), version)

    def limits(self, *, version: str | None = None) -> LimitsSubrequest:
        """Add a look at the limits of the org."""
        return self.add(LimitsSubrequest, operations.limits(), version)

    def request(
        self, method: str, url: str, body: object = None, *, binary: Binary | None = None
    ) -> RequestSubrequest:
        """Add any other request that a batch may carry.

        *url* is a path below the version (``limits``), or one that names its version:
        ``v67.0/limits``, ``/v67.0/limits``, ``/services/data/v67.0/limits``; values in it must be
        percent-encoded. *body* becomes JSON. With *binary*, the batch is sent in several parts.
        """
        operation = operations.request(method, url, body, binary=binary, json=self.json)
        return self.add(RequestSubrequest, operation, None)

    def add(
        self,
        kind: Callable[[Operation[Any], int], S],
        operation: Operation[Any],
        version: str | None,
    ) -> S:
        """Put a subrequest of this *kind* at the end. For builders; users call what they mean."""
        if version is not None or operation.version is not None or operation.since is not None:
            operation = operation.within(self.version, version)
        subrequest = kind(operation, len(self._subrequests))
        self._subrequests.append(subrequest)
        return subrequest

    @property
    def subrequests(self) -> tuple[AnySubrequest, ...]:
        """All subrequests, in the order in which they were added."""
        return tuple(self._subrequests)

    def __len__(self) -> int:
        return len(self._subrequests)

    def __iter__(self) -> Iterator[AnySubrequest]:
        return iter(self.subrequests)

    @property
    def succeeded(self) -> tuple[AnySubrequest, ...]:
        """The subrequests that succeeded."""
        return self._in_state(SubrequestState.SUCCEEDED)

    @property
    def failed(self) -> tuple[AnySubrequest, ...]:
        """The subrequests that failed; those that were only halted are not among them."""
        return self._in_state(SubrequestState.FAILED)

    @property
    def halted(self) -> tuple[AnySubrequest, ...]:
        """The subrequests that were not executed because one before them failed."""
        return self._in_state(SubrequestState.HALTED)

    @property
    def unknown(self) -> tuple[AnySubrequest, ...]:
        """The subrequests that were sent and got no usable answer."""
        return self._in_state(SubrequestState.UNKNOWN)

    @property
    def has_errors(self) -> bool:
        """Whether any subrequest failed, was halted, or has an unknown outcome."""
        return any(subrequest.error is not None for subrequest in self._subrequests)

    def __repr__(self) -> str:
        counts = {state: len(self._in_state(state)) for state in SubrequestState}
        shown = ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)
        return f"<{type(self).__name__}: {shown or 'empty'}>"

    def _in_state(self, state: SubrequestState) -> tuple[AnySubrequest, ...]:
        return tuple(item for item in self._subrequests if item.state is state)


class BatchSObject:
    """Adds subrequests on records, and on their sObjects, to a batch."""

    def __init__(self, batch: BatchBuilder) -> None:
        self._batch = batch

    def create(self, sobject: str, data: Data, *, version: str | None = None) -> CreateSubrequest:
        """Add the creation of a record from *data*, its fields by API name.

        Wherever data is taken, it is a dict or another mapping, an instance of a dataclass or an
        attrs class, or a str of JSON.
        """
        operation = operations.create(sobject, data, json=self._batch.json)
        return self._batch.add(CreateSubrequest, operation, version)

    def create_with_blob(
        self,
        sobject: str,
        data: Data,
        *,
        blob_field: str,
        content: Content,
        filename: str,
        version: str | None = None,
    ) -> CreateSubrequest:
        """Add the creation of a record with binary data in *blob_field*, such as ``VersionData``.

        *content* is bytes, or a file that was opened to read bytes and stays open: it is read piece
        by piece when the batch is executed.
        """
        operation = operations.create_with_blob(
            sobject,
            data,
            blob_field=blob_field,
            content=content,
            filename=filename,
            json=self._batch.json,
        )
        return self._batch.add(CreateSubrequest, operation, version)

    def get(
        self,
        sobject: str,
        id: ExternalId,
        *,
        fields: Iterable[str] | None = None,
        external_id_field: str | None = None,
        attributes: bool = True,
        version: str | None = None,
    ) -> GetSubrequest:
        """Add the retrieval of a record, with all its fields or those named by *fields*.

        *id* is the record id, or the external id if *external_id_field* names its field. Without
        *attributes*, the record holds its fields only.
        """
        operation = operations.get(
            sobject, id, fields=fields, external_id_field=external_id_field, attributes=attributes
        )
        return self._batch.add(GetSubrequest, operation, version)

    def get_related(
        self,
        sobject: str,
        id: str,
        relationship: str,
        *,
        fields: Iterable[str] | None = None,
        attributes: bool = True,
        version: str | None = None,
    ) -> RelatedSubrequest:
        """Add the retrieval of what a *relationship* of a record leads to (since v36.0).

        That is one record (``Account`` of a Contact), or all that look up to it (``Contacts`` of an
        Account). Source: REST API Developer Guide, sObject Relationships.
        """
        operation = operations.get_related(
            sobject, id, relationship, fields=fields, attributes=attributes
        )
        return self._batch.add(RelatedSubrequest, operation, version)

    def update(
        self,
        sobject: str,
        id: ExternalId,
        data: Data,
        *,
        external_id_field: str | None = None,
        version: str | None = None,
    ) -> UpdateSubrequest:
        """Add the update of the fields in *data*; None empties a field.

        *id* is the record id, or the external id if *external_id_field* names its field; nothing
        is created in either case.
        """
        operation = operations.update(
            sobject, id, data, external_id_field=external_id_field, json=self._batch.json
        )
        kind = partial(UpdateSubrequest, id=_given(id, external_id_field))
        return self._batch.add(kind, operation, version)

    def update_with_blob(
        self,
        sobject: str,
        id: str,
        data: Data,
        *,
        blob_field: str,
        content: Content,
        filename: str,
        version: str | None = None,
    ) -> UpdateSubrequest:
        """Add the update of a record and the binary data in its *blob_field*.

        See :meth:`create_with_blob` for *content*.
        """
        operation = operations.update_with_blob(
            sobject,
            id,
            data,
            blob_field=blob_field,
            content=content,
            filename=filename,
            json=self._batch.json,
        )
        return self._batch.add(partial(UpdateSubrequest, id=_given(id)), operation, version)

    def upsert(
        self,
        sobject: str,
        external_id_field: str,
        data: Data,
        *,
        external_id: ExternalId | None = None,
        update_only: bool = False,
        version: str | None = None,
    ) -> UpsertSubrequest:
        """Add the update of the record with an external id, or its creation if there is none.

        The external id is that in *data*, or *external_id* if *data* has none. With
        *update_only*, nothing is created.
        """
        operation = operations.upsert(
            sobject,
            external_id_field,
            data,
            external_id=external_id,
            update_only=update_only,
            json=self._batch.json,
        )
        return self._batch.add(UpsertSubrequest, operation, version)

    def delete(
        self,
        sobject: str,
        id: ExternalId,
        *,
        external_id_field: str | None = None,
        version: str | None = None,
    ) -> DeleteSubrequest:
        """Add the deletion of a record.

        *id* is the record id, or the external id if *external_id_field* names its field.
        """
        operation = operations.delete(sobject, id, external_id_field=external_id_field)
        kind = partial(DeleteSubrequest, id=_given(id, external_id_field))
        return self._batch.add(kind, operation, version)

    def describe(self, sobject: str, *, version: str | None = None) -> DescribeSubrequest:
        """Add the description of an sObject: its fields, relationships and more."""
        return self._batch.add(DescribeSubrequest, operations.describe(sobject), version)

    def describe_global(self, *, version: str | None = None) -> DescribeSubrequest:
        """Add the list of all sObjects of the org."""
        return self._batch.add(DescribeSubrequest, operations.describe_global(), version)


class BatchActions:
    """Adds invocations of actions to a batch."""

    def __init__(self, batch: BatchBuilder) -> None:
        self._batch = batch

    def invoke(
        self,
        action: str,
        inputs: Data | Sequence[Data] | None = None,
        *,
        version: str | None = None,
    ) -> ActionSubrequest:
        """Add the invocation of an *action*, ``standard/…`` or ``custom/…`` (since v35.0).

        *inputs* are its input values: those of one invocation, or a list of them. It has failed if
        one of them did (``isSuccess: false``). Source: Actions Developer Guide.
        """
        operation = operations.invoke(action, inputs, json=self._batch.json)
        return self._batch.add(ActionSubrequest, operation, version)


def _given(id: ExternalId, external_id_field: str | None = None) -> str | None:
    return urls.record_id(id) if external_id_field is None else None
