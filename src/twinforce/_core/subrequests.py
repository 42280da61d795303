"""The handles that users hold: what was asked for, and, once it is known, what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, Generic, TypedDict, TypeVar

import attrs

from ..errors import (
    HaltedError,
    InvalidStateError,
    MalformedResponseError,
    OutcomeUnknownError,
    RowLockedError,
    SalesforceError,
)
from . import children, replies, urls
from .children import ChildList
from .json import Record
from .operations import Operation
from .replies import Describe, Limits, Outputs, QueryPage, Reply, UpsertResult
from .resending import may_have_run
from .values import value

T = TypeVar("T")

_SENT_AGAIN = "; sent again, it failed: "


class SubrequestState(Enum):
    """What is known of a subrequest."""

    PENDING = "pending"
    """Not executed yet (or a query whose next pages are still to be fetched)."""
    SUCCEEDED = "succeeded"
    """Executed, with a status of 200 to 299.

    A deletion that is sent again after its outcome was unknown has succeeded with 404
    ENTITY_IS_DELETED, too.
    """
    FAILED = "failed"
    """Answered, but not with a success that can be read; the error says why."""
    HALTED = "halted"
    """Not executed, since one before it failed and the batch halts on errors."""
    UNKNOWN = "unknown"
    """Sent, and no answer came (yet) that settles it: it may or may not have been executed."""


class SubrequestResponse(TypedDict):
    """The item of a subrequest in the answer to its batch, as Salesforce sends it."""

    statusCode: int
    result: Any


@value
class Outcome:
    """All that is known of a subrequest, so that one assignment changes it as a whole.

    An interruption can come between any two statements; what is half known would be untrue.
    *before* is set while the subrequest is in flight: what was known when it departed.
    """

    state: SubrequestState
    reply: Reply | None = None
    value: Any = None
    error: SalesforceError | None = None
    before: Outcome | None = None

    @property
    def row_lock(self) -> RowLockedError | None:
        """The locked row that was met, if the latest answer says so."""
        error: BaseException | None = self.error
        if self.state is SubrequestState.UNKNOWN and error is not None:
            error = error.__cause__
        return error if isinstance(error, RowLockedError) else None


# What is looked at for each subrequest, many times: to find a member of an Enum takes longer.
_PENDING = SubrequestState.PENDING
_SUCCEEDED = SubrequestState.SUCCEEDED
_UNKNOWN = SubrequestState.UNKNOWN
_AT_FIRST = Outcome(_PENDING)
_FIRST_SENT = Outcome(_UNKNOWN, before=_AT_FIRST)


@attrs.define(eq=False, repr=False)
class Subrequest(Generic[T]):
    """One subrequest of a batch.

    *index* is its place in the batch, from 0. Results can be read once it was executed; before,
    :class:`~twinforce.errors.InvalidStateError` is raised, and if it failed, its failure is.
    """

    operation: Operation[T]
    index: int
    _outcome: Outcome = attrs.field(default=_AT_FIRST, init=False)

    def __repr__(self) -> str:
        shown = self.state.value
        if self.error is not None:
            shown += f", {self.error.status_code or ''} {self.error.error_code or ''}".rstrip()
        return f"<{type(self).__name__} {self.index} ({self.operation.describe()}): {shown}>"

    @property
    def label(self) -> str:
        """Its name for people, in one line: index, method and target."""
        return f"subrequest {self.index} ({self.operation.describe()})"

    @property
    def state(self) -> SubrequestState:
        """What is known of it."""
        return self._outcome.state

    @property
    def done(self) -> bool:
        """Whether its outcome is known."""
        return self.state not in (_PENDING, _UNKNOWN)

    @property
    def is_success(self) -> bool:
        """Whether it is known to have succeeded."""
        return self._outcome.state is _SUCCEEDED

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
        return self._outcome.error

    def raise_for_status(self) -> None:
        """Raise the failure of this subrequest, if it failed.

        Raises :class:`~twinforce.errors.InvalidStateError` if it was not executed yet.
        """
        error = self._outcome.error
        if error is not None:
            # Raised each time a result is read, it would gather the frames of all the times.
            raise error.with_traceback(None)
        if not self.done:
            raise self._not_yet()

    # What follows is called by the batch.

    @property
    def is_in_flight(self) -> bool:
        """Whether it departed, and nothing was heard of it yet."""
        return self._outcome.before is not None

    @property
    def halts(self) -> bool:
        """Whether its answer halts the batch: a failure with a status of 400 or above."""
        reply = self._outcome.reply
        return not self.is_success and reply is not None and reply.status_code >= 400

    def stay(self) -> None:
        """Be as before the departure, since it certainly was not executed."""
        self._outcome = self._outcome.before or self._outcome

    def reopen(self, outcome: Outcome) -> None:
        """Wait to be sent again, as *outcome* says that it was not executed this time."""
        is_in_doubt = outcome.state is _UNKNOWN
        self._outcome = outcome if is_in_doubt else Outcome(_PENDING)

    def judge(self, reply: Reply) -> Outcome:
        """Say what *reply* means for it.

        What was in doubt before it was sent this time stays so, unless it succeeds now.
        """
        if 200 <= reply.status_code < 300:
            try:
                return Outcome(_SUCCEEDED, reply, self.operation.read(reply))
            except MalformedResponseError as odd:
                is_harmless = self.operation.reads_only
                return self._failure(reply, odd) if is_harmless else self._doubt(reply, odd)
            except SalesforceError as failure:  # of an action, though its status says otherwise
                return self._failure(reply, failure)
        reads_only = self.operation.reads_only
        error = replies.error_from_item(reply)
        before = self._outcome.before
        if reads_only or before is None or before.state is not _UNKNOWN:
            is_late = may_have_run(error) and not reads_only
            return self._doubt(reply, error) if is_late else self._failure(reply, error)
        if isinstance(error, HaltedError):
            return before
        if self.operation.is_fulfilled_by(error):
            return Outcome(_SUCCEEDED, reply)
        return self._doubt(reply, error, before.error)

    def settle(self, outcome: Outcome) -> None:
        """Take what was judged."""
        self._outcome = outcome

    def lose(self, cause: BaseException) -> None:
        """Know that nobody knows, because of *cause*, whether it was executed."""
        self._outcome = self._doubt(None, cause)

    def _failure(self, reply: Reply | None, error: SalesforceError) -> Outcome:
        error.subrequest = self
        error.request = self.label
        halted = isinstance(error, HaltedError)
        state = SubrequestState.HALTED if halted else SubrequestState.FAILED
        return Outcome(state, reply, error=error)

    def _doubt(
        self, reply: Reply | None, cause: BaseException, first: SalesforceError | None = None
    ) -> Outcome:
        reason = str(cause) or repr(cause)
        message = f"it was sent, and may or may not have been executed: {reason}"
        if first is not None:
            message = f"{first.message.partition(_SENT_AGAIN)[0]}{_SENT_AGAIN}{reason}"
        error = OutcomeUnknownError(message, subrequests=(self,), subrequest=self)
        error.__cause__ = cause
        return Outcome(_UNKNOWN, reply, error=error)

    def _answer(self) -> Reply:
        if self._outcome.reply is None:
            self.raise_for_status()
            raise self._not_yet()
        return self._outcome.reply

    def read(self) -> T:
        """Give the result, as the operation reads it, or raise the failure."""
        if self._outcome.state is not _SUCCEEDED:
            self.raise_for_status()
        value: T = self._outcome.value
        return value

    def _not_yet(self) -> InvalidStateError:
        return InvalidStateError(
            "it has no result yet; results can be read after the batch was executed (when its "
            "with block has ended, or after execute())",
            subrequest=self,
        )


def unsent(
    subrequests: Iterable[Subrequest[Any]], *, or_unknown: bool = False
) -> list[Subrequest[Any]]:
    """List what of *subrequests* waits to be sent, and with *or_unknown* what is in doubt."""
    found = []
    for item in subrequests:
        known = item._outcome  # noqa: SLF001
        is_unsent = known.state is _PENDING and known.reply is None
        if is_unsent or (or_unknown and known.state is _UNKNOWN):
            found.append(item)
    return found


def depart(subrequests: Iterable[Subrequest[Any]]) -> None:
    """Have *subrequests* handed to the transport: from here on they may have been executed."""
    for item in subrequests:
        before = item._outcome  # noqa: SLF001
        is_first = before is _AT_FIRST
        item._outcome = _FIRST_SENT if is_first else Outcome(_UNKNOWN, before=before)  # noqa: SLF001


def unknown(subrequests: Iterable[Subrequest[Any]]) -> list[Subrequest[Any]]:
    """List what of *subrequests* was sent, and nobody knows whether it was executed."""
    return [item for item in subrequests if item._outcome.state is _UNKNOWN]  # noqa: SLF001


class RequestSubrequest(Subrequest[Any]):
    """Any other request; its result is read as ``.result``."""

    __slots__ = ()


class CreateSubrequest(Subrequest[str]):
    """The creation of a record."""

    __slots__ = ()

    @property
    def id(self) -> str:
        """The id of the new record."""
        return self.read()


class GetSubrequest(Subrequest[Record]):
    """The retrieval of a record."""

    __slots__ = ()

    @property
    def record(self) -> Record:
        """The fields of the record, by name."""
        return self.read()


@attrs.define(eq=False, repr=False)
class _RowSubrequest(Subrequest[None]):
    _id: str | None = attrs.field(kw_only=True, alias="id")

    @property
    def id(self) -> str | None:
        """The record id that was given; None where the record was named by an external id."""
        self.read()
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
        return self.read().id

    @property
    def created(self) -> bool:
        """Whether the record is new."""
        return self.read().created


class SearchSubrequest(Subrequest[list[Record]]):
    """A search with SOSL."""

    __slots__ = ()

    @property
    def records(self) -> list[Record]:
        """The records that were found."""
        return self.read()


class LimitsSubrequest(Subrequest[Limits]):
    """The limits of the org."""

    __slots__ = ()

    @property
    def limits(self) -> Limits:
        """For each limit, by name, ``Max`` and ``Remaining``."""
        return self.read()


class DescribeSubrequest(Subrequest[Describe]):
    """The description of an sObject, or of all of them."""

    __slots__ = ()

    @property
    def describe(self) -> Describe:
        """What Salesforce tells, as it tells it."""
        return self.read()


class ActionSubrequest(Subrequest[Outputs]):
    """The invocation of an action. It has failed if it failed for one of its inputs."""

    __slots__ = ()

    @property
    def outputs(self) -> Outputs:
        """The output values for each input."""
        return self.read()


@value
class Pages:
    """The pages of a query that were fetched, and the lists of children still to be completed."""

    pages: tuple[QueryPage, ...]
    open_lists: tuple[ChildList, ...] = ()

    @property
    def next_path(self) -> str | None:
        """The path of what is to be fetched next."""
        after = self.pages[-1].next_path
        return after if after or not self.open_lists else self.open_lists[0].next_path


@attrs.define(eq=False, repr=False)
class PagedSubrequest(Subrequest[T]):
    """One whose result comes in pages. It has succeeded once all of them were fetched."""

    first_page_only: bool = attrs.field(default=False, kw_only=True)
    with_children: bool = attrs.field(default=False, kw_only=True)
    _records: list[Record] | None = attrs.field(default=None, init=False)

    @property
    def records(self) -> list[Record]:
        """All records, lists of children included; with ``first_page_only``, what came first."""
        pages = self._read_pages().pages
        if self._records is None:
            self._records = [record for page in pages for record in page.records]
        return self._records

    @property
    def total_size(self) -> int:
        """How many records there are (for ``SELECT COUNT()``: the count)."""
        return self._read_pages().pages[-1].total_size

    @property
    def complete(self) -> bool:
        """Whether :attr:`records` holds every record."""
        return self._read_pages().pages[-1].next_path is None

    @property
    def next_records_url(self) -> str | None:
        """Where the next page is, if ``first_page_only`` left one."""
        path = self._read_pages().pages[-1].next_path
        return None if path is None else f"{urls.DATA}/{path}"

    # What follows is called by the batch.

    @property
    def next_path(self) -> str | None:
        """The path of the page that is still to be fetched."""
        value = self._outcome.value
        is_waiting = self.state is _PENDING and isinstance(value, Pages)
        return value.next_path if is_waiting else None

    def judge(self, reply: Reply) -> Outcome:
        """Say what *reply*, which holds the first page, means for it."""
        outcome = super().judge(reply)
        if outcome.state is not _SUCCEEDED or not isinstance(outcome.value, QueryPage):
            return outcome
        try:
            return self._with(reply, Pages((outcome.value,), self._open_lists(outcome.value)))
        except MalformedResponseError as error:
            return self._failure(reply, error)

    def judge_page(self, reply: Reply) -> Outcome:
        """Say what the answer to :attr:`next_path` means for it."""
        first, known = self._outcome.reply, self._outcome.value
        try:
            page: object = self.operation.read(reply)
            if not isinstance(known, Pages) or not isinstance(page, QueryPage):
                raise MalformedResponseError("the next page of the records is none")
            return self._with(first, self._extended(known, page))
        except MalformedResponseError as error:
            return self._failure(first, error)

    def refuse_page(self, error: SalesforceError) -> Outcome:
        """Say what it means that the next page cannot be had."""
        return self._failure(self._outcome.reply, error)

    def _extended(self, known: Pages, page: QueryPage) -> Pages:
        if known.pages[-1].next_path is None:
            first, *others = known.open_lists
            return Pages(known.pages, (*first.extend(page), *others))
        page.check_progress({former.next_path for former in known.pages})
        return Pages((*known.pages, page), known.open_lists + self._open_lists(page))

    def _open_lists(self, page: QueryPage) -> tuple[ChildList, ...]:
        return tuple(children.incomplete(page.records)) if self.with_children else ()

    def _with(self, first: Reply | None, pages: Pages) -> Outcome:
        is_last = pages.next_path is None or self.first_page_only
        state = _SUCCEEDED if is_last else _PENDING
        return Outcome(state, first, pages)

    def _read_pages(self) -> Pages:
        self.raise_for_status()
        pages = self._outcome.value
        if not isinstance(pages, Pages):
            raise InvalidStateError(
                "the relationship leads to one record; read it as .record", subrequest=self
            )
        return pages

    def _not_yet(self) -> InvalidStateError:
        known = self._outcome.value
        if not isinstance(known, Pages):
            return super()._not_yet()
        fetched = sum(len(page.records) for page in known.pages)
        lists = " and lists of children" if known.open_lists else ""
        return InvalidStateError(
            f"{fetched} of {known.pages[-1].total_size} records{lists} were fetched; call "
            "execute() again to fetch the rest",
            subrequest=self,
        )


class QuerySubrequest(PagedSubrequest[QueryPage]):
    """A query. It has succeeded once all its pages were fetched."""

    __slots__ = ()


class RelatedSubrequest(PagedSubrequest[QueryPage | Record]):
    """The record that a lookup leads to, or the records that look up to one."""

    __slots__ = ()

    @property
    def record(self) -> Record:
        """The record, where the relationship leads to one."""
        self.raise_for_status()
        if isinstance(self._outcome.value, Pages):
            raise InvalidStateError(
                "the relationship leads to several records; read them as .records", subrequest=self
            )
        record: Record = self._outcome.value
        return record
