"""A request on its way, and what each thing that may happen to it means for those who wait.

A flight departs when its request is handed to the transport, and then lands, or fails. Between
that, what it carries is in doubt; so whatever interrupts it, and wherever, nothing is taken for
certain that is not. It may depart again after it failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

from ..auth import Grant, Token
from ..errors import (
    AuthorizationError,
    HaltedError,
    InvalidStateError,
    MalformedRequestError,
    MalformedResponseError,
    NotFoundError,
    RowLockedError,
    SalesforceError,
    TransportError,
)
from ..progress import Progress
from . import replies
from .http import Response, retry_after
from .json import DEFAULT, Json
from .replies import Reply
from .resending import may_have_run
from .subrequests import Outcome, PagedSubrequest, Subrequest, SubrequestState, depart, unknown


class Flight:
    """A request for which only the caller waits. *name* says for people what it is.

    *doubted*: a try of it may have been executed, and nobody knows; not so of one that only reads.
    """

    def __init__(self, name: str, *, idempotent: bool = False, reads_only: bool = False) -> None:
        self.name = name
        self.doubted = False
        self._idempotent = idempotent
        self._reads_only = reads_only

    @property
    def idempotent(self) -> bool:
        """Whether it does no harm twice."""
        return self._idempotent

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for it; else it is not tried again."""
        return True

    def depart(self) -> None:
        """Note that the request is handed to the transport."""

    def land(self, response: Response) -> None:
        """Take the answer; raise the error that it means, if it is no success."""
        replies.raise_for_status(response, self.name)

    def fail(self, error: BaseException) -> None:
        """Note that a try ended with *error*, of the transport or of the answer."""
        self.doubted = self.doubted or (may_have_run(error) and not self._reads_only)

    def give_up(self, error: SalesforceError) -> None:
        """Note that *error* is the last one, and have it tell the whole truth."""
        if self.doubted and not may_have_run(error):
            _admit_doubt(error)

    def strand(self, error: SalesforceError) -> SalesforceError:
        """Give *error*, of the sign-in that another try needs, as it is for this request.

        Others wait for the same sign-in, and of their requests nothing may have been sent yet.
        """
        if not self.doubted:
            return error
        own = copy(error)
        _admit_doubt(own)
        return own


def _admit_doubt(error: SalesforceError) -> None:
    error.message += "; an earlier try of this request may have been executed"
    if isinstance(error, TransportError):
        error.sent = True


class SignInFlight(Flight):
    """The request of *grant* for a token, which is there when it has landed."""

    def __init__(self, grant: Grant, instance_url: str) -> None:
        super().__init__(f"sign-in at {instance_url}", idempotent=True, reads_only=True)
        self.token: Token | None = None
        self._grant = grant
        self._instance_url = instance_url

    def land(self, response: Response) -> None:
        try:
            token = self._grant.read_token(response, self._instance_url)
        except SalesforceError as error:
            error.retry_after = retry_after(response.headers)
            raise
        if not isinstance(token, Token):
            raise TypeError(
                f"read_token of the grant must return a Token, not {type(token).__name__}"
            )
        self.token = token

    def give_up(self, error: SalesforceError) -> None:
        if isinstance(error, TransportError):
            error.request = self.name
            if error.sent:
                error.message = "no answer came, so what waited for the token was not sent"
                error.sent = False


class Execution:
    """One run of a batch: what it sends, and whether it is over.

    After an interruption it is, while threads still wait for what they have in the air.
    """

    def __init__(self) -> None:
        self.subrequests: list[Subrequest[Any]] = []
        self.page_errors: list[SalesforceError] = []
        self.is_over = False
        self.shown: Progress | None = None
        self.under_way: dict[BatchFlight, None] = {}
        self._doubts_before: dict[Subrequest[Any], SalesforceError | None] = {}

    def begin(self, subrequests: list[Subrequest[Any]], *, resend_unknown: bool) -> None:
        """Note which *subrequests* are to be sent."""
        self.subrequests = subrequests
        if resend_unknown:  # else none of them is
            self._doubts_before = {item: item.error for item in self.unknown()}

    def unknown(self) -> list[Subrequest[Any]]:
        """List what was sent, and nobody knows whether it was executed."""
        return unknown(self.subrequests)

    def new_doubts(self) -> list[Subrequest[Any]]:
        """List what is unknown and was not, or was for another reason, before."""
        before = self._doubts_before
        return [
            item for item in self.unknown() if item not in before or item.error is not before[item]
        ]

    def changing(self) -> list[Subrequest[Any]]:
        """List what is under way now, in requests of any thread."""
        return [item for flight in list(self.under_way) for item in flight.subrequests]

    def check(self) -> None:
        """Raise InvalidStateError in a thread that an interruption left behind."""
        if self.is_over:
            raise InvalidStateError("the execution of the batch was interrupted")


