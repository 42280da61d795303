"""The handles that users hold: what was asked for, and, once it is known, what came of it."""

from __future__ import annotations

from enum import Enum
from typing import Any, Generic, TypedDict, TypeVar

import attrs

from ..errors import (
    HaltedError,
    InvalidStateError,
    MalformedResponseError,
    OutcomeUnknownError,
    SalesforceError,
)
from . import replies
from .json import Record
from .operations import Operation
from .replies import QueryPage, Reply, Trail, UpsertResult

T = TypeVar("T")


class SubrequestState(Enum):
    """What is known of a subrequest."""

    PENDING = "pending"
    """Not executed yet (or a query whose next pages are still to be fetched)."""
    SUCCEEDED = "succeeded"
    """Executed, with a status of 200 to 299."""
    FAILED = "failed"
    """Answered with any other status; the error says why."""
    HALTED = "halted"
    """Not executed, since one before it failed and the batch halts on errors."""
    UNKNOWN = "unknown"
    """Sent, and no usable answer came (yet): it may or may not have been executed."""


class SubrequestResponse(TypedDict):
    """The item of a subrequest in the answer to its batch, as Salesforce sends it."""

    statusCode: int
    result: Any


@attrs.define(eq=False, repr=False)
class Subrequest(Generic[T]):
    """One subrequest of a batch.

    *index* is its place in the batch, from 0. Results can be read once it was executed; before,
    :class:`~twinforce.errors.InvalidStateError` is raised, and if it failed, its failure is.
    """

    operation: Operation[T]
    index: int
    _state: SubrequestState = attrs.field(default=SubrequestState.PENDING, init=False)
    _reply: Reply | None = attrs.field(default=None, init=False)
    _value: T | None = attrs.field(default=None, init=False)
    _error: SalesforceError | None = attrs.field(default=None, init=False)
    _before: tuple[SubrequestState, SalesforceError | None] | None = attrs.field(
        default=None, init=False
    )

    def __repr__(self) -> str:
        outcome = self._state.value
        if self._error is not None:
            outcome += f", {self._error.status_code or ''} {self._error.error_code or ''}".rstrip()
        return f"<{type(self).__name__} {self.index} ({self.operation.describe()}): {outcome}>"

    def describe(self) -> str:
        """Name it for people, in one line: index, method and target."""
        return f"subrequest {self.index} ({self.operation.describe()})"

    @property
    def state(self) -> SubrequestState:
        """What is known of it."""
        return self._state

    @property
    def done(self) -> bool:
        """Whether its outcome is known."""
        return self._state not in (SubrequestState.PENDING, SubrequestState.UNKNOWN)

    @property
    def is_success(self) -> bool:
        """Whether it is known to have succeeded."""
        return self._state is SubrequestState.SUCCEEDED

    @property
    def response(self) -> SubrequestResponse:
        """The status and the result as received: ``{"statusCode": …, "result": …}``."""
        reply = self._answer()
        return {"statusCode": reply.status_code, "result": reply.result}

    @property
    def status_code(self) -> int:
        """The HTTP status of this subrequest."""
        return self._answer().status_code

    @property
    def result(self) -> Any:
        """The body of the answer as received: an object, None, or the array of errors."""
        return self._answer().result

    @property
    def error(self) -> SalesforceError | None:
        """The exception that :meth:`raise_for_status` would raise, or None."""
        return self._error

    def raise_for_status(self) -> None:
        """Raise the failure of this subrequest, if it failed.

        Raises :class:`~twinforce.errors.InvalidStateError` if it was not executed yet.
        """
        if self._error is not None:
            # Raised each time a result is read, it would gather the frames of all the times.
            raise self._error.with_traceback(None)
        if not self.done:
            raise self._not_yet()

    # What follows is called by the batch.

    @property
    def is_unsent(self) -> bool:
        """Whether it waits to be sent."""
        return self._state is SubrequestState.PENDING and self._reply is None

    @property
    def is_in_flight(self) -> bool:
        """Whether it departed, and nothing was heard of it yet."""
        return self._before is not None

    def depart(self) -> None:
        """Be handed to the transport: from here on it may have been executed."""
        self._before = self._state, self._error
        self._state, self._error = SubrequestState.UNKNOWN, None

    def stay(self) -> None:
        """Be as before the departure, since it certainly was not executed."""
        if self._before is not None:
            self._state, self._error = self._before
            self._before = None

    def accept(self, reply: Reply) -> None:
        """Take the answer."""
        self._reply = reply
        if not reply.is_success:
            self._fail(replies.error_from_item(reply))
        else:
            try:
                self._value = self.operation.read(reply)
            except MalformedResponseError as error:
                if self.operation.reads_only:
                    self._fail(error)
                else:
                    self.lose(error)
            else:
                self._state, self._error = SubrequestState.SUCCEEDED, None
        self._before = None

    def lose(self, cause: BaseException) -> None:
        """Know that nobody knows, because of *cause*, whether it was executed."""
        self._error = OutcomeUnknownError(
            f"it was sent, and may or may not have been executed: {str(cause) or repr(cause)}",
            subrequests=(self,),
            subrequest=self,
        )
        self._error.__cause__ = cause
        self._state = SubrequestState.UNKNOWN
        self._before = None

    def _fail(self, error: SalesforceError) -> None:
        error.subrequest = self
        error.request = self.describe()
        self._error = error
        halted = isinstance(error, HaltedError)
        self._state = SubrequestState.HALTED if halted else SubrequestState.FAILED

    def _answer(self) -> Reply:
        if self._reply is None:
            self.raise_for_status()
            raise self._not_yet()
        return self._reply

    def _read(self) -> T:
        self.raise_for_status()
        return self._value  # type: ignore[return-value]  # T itself may be None

    def _not_yet(self) -> InvalidStateError:
        return InvalidStateError(
            "it has no result yet; results can be read after the batch was executed (when its "
            "with block has ended, or after execute())",
            subrequest=self,
        )


