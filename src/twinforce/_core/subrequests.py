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
from .replies import QueryPage, Reply, UpsertResult

T = TypeVar("T")


class SubrequestState(Enum):
    """What is known of a subrequest."""

    PENDING = "pending"
    """Not executed yet (or a query whose next pages are still to be fetched)."""
    SUCCEEDED = "succeeded"
    """Executed, with a status of 200 to 299."""
    FAILED = "failed"
    """Refused, with any other status."""
    HALTED = "halted"
    """Not executed, since one before it failed and the batch halts on errors."""
    UNKNOWN = "unknown"
    """Sent, and no usable answer came: it may or may not have been executed."""


class SubrequestResponse(TypedDict):
    """The item of a subrequest in the answer to its batch, as Salesforce sends it."""

    statusCode: int
    result: Any


@attrs.define(eq=False)
class Subrequest(Generic[T]):
    """One subrequest of a batch.

    *index* is its place in the batch, from 0. Results can be read once it was executed; before,
    :class:`~twinforce.errors.InvalidStateError` is raised, and if it failed, its failure is.
    """

    operation: Operation[T] = attrs.field(repr=Operation.describe)
    index: int
    state: SubrequestState = attrs.field(default=SubrequestState.PENDING, init=False)
    _reply: Reply | None = attrs.field(default=None, init=False, repr=False)
    _error: SalesforceError | None = attrs.field(default=None, init=False, repr=False)

    def describe(self) -> str:
        """Name it for people, in one line: index, method and target."""
        return f"subrequest {self.index} ({self.operation.describe()})"

    @property
    def done(self) -> bool:
        """Whether its outcome is known."""
        return self.state not in (SubrequestState.PENDING, SubrequestState.UNKNOWN)

    @property
    def is_success(self) -> bool:
        """Whether it is known to have succeeded."""
        return self.state is SubrequestState.SUCCEEDED

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
            raise self._error
        if self.state is SubrequestState.PENDING:
            raise self._not_yet()

    def accept(self, reply: Reply) -> None:
        """Take the answer. Called by the batch."""
        self._reply = reply
        if reply.is_success:
            self.state = SubrequestState.SUCCEEDED
            self._error = None
        else:
            self._fail(replies.error_from_item(reply))
            if isinstance(self._error, HaltedError):
                self.state = SubrequestState.HALTED

    @property
    def unsent(self) -> bool:
        """Whether it waits to be sent. Read by the batch."""
        return self.state is SubrequestState.PENDING and self._reply is None

    def reset(self) -> None:
        """Forget an unknown outcome, to be sent again. Called by the batch."""
        self.state = SubrequestState.PENDING
        self._error = None

    def lose(self, cause: BaseException) -> None:
        """Note that it was sent and no usable answer came. Called by the batch."""
        message = f"it was sent, and whether it was executed is unknown: {cause}"
        self._error = OutcomeUnknownError(message, subrequests=(self,), subrequest=self)
        self._error.__cause__ = cause
        self.state = SubrequestState.UNKNOWN

    def _fail(self, error: SalesforceError) -> None:
        error.subrequest = self
        error.request = self.describe()
        self._error = error
        self.state = SubrequestState.FAILED

    def _answer(self) -> Reply:
        if self._reply is None:
            self.raise_for_status()
            raise self._not_yet()
        return self._reply

    def _value(self) -> T:
        self.raise_for_status()
        try:
            return self.operation.read(self._answer())
        except MalformedResponseError as error:
            error.subrequest = self
            error.request = self.describe()
            raise

    def _not_yet(self) -> InvalidStateError:
        message = (
            "it has no result yet; results can be read after the batch was executed (when its "
            "with block has ended, or after execute())"
        )
        return InvalidStateError(message, subrequest=self)


class RequestSubrequest(Subrequest[Any]):
    """Any other request; its result is read as ``.result``."""

    __slots__ = ()


class CreateSubrequest(Subrequest[str]):
    """The creation of a record."""

    __slots__ = ()

    @property
    def id(self) -> str:
        """The id of the new record."""
        return self._value()


class GetSubrequest(Subrequest[Record]):
    """The retrieval of a record."""

    __slots__ = ()

    @property
    def record(self) -> Record:
        """The fields of the record, by name."""
        return self._value()


@attrs.define(eq=False)
class _RowSubrequest(Subrequest[None]):
    _id: str | None = attrs.field(kw_only=True, alias="id")

    @property
    def id(self) -> str | None:
        """The record id that was given; None where the record was named by an external id."""
        self._value()
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
        return self._value().id

    @property
    def created(self) -> bool:
        """Whether the record is new."""
        return self._value().created


@attrs.define(eq=False)
class QuerySubrequest(Subrequest[QueryPage]):
    """A query. It has succeeded once all its pages were fetched."""

    first_page_only: bool = attrs.field(default=False, kw_only=True)
    _records: list[Record] = attrs.field(factory=list[Record], init=False, repr=False)
    _total_size: int = attrs.field(default=0, init=False, repr=False)
    _next_path: str | None = attrs.field(default=None, init=False, repr=False)
    _fetched: set[str] = attrs.field(factory=set[str], init=False, repr=False)

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

    @property
    def next_path(self) -> str | None:
        """The path of the page that is still to be fetched. Read by the batch."""
        waiting = self.state is SubrequestState.PENDING and not self.first_page_only
        return self._next_path if waiting else None

    def accept(self, reply: Reply) -> None:
        """Take the answer to the first page. Called by the batch."""
        super().accept(reply)
        self._records = []
        self._fetched = set()
        if reply.is_success:
            self._take(reply)

    def accept_page(self, reply: Reply) -> None:
        """Take the answer to :attr:`next_path`. Called by the batch."""
        self._take(reply)

    def refuse_page(self, error: SalesforceError) -> None:
        """Note that the next page cannot be had. Called by the batch."""
        self._fail(error)

    def _take(self, reply: Reply) -> None:
        try:
            page = self.operation.read(reply)
            if page.next_path in self._fetched:
                raise MalformedResponseError(
                    f"the query leads in a circle: {page.next_path} was fetched already"
                )
        except MalformedResponseError as error:
            self._fail(error)
            return
        self._records += page.records
        self._total_size = page.total_size
        self._next_path = page.next_path
        if page.next_path is None or self.first_page_only:
            self.state = SubrequestState.SUCCEEDED
        else:
            self._fetched.add(page.next_path)
            self.state = SubrequestState.PENDING

    def _not_yet(self) -> InvalidStateError:
        if self._reply is None:
            return super()._not_yet()
        message = (
            f"{len(self._records)} of {self._total_size} records were fetched; call execute() "
            "again to fetch the rest"
        )
        return InvalidStateError(message, subrequest=self)
