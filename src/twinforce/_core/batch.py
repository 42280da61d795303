"""What a batch decides: what to send next, what an answer means for whom, and what to raise.

It sends nothing; that is the part of the twins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..errors import (
    HaltedError,
    InvalidStateError,
    MalformedResponseError,
    OutcomeUnknownError,
)
from . import json, operations, replies
from .blobs import Blob, Multipart
from .builder import AnySubrequest, BatchBuilder
from .flights import BatchFlight, Execution
from .http import Pieces
from .operations import Operation
from .subrequests import PagedSubrequest, unsent

MAX_SUBREQUESTS = 25


class BatchCore(BatchBuilder):
    """A batch but for the sending; shared by those of both twins."""

    def __init__(
        self,
        version: str,
        codec: json.Json,
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
        super().__init__(version, codec)
        self._halt_on_error = halt_on_error
        self._autoraise = autoraise
        self._group_errors = group_errors
        self._concurrency = concurrency
        self._departures: list[None] = []
        self._executions: dict[Execution, None] = {}

    @property
    def request_count(self) -> int:
        """How many HTTP requests were sent for this batch, the next pages of queries included."""
        return len(self._departures)

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
        sent = unsent(self._subrequests, or_unknown=resend_unknown)
        execution.begin(sent, resend_unknown=resend_unknown)
        if self._halt_on_error and self._is_halted_by({*self._subrequests}.difference(sent)):
            sent = _halted(sent)
        for start in range(0, len(sent), MAX_SUBREQUESTS):
            latest = sent[start : start + MAX_SUBREQUESTS]
            yield BatchFlight(latest, execution, self._departures, self.json)
            if self._is_halted_by(latest):
                _halted(sent)
                return

    def _is_halted_by(self, subrequests: Iterable[AnySubrequest]) -> bool:
        return self._halt_on_error and any(item.halts for item in subrequests)

    def _incomplete(self) -> Iterator[PagedSubrequest[Any]]:
        """Give the queries whose next page is still to be fetched."""
        for item in self._subrequests:
            if isinstance(item, PagedSubrequest) and item.next_path is not None:
                yield item

    def _envelope(self, flight: BatchFlight) -> bytes | Pieces:
        sent = [subrequest.operation for subrequest in flight.subrequests]
        return envelope(sent, self.version, halt_on_error=self._halt_on_error)

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


def envelope(
    sent: Iterable[Operation[Any]], version: str, *, halt_on_error: bool = False
) -> bytes | Pieces:
    """Write the body of a batch, in several parts if there is binary data.

    Source: REST API Developer Guide, Composite Batch Request Body.
    """
    items: list[dict[str, object]] = []
    blobs: list[tuple[str, Blob]] = []
    for operation in sent:
        item: dict[str, object] = {
            "method": operation.method,
            "url": operation.batch_url(version),
        }
        if operation.body is not None:
            item["richInput"] = json.Fragment(operation.body)
        if operation.blob is not None:
            blobs.append((f"binaryPart{len(blobs) + 1}", operation.blob))
            item["binaryPartName"] = blobs[-1][0]
            item["binaryPartNameAlias"] = operation.blob.field
        items.append(item)
    document = json.write({"haltOnError": halt_on_error, "batchRequests": items})
    return Multipart("json", document, blobs) if blobs else document


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


def _halted(subrequests: Sequence[AnySubrequest]) -> list[AnySubrequest]:
    """Mark what of *subrequests* is unsent as Salesforce would mark it, and give the others."""
    halted = dict.fromkeys(unsent(subrequests))
    for subrequest in halted:
        subrequest.settle(subrequest.judge(replies.halted()))
    return [item for item in subrequests if item not in halted]


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
