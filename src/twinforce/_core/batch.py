"""What a batch holds and decides: what to send next, and what an answer means for whom.

It sends nothing; that is the part of the twins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from ..errors import (
    AuthorizationError,
    HaltedError,
    InvalidStateError,
    MalformedRequestError,
    MalformedResponseError,
    NotFoundError,
    OutcomeUnknownError,
    SalesforceError,
    TransportError,
)
from . import json, operations, replies
from .http import Response
from .subrequests import (
    CreateSubrequest,
    DeleteSubrequest,
    GetSubrequest,
    QuerySubrequest,
    RequestSubrequest,
    Subrequest,
    SubrequestState,
    UpdateSubrequest,
    UpsertSubrequest,
)
from .urls import ExternalId

MAX_SUBREQUESTS = 25

AnySubrequest = Subrequest[Any]
S = TypeVar("S", bound=AnySubrequest)


class BatchBuilder:
    """Collects subrequests and keeps their order; shared by the batches of both twins."""

    def __init__(
        self, version: str, *, halt_on_error: bool, autoraise: bool, group_errors: bool
    ) -> None:
        options = {
            "halt_on_error": halt_on_error,
            "autoraise": autoraise,
            "group_errors": group_errors,
        }
        for name, option in options.items():
            if not isinstance(option, bool):
                raise TypeError(f"{name} must be True or False, not {option!r}")
        self._version = version
        self._halt_on_error = halt_on_error
        self._autoraise = autoraise
        self._group_errors = group_errors
        self._subrequests: list[AnySubrequest] = []
        self._request_count = 0
        self._idle = [None]
        self._sent: list[AnySubrequest] = []
        self.sobject = BatchSObject(self)
        """Subrequests on records: create, get, update, upsert, delete."""

    def query(
        self, soql: str, include_all_records: bool = False, *, first_page_only: bool = False
    ) -> QuerySubrequest:
        """Add a query.

        All its pages are fetched when the batch is executed, unless *first_page_only*. With
        *include_all_records*, deleted and archived records are found too (``queryAll``).
        """
        operation = operations.query(soql, include_all_records=include_all_records)
        return self.add(
            QuerySubrequest(operation, len(self), first_page_only=first_page_only),
        )

    def request(self, method: str, url: str, body: object = None) -> RequestSubrequest:
        """Add any other request that a batch may carry.

        *url* is a path below the version (``limits``), or one that names its version:
        ``v67.0/limits``, ``/v67.0/limits``, ``/services/data/v67.0/limits``; values in it must be
        percent-encoded. *body* becomes JSON.
        """
        operation = operations.request(method, url, body)
        if operation.version and float(operation.version) > float(self._version):
            raise ValueError(
                f"a subrequest of version {operation.version} does not fit into a batch of version "
                f"{self._version}; it may be older, not newer"
            )
        return self.add(RequestSubrequest(operation, len(self)))

    def add(self, subrequest: S) -> S:
        """Put *subrequest* at the end. For the builders only; users call what they mean."""
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

    @property
    def request_count(self) -> int:
        """How many HTTP requests were sent for this batch, the next pages of queries included."""
        return self._request_count

    def __repr__(self) -> str:
        counts = {state: len(self._in_state(state)) for state in SubrequestState}
        shown = ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)
        return f"<{type(self).__name__}: {shown or 'empty'}>"

    def _in_state(self, state: SubrequestState) -> tuple[AnySubrequest, ...]:
        return tuple(item for item in self._subrequests if item.state is state)

    # What the twins drive.

    @contextmanager
    def _execution(self) -> Iterator[None]:
        """Keep others from executing the batch at the same time; in the end, raise what is due."""
        try:
            self._idle.pop()  # one step, so that of two threads one gets it
        except IndexError:
            raise InvalidStateError(
                "this batch is being executed already; wait for that to end"
            ) from None
        try:
            yield
        finally:
            self._idle[:] = [None]
        self._raise_errors()

    def _flights(self, *, resend_unknown: bool) -> Iterator[Flight]:
        """Give the requests to send, one after the other, each when the one before was answered.

        With *halt_on_error*, a batch in which a subrequest failed stays halted.
        """
        self._sent = [
            item
            for item in self._subrequests
            if item.is_unsent or (resend_unknown and item.state is SubrequestState.UNKNOWN)
        ]
        latest = self._subrequests
        for start in range(0, len(self._sent), MAX_SUBREQUESTS):
            if self._halt_on_error and any(item.halts for item in latest):
                for subrequest in self._sent:
                    if subrequest.is_unsent:
                        subrequest.settle(subrequest.judge(replies.halted()))
                return
            latest = self._sent[start : start + MAX_SUBREQUESTS]
            yield Flight(latest, self._count_request)

    def _count_request(self) -> None:
        self._request_count += 1

    def _envelope(self, flight: Flight) -> bytes:
        items = []
        for operation in (subrequest.operation for subrequest in flight.subrequests):
            item: dict[str, object] = {
                "method": operation.method,
                "url": operation.batch_url(self._version),
            }
            if operation.body is not None:
                item["richInput"] = json.raw(operation.body)
            items.append(item)
        return json.envelope({"haltOnError": self._halt_on_error, "batchRequests": items})

    def _incomplete(self) -> list[QuerySubrequest]:
        """List the queries whose next page is still to be fetched."""
        queries = (item for item in self._subrequests if isinstance(item, QuerySubrequest))
        return [query for query in queries if query.next_path is not None]

    def _page_answered(self, query: QuerySubrequest, response: Response) -> SalesforceError | None:
        """Give *query* its next page; return an error that another try may not meet."""
        if response.status_code != 200:
            error = replies.error_from_response(response, query.describe())
            if not isinstance(error, AuthorizationError | MalformedRequestError | NotFoundError):
                return error
            query.settle(query.refuse_page(error))
            return None
        try:
            query.settle(query.judge_page(replies.parse(response)))
        except MalformedResponseError as error:
            query.settle(query.refuse_page(error))
        return None

    def _raise_errors(self) -> None:
        """Raise what is due when all was sent: doubts, and what *autoraise* promises."""
        unknown = [item for item in self._sent if item.state is SubrequestState.UNKNOWN]
        if unknown:
            raise _outcome_unknown(unknown, unknown[0].error)
        if not self._autoraise:
            return
        errors = [item.error for item in self._subrequests if item.error is not None]
        errors = [error for error in errors if not isinstance(error, HaltedError)] or errors
        if errors and self._group_errors:
            raise ExceptionGroup(f"{len(errors)} of {len(self)} subrequests failed", errors)
        if errors:
            raise errors[0]


class Flight:
    """One request on its way. Its subrequests are in doubt from the departure to an answer.

    So whatever interrupts it, and wherever, nothing is taken for certain that is not.
    """

    def __init__(self, subrequests: list[AnySubrequest], count: Callable[[], None]) -> None:
        self.subrequests = subrequests
        self._count = count

    def depart(self) -> None:
        """Note that the request is handed to the transport."""
        self._count()
        for subrequest in self.subrequests:
            subrequest.depart()

    def stay(self) -> None:
        """Note that nothing of the request was executed."""
        for subrequest in self.subrequests:
            subrequest.stay()

    def land(self, response: Response) -> None:
        """Give each subrequest its answer; raise if there is none to give."""
        name = f"batch of {len(self.subrequests)}"
        if not 200 <= response.status_code < 300:
            error = replies.error_from_response(response, name)
            if replies.is_refusal(error):
                self.stay()
            raise error
        try:
            answers = replies.parse_batch(response, len(self.subrequests))
        except MalformedResponseError as error:
            error.request = name
            raise
        pairs = zip(self.subrequests, answers, strict=True)
        outcomes = [subrequest.judge(reply) for subrequest, reply in pairs]
        for subrequest, outcome in zip(self.subrequests, outcomes, strict=True):
            subrequest.settle(outcome)

    def fail(self, error: BaseException) -> None:
        """Decide what it means for the subrequests in doubt that *error* ended the flight.

        Where nothing can have happened, because the request did not leave or only reads, they
        are as before. Otherwise nobody knows; OutcomeUnknownError says so, unless *error* is an
        interruption or a MalformedResponseError.
        """
        doubtful = [item for item in self.subrequests if item.is_in_flight]
        malformed = isinstance(error, MalformedResponseError)
        if _was_not_sent(error) or (
            not malformed and all(item.operation.reads_only for item in doubtful)
        ):
            self.stay()
            return
        for subrequest in doubtful:
            subrequest.lose(error)
        if doubtful and isinstance(error, Exception) and not malformed:
            raise _outcome_unknown(doubtful, error) from error


def _outcome_unknown(
    subrequests: list[AnySubrequest], reason: BaseException | None
) -> OutcomeUnknownError:
    indexes = ", ".join(str(item.index) for item in subrequests[:3])
    if len(subrequests) > 3:
        indexes += f", … {subrequests[-1].index}"
    return OutcomeUnknownError(
        f"{len(subrequests)} subrequests ({indexes}) were sent, and may or may not have been "
        f"executed: {str(reason) or repr(reason)}. Look in the org, or call "
        "execute(resend_unknown=True) if executing them twice does no harm",
        subrequests=subrequests,
    )


def _was_not_sent(error: BaseException) -> bool:
    # InvalidStateError: the transport was closed, or belongs to another event loop.
    return isinstance(error, InvalidStateError) or (
        isinstance(error, TransportError) and not error.sent
    )


class BatchSObject:
    """Adds subrequests on records to a batch."""

    def __init__(self, batch: BatchBuilder) -> None:
        self._batch = batch

    def create(self, sobject: str, data: Mapping[str, object]) -> CreateSubrequest:
        """Add the creation of a record from *data*, its fields by API name."""
        operation = operations.create(sobject, data)
        return self._batch.add(CreateSubrequest(operation, len(self._batch)))

    def get(
        self,
        sobject: str,
        id: ExternalId,
        *,
        fields: Iterable[str] | None = None,
        external_id_field: str | None = None,
    ) -> GetSubrequest:
        """Add the retrieval of a record, with all its fields or those named by *fields*.

        *id* is the record id, or the external id if *external_id_field* names its field.
        """
        operation = operations.get(sobject, id, fields=fields, external_id_field=external_id_field)
        return self._batch.add(GetSubrequest(operation, len(self._batch)))

    def update(
        self,
        sobject: str,
        id: ExternalId,
        data: Mapping[str, object],
        *,
        external_id_field: str | None = None,
    ) -> UpdateSubrequest:
        """Add the update of the fields in *data*; None empties a field.

        *id* is the record id, or the external id if *external_id_field* names its field; nothing
        is created in either case.
        """
        operation = operations.update(sobject, id, data, external_id_field=external_id_field)
        given = str(id) if external_id_field is None else None
        return self._batch.add(UpdateSubrequest(operation, len(self._batch), id=given))

    def upsert(
        self,
        sobject: str,
        external_id_field: str,
        data: Mapping[str, object],
        *,
        external_id: ExternalId | None = None,
        update_only: bool = False,
    ) -> UpsertSubrequest:
        """Add the update of the record with an external id, or its creation if there is none.

        The external id is that in *data*, or *external_id* if *data* has none. With
        *update_only*, nothing is created.
        """
        operation = operations.upsert(
            sobject, external_id_field, data, external_id=external_id, update_only=update_only
        )
        return self._batch.add(UpsertSubrequest(operation, len(self._batch)))

    def delete(
        self, sobject: str, id: ExternalId, *, external_id_field: str | None = None
    ) -> DeleteSubrequest:
        """Add the deletion of a record.

        *id* is the record id, or the external id if *external_id_field* names its field.
        """
        operation = operations.delete(sobject, id, external_id_field=external_id_field)
        given = str(id) if external_id_field is None else None
        return self._batch.add(DeleteSubrequest(operation, len(self._batch), id=given))
