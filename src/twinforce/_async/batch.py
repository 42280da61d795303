"""A batch that executes itself; what it decides is in :mod:`twinforce._core.batch`."""

from __future__ import annotations

from typing import Self

from .._core import http, operations, urls
from .._core.batch import BatchBuilder, Flight
from .._core.http import Timeout
from .._core.subrequests import QuerySubrequest
from ..errors import SalesforceError
from .session import AsyncSession


class AsyncBatch(BatchBuilder):
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
        timeout: Timeout | None,
    ) -> None:
        if timeout is not None:
            http.check_timeout(timeout)
        super().__init__(
            session.version,
            halt_on_error=halt_on_error,
            autoraise=autoraise,
            group_errors=group_errors,
        )
        self._session = session
        self._timeout = timeout

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
        answer came, or none that can be read; the errors of the batch as a whole; and those of
        subrequests with *autoraise*. Results that arrived before stay on their subrequests.
        """
        with self._execution():
            for flight in self._flights(resend_unknown=resend_unknown):
                await self._send(flight)
            errors = [await self._complete(query) for query in self._incomplete()]
            for error in filter(None, errors):
                raise error

    async def _send(self, flight: Flight) -> None:
        target = urls.target("composite/batch", self._version)
        body = self._envelope(flight)
        try:
            flight.land(
                await self._session.send("POST", target, body, timeout=self._timeout, flight=flight)
            )
        except BaseException as error:
            flight.fail(error)
            raise

    async def _complete(self, query: QuerySubrequest) -> SalesforceError | None:
        """Fetch the remaining pages of *query*; return what another try may overcome."""
        error = None
        while error is None and (path := query.next_path) is not None:
            target = operations.next_page(path).target(self._version)
            response = await self._session.send(
                "GET", target, timeout=self._timeout, flight=Flight([], self._count_request)
            )
            error = self._page_answered(query, response)
        return error
