"""What can go wrong, as exceptions. Both twins raise the same ones.

Everything is a :class:`SalesforceError`. An answer of Salesforce becomes the class that its error
code or status names; what the client sees itself is a :class:`TransportError`,
:class:`OutcomeUnknownError`, :class:`MalformedResponseError` or :class:`InvalidStateError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from ._core.subrequests import Subrequest


@attrs.frozen
class ErrorItem:
    """One item of the error array of an answer; *raw* is the item as it was received."""

    error_code: str | None
    message: str
    fields: tuple[str, ...] = ()
    raw: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


def _objects(value: object, name: str) -> list[Mapping[str, Any]]:
    """Return the objects in the list *name* of *value*, as far as that is what it should be."""
    items = value.get(name) if isinstance(value, Mapping) else None
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


class SalesforceError(Exception):
    """The base of all errors of this package.

    *status_code*, *error_code*, *message* and *fields* are those of the first item in *errors*,
    the whole error array. *subrequest* is the part of a batch that failed, if one did.
    *retry_after* are the seconds to wait before another try, if the answer names them. ``str`` is
    one line that says which request failed, why, and, where it can be known, what to do.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status_code: int | None = None,
        errors: Sequence[ErrorItem] = (),
        subrequest: Subrequest[Any] | None = None,
        request: str | None = None,
    ) -> None:
        message = message or (errors[0].message if errors else "")
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.errors = tuple(errors)
        self.error_code = errors[0].error_code if errors else None
        self.fields: tuple[str, ...] = errors[0].fields if errors else ()
        self.subrequest = subrequest
        self.request = request if subrequest is None else subrequest.label
        self.retry_after: float | None = None

    def __str__(self) -> str:
        known = (str(self.status_code) if self.status_code else None, self.error_code)
        label = " ".join(part for part in known if part)
        text = ": ".join(part for part in (self.request, label, self.message) if part)
        if self.fields:
            text += f" (fields: {', '.join(self.fields)})"
        if len(self.errors) > 1:
            text += f" (and {len(self.errors) - 1} more in .errors)"
        return " ".join(text.split())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class AuthenticationError(SalesforceError):
    """The credentials or the session are not accepted (401, or the token endpoint refused)."""


class AuthorizationError(SalesforceError):
    """The user may not do this (403)."""


class NotFoundError(SalesforceError):
    """There is no such record or resource, or it was deleted (404)."""


class MoreThanOneRecordError(SalesforceError):
    """Several records have this external id (300)."""


class DuplicatesDetectedError(SalesforceError):
    """A duplicate rule refused the record (DUPLICATES_DETECTED)."""

    @property
    def duplicate_ids(self) -> tuple[str, ...]:
        """The ids of the records that match, each once, in the order of the answer.

        Empty if the answer names none: Salesforce leaves out what the user may not see.
        """
        found: dict[str, None] = {}
        for item in self.errors:
            # Salesforce answers with the first spelling.
            result = item.raw.get("duplicateResut") or item.raw.get("duplicateResult")
            for match in _objects(result, "matchResults"):
                for record in _objects(match, "matchRecords"):
                    shown = record.get("record")
                    record_id = shown.get("Id") if isinstance(shown, Mapping) else None
                    if isinstance(record_id, str):
                        found[record_id] = None
        return tuple(found)


class RequestLimitExceededError(SalesforceError):
    """The org's or the user's limit of API requests is used up (REQUEST_LIMIT_EXCEEDED, 429)."""


class RowLockedError(SalesforceError):
    """Another transaction held the record; nothing was changed (UNABLE_TO_LOCK_ROW)."""


class HaltedError(SalesforceError):
    """An earlier subrequest failed and the batch halts on errors; this one was not executed."""


class ActionError(SalesforceError):
    """An action failed for one of its inputs at least (``isSuccess: false``)."""


class MalformedRequestError(SalesforceError):
    """Salesforce refused the request as it stands (400 and the other 4xx)."""


class ServerError(SalesforceError):
    """Salesforce, or its edge, failed while it handled the request (5xx, 408, 420)."""


class TransportError(SalesforceError):
    """No complete answer arrived.

    *sent* is False where the server cannot have received the request, so that nothing happened.
    """

    def __init__(self, message: str = "", *, sent: bool = True, request: str | None = None) -> None:
        super().__init__(message, request=request)
        self.sent = sent


class ConnectError(TransportError):
    """No connection was made (name, network, TLS, proxy, time-out): nothing was sent."""

    def __init__(self, message: str = "", *, request: str | None = None) -> None:
        super().__init__(message, sent=False, request=request)


class ReadTimeoutError(TransportError):
    """The request was sent, and the answer did not come in time."""


class ConnectionLostError(TransportError):
    """The connection ended before the whole answer had arrived."""


class OutcomeUnknownError(SalesforceError):
    """Subrequests were sent and no usable answer came: they may or may not have been executed.

    *subrequests* are the ones concerned. Look in the org, or call ``execute(resend_unknown=True)``
    if executing them twice does no harm. The reason is the ``__cause__``.
    """

    def __init__(
        self,
        message: str = "",
        *,
        subrequests: Sequence[Subrequest[Any]] = (),
        subrequest: Subrequest[Any] | None = None,
    ) -> None:
        super().__init__(message, subrequest=subrequest)
        self.subrequests = tuple(subrequests)


class MalformedResponseError(SalesforceError):
    """The answer is not what Salesforce documents, so it cannot be relied upon."""


class InvalidStateError(SalesforceError):
    """The object is not in a state to do this: no result yet, or closed already."""
