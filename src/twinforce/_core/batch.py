"""What a batch holds and decides: what to send next, and what an answer means for whom.

It sends nothing; that is the part of the twins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from ..errors import (
    HaltedError,
    InvalidStateError,
    MalformedResponseError,
    OutcomeUnknownError,
)
from ..progress import Progress
from . import json, operations, replies
from .flights import BatchFlight, Execution
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
        self,
        version: str,
        *,
        halt_on_error: bool,
        autoraise: bool,
        group_errors: bool,
        concurrency: int,
    ) -> None:
        options = {
            "halt_on_error": halt_on_error,
            "autoraise": autoraise,
            "group_errors": group_errors,
        }
        for name, option in options.items():
            operations.flag(option, name)
        _check_concurrency(concurrency, halt_on_error=halt_on_error)
        self._version = version
        self._halt_on_error = halt_on_error
        self._autoraise = autoraise
        self._group_errors = group_errors
        self._concurrency = concurrency
        self._subrequests: list[AnySubrequest] = []
        self._departures: list[None] = []
        self._executions: dict[Execution, None] = {}
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
        operations.flag(first_page_only, "first_page_only")
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
        return len(self._departures)

    def __repr__(self) -> str:
        counts = {state: len(self._in_state(state)) for state in SubrequestState}
        shown = ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)
        return f"<{type(self).__name__}: {shown or 'empty'}>"

    def _in_state(self, state: SubrequestState) -> tuple[AnySubrequest, ...]:
        return tuple(item for item in self._subrequests if item.state is state)

    # What the twins drive.

    def _begin(self, execution: Execution) -> None:
        """Keep others from executing the batch until *execution* is taken from its executions."""
        # Each a single step, so that neither a thread nor an interruption comes between.
        self._executions[execution] = None
        if list(self._executions)[0] is not execution:  # noqa: RUF015 - a copy, in one step
            raise InvalidStateError("this batch is being executed already; wait for that to end")

    def _raise_doubts(self, execution: Execution, error: Exception) -> None:
        """Raise what *execution* leaves in doubt, if anything, instead of *error*, its end."""
        doubts = execution.new_doubts()
        says_so_itself = isinstance(error, MalformedResponseError) and all(
            item.error is not None and item.error.__cause__ is error for item in doubts
        )
        if doubts and not says_so_itself:
            raise _outcome_unknown(execution.unknown()) from error

    def _flights(self, execution: Execution, *, resend_unknown: bool) -> Iterator[BatchFlight]:
        """Give the requests to send, in order, each when it is asked for.

        With *halt_on_error*, a batch in which a subrequest failed stays halted: what is unsent is
        not sent, but what is unknown is still the caller's to decide.
        """
        sent = execution.begin(
            item
            for item in self._subrequests
            if item.is_unsent or (resend_unknown and item.state is SubrequestState.UNKNOWN)
        )
        if self._is_halted_by({*self._subrequests}.difference(sent)):
            sent = _halted(sent)
        for start in range(0, len(sent), MAX_SUBREQUESTS):
            latest = sent[start : start + MAX_SUBREQUESTS]
            yield BatchFlight(latest, execution, self._departures)
            if self._is_halted_by(latest):
                _halted(sent)
                return

    def _is_halted_by(self, subrequests: Iterable[AnySubrequest]) -> bool:
        return self._halt_on_error and any(item.halts for item in subrequests)

    def _incomplete(self) -> Iterator[QuerySubrequest]:
        """Give the queries whose next page is still to be fetched."""
        for item in self._subrequests:
            if isinstance(item, QuerySubrequest) and item.next_path is not None:
                yield item

    def _envelope(self, flight: BatchFlight) -> bytes:
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

    def _counted(self) -> Progress:
        # Each is looked at once: other threads go on meanwhile.
        seen = [(item.state, item.is_in_flight) for item in self._subrequests]
        states = Counter(state for state, is_in_flight in seen if not is_in_flight)
        in_flight = sum(is_in_flight for _, is_in_flight in seen)
        return Progress(
            total=len(self._subrequests),
            succeeded=states[SubrequestState.SUCCEEDED],
            failed=states[SubrequestState.FAILED],
            halted=states[SubrequestState.HALTED],
            in_flight=in_flight,
            unknown=states[SubrequestState.UNKNOWN],
            requests=self.request_count,
        )

    def _raise_errors(self, execution: Execution) -> None:
        """Raise what is due when all was sent: doubts, and what *autoraise* promises."""
        if unknown := execution.unknown():
            raise _outcome_unknown(unknown) from _reason(unknown)
        for error in execution.page_errors:
            raise error
        if not self._autoraise:
            return
        errors = [item.error for item in self._subrequests if item.error is not None]
        errors = [error for error in errors if not isinstance(error, HaltedError)] or errors
        if errors and self._group_errors:
            raise ExceptionGroup(f"{len(errors)} of {len(self)} subrequests failed", errors)
        if errors:
            raise errors[0]


def _check_concurrency(concurrency: int, *, halt_on_error: bool) -> None:
    if not isinstance(concurrency, int) or isinstance(concurrency, bool):
        raise TypeError(f"concurrency must be an int, not {type(concurrency).__name__}")
    if concurrency < 1:
        raise ValueError(f"concurrency is how many requests go at once, at least 1: {concurrency}")
    if halt_on_error and concurrency > 1:
        raise ValueError(
            "with halt_on_error the requests go one after the other, since each depends on the one "
            "before; leave out concurrency, or halt_on_error"
        )


def _halted(subrequests: Iterable[AnySubrequest]) -> list[AnySubrequest]:
    """Mark what of *subrequests* is unsent as Salesforce would mark it, and give the others."""
    others = []
    for subrequest in subrequests:
        if subrequest.is_unsent:
            subrequest.settle(subrequest.judge(replies.halted()))
        else:
            others.append(subrequest)
    return others


def _outcome_unknown(subrequests: list[AnySubrequest]) -> OutcomeUnknownError:
    indexes = ", ".join(str(item.index) for item in subrequests[:3])
    if len(subrequests) > 3:
        indexes += f", … {subrequests[-1].index}"
    first = subrequests[0].error
    reason = (first.message if first else "").partition("executed: ")[2].rstrip(".")
    many = f"{len(subrequests)} subrequests ({indexes}) were"
    one = f"subrequest {indexes} was"
    return OutcomeUnknownError(
        f"{many if len(subrequests) > 1 else one} sent, and may or may not have been executed: "
        f"{reason}. Look in the org, or call execute(resend_unknown=True) if executing "
        f"{'them' if len(subrequests) > 1 else 'it'} twice does no harm",
        subrequests=subrequests,
    )


def _reason(unknown: list[AnySubrequest]) -> BaseException | None:
    error = unknown[0].error
    return None if error is None else error.__cause__


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