class BatchFlight(Flight):
    """A request with up to 25 subrequests of a batch. *departures* counts the tries."""

    def __init__(
        self,
        subrequests: Sequence[Subrequest[Any]],
        execution: Execution,
        departures: list[None],
        codec: Json = DEFAULT,
    ) -> None:
        super().__init__(f"batch of {len(subrequests)}")
        self.subrequests = subrequests
        self.row_lock: RowLockedError | None = None
        """Why it has to depart again: what the first of its subrequests met, if that was a lock."""
        self.unfinished: BatchFlight | None = None
        """When it has landed: what of it has to be sent again, in the same order."""
        self._execution = execution
        self._departures = departures
        self._codec = codec
        self._refusals: list[Outcome] = []

    @property
    def idempotent(self) -> bool:
        return all(item.operation.idempotent for item in self.subrequests)

    @property
    def is_awaited(self) -> bool:
        return not self._execution.is_over

    def depart(self) -> None:
        # In this order, nobody who was told of an interruption sees them pending and then sent.
        depart(self.subrequests)
        self._execution.check()
        self._departures.append(None)

    def land(self, response: Response) -> None:
        """Give each subrequest its answer, or raise if there is none to give."""
        super().land(response)
        try:
            answers = replies.parse_batch(response, len(self.subrequests), self._codec)
        except MalformedResponseError as error:
            error.request = self.name
            raise
        pairs = zip(self.subrequests, answers, strict=True)
        outcomes = [subrequest.judge(reply) for subrequest, reply in pairs]
        self.unfinished = again = self._unfinished(answers, outcomes)
        waiting = again.subrequests if again else ()
        for subrequest, outcome in zip(self.subrequests, outcomes, strict=True):
            if subrequest in waiting:
                subrequest.reopen(outcome)
            else:
                subrequest.settle(outcome)

    def fail(self, error: BaseException) -> None:
        """Decide what it means for the subrequests that *error* ended the flight.

        Where nothing can have happened, because nothing was executed or all of it only reads, they
        are as before; otherwise nobody knows.
        """
        in_flight = [item for item in self.subrequests if item.is_in_flight]
        malformed = isinstance(error, MalformedResponseError)
        harmless = not malformed and all(item.operation.reads_only for item in in_flight)
        for subrequest in in_flight:
            if harmless or not may_have_run(error):
                subrequest.stay()
            else:
                subrequest.lose(error)

    def give_up(self, error: SalesforceError) -> None:
        """Leave *error* as it is: the subrequests know what is in doubt."""

    def accept(self) -> None:
        """Take for final what was answered, as it is not sent again."""
        for subrequest, outcome in zip(self.subrequests, self._refusals, strict=True):
            subrequest.settle(outcome)

    def _unfinished(
        self, answers: Sequence[Reply], outcomes: Sequence[Outcome]
    ) -> BatchFlight | None:
        """Make the flight of what has to be sent again.

        These are the subrequests that met a locked row, which were rolled back; and those that were
        halted behind one of them, or behind a deletion that, repeated, found its work done.
        """
        succeeded = SubrequestState.SUCCEEDED
        if not [outcome for outcome in outcomes if outcome.state is not succeeded]:
            return None
        again: list[tuple[Subrequest[Any], Outcome]] = []
        halts_wrongly = False
        for subrequest, reply, outcome in zip(self.subrequests, answers, outcomes, strict=True):
            # Halted comes first: of what was in doubt, the outcome tells of an earlier answer then.
            if not reply.is_success and isinstance(replies.error_from_item(reply), HaltedError):
                if halts_wrongly:
                    again.append((subrequest, outcome))
            elif outcome.row_lock is not None:
                again.append((subrequest, outcome))
                halts_wrongly = True
            elif outcome.state is succeeded:
                halts_wrongly = halts_wrongly or not reply.is_success
        if not again:
            return None
        flight = BatchFlight(
            [item for item, _ in again], self._execution, self._departures, self._codec
        )
        flight._refusals = [outcome for _, outcome in again]
        flight.row_lock = next(filter(None, (outcome.row_lock for _, outcome in again)), None)
        return flight


class PageFlight(Flight):
    """A request for the next page of a query in a batch."""

    def __init__(
        self,
        query: PagedSubrequest[Any],
        execution: Execution,
        departures: list[None],
        codec: Json,
    ) -> None:
        super().__init__(query.label, idempotent=True, reads_only=True)
        self._query = query
        self._execution = execution
        self._departures = departures
        self._codec = codec

    @property
    def is_awaited(self) -> bool:
        return not self._execution.is_over

    def depart(self) -> None:
        self._execution.check()
        self._departures.append(None)

    def land(self, response: Response) -> None:
        super().land(response)
        try:
            self._query.settle(self._query.judge_page(replies.parse(response, self._codec)))
        except MalformedResponseError as error:
            self._query.settle(self._query.refuse_page(error))

    def give_up(self, error: SalesforceError) -> None:
        """Leave the query as it is, unless another execution would meet the same *error*."""
        if isinstance(error, AuthorizationError | MalformedRequestError | NotFoundError):
            self._query.settle(self._query.refuse_page(error))