class RequestSubrequest(Subrequest[Any]):
    """Any other request; its result is read as ``.result``."""

    __slots__ = ()


class CreateSubrequest(Subrequest[str]):
    """The creation of a record."""

    __slots__ = ()

    @property
    def id(self) -> str:
        """The id of the new record."""
        return self._read()


class GetSubrequest(Subrequest[Record]):
    """The retrieval of a record."""

    __slots__ = ()

    @property
    def record(self) -> Record:
        """The fields of the record, by name."""
        return self._read()


@attrs.define(eq=False, repr=False)
class _RowSubrequest(Subrequest[None]):
    _id: str | None = attrs.field(kw_only=True, alias="id")

    @property
    def id(self) -> str | None:
        """The record id that was given; None where the record was named by an external id."""
        self._read()
        return self._id


class UpdateSubrequest(_RowSubrequest):
    """The update of a record."""

    __slots__ = ()


class DeleteSubrequest(_RowSubrequest):
    """The deletion of a record."""

    __slots__ = ()


class UpsertSubrequest(Subrequest[UpsertResult]):
    """The update of the record with an external id, or its creation if there is none."""

    __slots__ = ()

    @property
    def id(self) -> str | None:
        """The id of the record; None where Salesforce does not tell it (204, up to v45.0)."""
        return self._read().id

    @property
    def created(self) -> bool:
        """Whether the record is new."""
        return self._read().created


@attrs.define(eq=False, repr=False)
class QuerySubrequest(Subrequest[QueryPage]):
    """A query. It has succeeded once all its pages were fetched."""

    first_page_only: bool = attrs.field(default=False, kw_only=True)
    _records: list[Record] = attrs.field(factory=list[Record], init=False)
    _total_size: int = attrs.field(default=0, init=False)
    _next_path: str | None = attrs.field(default=None, init=False)
    _trail: Trail = attrs.field(factory=Trail, init=False)

    @property
    def records(self) -> list[Record]:
        """All records of the query; those of its first page with ``first_page_only``."""
        self.raise_for_status()
        return self._records

    @property
    def total_size(self) -> int:
        """How many records the query has (for ``SELECT COUNT()``: the count)."""
        self.raise_for_status()
        return self._total_size

    @property
    def complete(self) -> bool:
        """Whether :attr:`records` holds every record of the query."""
        self.raise_for_status()
        return self._next_path is None

    @property
    def next_records_url(self) -> str | None:
        """Where the next page is, if ``first_page_only`` left one."""
        self.raise_for_status()
        return None if self._next_path is None else f"/services/data/{self._next_path}"

    # What follows is called by the batch.

    @property
    def next_path(self) -> str | None:
        """The path of the page that is still to be fetched."""
        waiting = self._state is SubrequestState.PENDING and not self.first_page_only
        return self._next_path if waiting else None

    def accept(self, reply: Reply) -> None:
        """Take the answer, which holds the first page."""
        super().accept(reply)
        if self._value is not None and self.is_success:
            self._take(self._value)

    def accept_page(self, reply: Reply) -> None:
        """Take the answer to :attr:`next_path`."""
        try:
            self._take(self.operation.read(reply))
        except MalformedResponseError as error:
            self._fail(error)

    def refuse_page(self, error: SalesforceError) -> None:
        """Know that the next page cannot be had."""
        self._fail(error)

    def _take(self, page: QueryPage) -> None:
        try:
            next_path = self._trail.follow(page)
        except MalformedResponseError as error:
            self._fail(error)
            return
        self._records += page.records
        self._total_size = page.total_size
        self._next_path = next_path
        is_last = next_path is None or self.first_page_only
        self._state = SubrequestState.SUCCEEDED if is_last else SubrequestState.PENDING

    def _not_yet(self) -> InvalidStateError:
        if self._reply is None:
            return super()._not_yet()
        message = (
            f"{len(self._records)} of {self._total_size} records were fetched; call execute() "
            "again to fetch the rest"
        )
        return InvalidStateError(message, subrequest=self)
