"""How the org says no: an HTTP status with one item of Salesforce's error array."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

_LOG: Final = logging.getLogger("twinforce.local")


class ApiError(Exception):
    """An answer that is an error. *fields* is None where Salesforce leaves the key out."""

    def __init__(
        self,
        error_code: str,
        message: str,
        *,
        status: int = 400,
        fields: Sequence[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message
        self.fields = fields

    def body(self) -> list[dict[str, Any]]:
        """The error array as a plain REST resource shows it."""
        item: dict[str, Any] = {"message": self.message, "errorCode": self.error_code}
        if self.fields is not None:
            item["fields"] = list(self.fields)
        return [item]


def resource_not_found() -> ApiError:
    """There is nothing at this URL: neither a resource nor a record."""
    return ApiError("NOT_FOUND", "The requested resource does not exist", status=404)


def no_such_external_id(name: str) -> ApiError:
    """A record is addressed by what is neither an id nor a field that identifies it."""
    message = f"Provided external ID field does not exist or is not accessible: {name}"
    return ApiError("NOT_FOUND", message, status=404)


def not_in_a_batch() -> ApiError:
    """The resource is there, but no subrequest of a batch may use it."""
    return ApiError("INVALID_BATCH_REQUEST", "Cannot access this resource in a batch request")


def unexpected(fault: BaseException, failed: str) -> ApiError:
    """Log a *fault* of the org itself, and return what is answered instead, as Salesforce does."""
    _LOG.error("the local org failed to answer %s", failed, exc_info=fault)
    message = "An unexpected error occurred. The log of twinforce.local says more."
    return ApiError("UNKNOWN_EXCEPTION", message, status=500)


def not_implemented(what: str) -> ApiError:
    """Salesforce has it, the local org does not; said plainly so that nobody hunts for a typo."""
    return ApiError(
        "NOT_IMPLEMENTED_IN_LOCAL_ORG",
        f"The local org does not execute {what}. Salesforce does: try this against a real org.",
    )
