"""A batch that executes itself; what it decides is in :mod:`twinforce._core.batch`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Self

from .._core import http, operations, urls
from .._core.batch import BatchCore
from .._core.flights import BatchFlight, Execution, PageFlight
from .._core.http import Timeout
from .._core.subrequests import PagedSubrequest, Subrequest
from .._core.tally import Tally
from .._twin import AsyncCrew, AsyncLock
from ..errors import SalesforceError, TransportError
from ..hooks import RetryEvent
from ..progress import AsyncReport, Bar
from ..retry import RetryPolicy, check_policy
from . import hooks
from .session import AsyncSession


class AsyncBatch(BatchCore):
    """Up to any number of independent subrequests, sent 25 in a request, in order.

    As a context manager, it is executed when its block ends without an error.
    """

    def __init__(
        self,
        session: AsyncSession,
        *,
        halt_on_error: bool,
        autoraise: bool,
        group_errors: bool,
        concurrency: int,
        retry: RetryPolicy | None,
        timeout: Timeout | None,
        progress: AsyncReport | bool | None,
    ) -> None:
        if timeout is not None:
            http.check_timeout(timeout)
        super().__init__(
            session.version,
            session.json,
            halt_on_error=halt_on_error,
            autoraise=autoraise,
            group_errors=group_errors,
            concurrency=concurrency,
        )
        session.check_concurrency(concurrency)
        check_policy(retry)
        if not isinstance(progress, bool | None):
            hooks.check_function("progress", progress)
        self._session = session
        self._retry = retry
        self._timeout = timeout
        self._bar = Bar() if progress is True else None
        self._report = self._bar if isinstance(progress, bool) else progress
        self._tally = Tally()
        self._reporting = AsyncLock()
        self._crew = AsyncCrew()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self.execute()

    async def execute(self, *, resend_unknown: bool = False) -> None:
        """Send what was not executed yet, and fetch all pages of its queries.

        Called again, it sends only what is still pending; with *resend_unknown*, also what was
        sent and got no usable answer, which may execute it twice.

        Raises :class:`~twinforce.errors.OutcomeUnknownError` if subrequests were sent and no
        answer came, or none that settles it; the errors of the batch as a whole; and those of
        subrequests with *autoraise*. Results that arrived before stay on their subrequests.
        """
        operations.flag(resend_unknown, "resend_unknown")
        execution = Execution()
        try:
            self._begin(execution)
            await self._run(execution, resend_unknown=resend_unknown)
        except Exception as error:
            self._raise_doubts(execution, error)
            raise
        finally:
            # A single step, before which no interruption can come.
            self._executions.pop(execution, None)
        self._raise_errors(execution)

    async def _run(self, execution: Execution, *, resend_unknown: bool) -> None:
        try:
            await self._show(execution, self._subrequests)
            flights = self._flights(execution, resend_unknown=resend_unknown)
            send = partial(self._send, execution)
            await self._crew.run(send, flights, at_once=self._concurrency)
            complete = partial(self._complete, execution)
            await self._crew.run(complete, self._incomplete(), at_once=self._concurrency)
            await self._show(execution, self._subrequests)
        finally:
            execution.is_over = True
            if self._bar is not None:
                async with self._reporting:
                    self._bar.close()

    async def _send(self, execution: Execution, flight: BatchFlight) -> None:
        execution.under_way[flight] = None
        try:
            await self._send_until_finished(execution, flight)
        finally:
            execution.under_way.pop(flight, None)

    async def _send_until_finished(self, execution: Execution, flight: BatchFlight) -> None:
        target = urls.batch(self.version)
        tries = self._session.tries(self._retry)
        unfinished: BatchFlight | None = flight
        while unfinished is not None:
            flight = unfinished
            try:
                await self._session.send(
                    "POST",
                    target,
                    self._envelope(flight),
                    timeout=self._timeout,
                    flight=flight,
                    tries=tries,
                )
            except Exception:
                await self._show(execution, execution.changing())
                raise
            unfinished, retry = flight.unfinished, None
            if unfinished is not None and (lock := unfinished.row_lock) is not None:
                delay = tries.delay(lock, idempotent=True)
                if delay is None:
                    unfinished.accept()
                    unfinished = None
                else:
                    again = tuple(subrequest.index for subrequest in unfinished.subrequests)
                    retry = RetryEvent(flight.name, lock, tries.count, delay, again)
            await self._show(execution, execution.changing())
            if retry is not None:
                execution.check()
                await self._session.wait(retry)

    async def _complete(self, execution: Execution, query: PagedSubrequest[Any]) -> None:
        """Fetch the remaining pages of *query*, unless one is refused."""
        while (path := query.next_path) is not None:
            flight = PageFlight(query, execution, self._departures, self.json)
            target = operations.next_page(path, query.operation).target(self.version)
            try:
                await self._session.send(
                    "GET",
                    target,
                    timeout=self._timeout,
                    flight=flight,
                    tries=self._session.tries(self._retry),
                )
            except TransportError:
                raise
            except SalesforceError as error:
                if query.next_path is not None:
                    execution.page_errors.append(error)
                    return
            finally:
                await self._show(execution, [query])

    async def _show(self, execution: Execution, changed: Iterable[Subrequest[Any]]) -> None:
        if self._report is None:
            return
        async with self._reporting:
            self._tally.look(changed)
            progress = self._tally.progress(total=len(self), requests=self.request_count)
            if not execution.is_over and progress != execution.shown:
                execution.shown = progress
                await hooks.call(self._report, progress)
