# Generated from src/twinforce/_async/batch.py by scripts/make_sync.py.
# Change that file, never this one, and then run `nox -s twins -- --write`.
"""A batch that executes itself; what it decides is in :mod:`twinforce._core.batch`."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from .._core import operations
from .._core.batch import AnySubrequest, BatchBuilder
from .._core.http import Timeout
from .._core.subrequests import QuerySubrequest
from .session import Session


class Batch(BatchBuilder):
    """Up to any number of independent subrequests, sent 25 in a request, in order.

    As a context manager, it is executed when its block ends without an error.
    """

    def __init__(
        self,
        session: Session,
        *,
        halt_on_error: bool,
        autoraise: bool,
        group_errors: bool,
        timeout: Timeout | None,
    ) -> None:
        super().__init__(
            session.version,
            halt_on_error=halt_on_error,
            autoraise=autoraise,
            group_errors=group_errors,
        )
        self._session = session
        self._timeout = timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.execute()

    def execute(self, *, resend_unknown: bool = False) -> None:
        """Send what was not executed yet, and fetch all pages of its queries.

        Called again, it sends only what is still pending; with *resend_unknown*, also what was
        sent and got no usable answer, which may execute it twice.

        Raises :class:`~twinforce.errors.OutcomeUnknownError` if subrequests were sent and no
        answer came, the errors of the batch as a whole, and those of subrequests with *autoraise*.
        Results that arrived before stay on their subrequests.
        """
        self._begin(resend_unknown=resend_unknown)
        try:
            while chunk := self._next_chunk():
                self._send(chunk)
            for query in self._incomplete():
                self._complete(query)
        finally:
            self._end()
        self._raise_errors()

    def _send(self, chunk: list[AnySubrequest]) -> None:
        target = f"/services/data/v{self._version}/composite/batch"
        body = self._envelope(chunk)
        try:
            self._request_count += 1
            response = self._session.send("POST", target, body, timeout=self._timeout)
        except BaseException as error:
            self._interrupted(chunk, error)
            raise
        self._answered(chunk, response)

    def _complete(self, query: QuerySubrequest) -> None:
        while (path := query.next_path) is not None:
            self._request_count += 1
            page = operations.next_page(path)
            response = self._session.send(
                page.method, page.target(self._version), timeout=self._timeout
            )
            self._page_answered(query, response)
