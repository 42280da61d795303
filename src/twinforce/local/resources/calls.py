"""Calls of resources, the subrequests of a batch and others, as their faults will have it."""

from __future__ import annotations

from contextlib import suppress

from ..errors import ApiError
from ..faults import RowLock, SubrequestAnswer
from ..server.http import Call, Reply
from ..server.script import Faults
from ..store.ids import looks_like_id
from .routes import Resources


class Calls:
    """Has *resources* answer, unless one of the *faults* happens to a call."""

    def __init__(self, resources: Resources, faults: Faults) -> None:
        self._resources = resources
        self._faults = faults

    def answer(self, call: Call, url: str, index: int | None = None) -> Reply:
        """Answer *call*, which was made by *url*, as the subrequest *index* unless that is None.

        Raises ApiError for everything that is an error.
        """
        if index is None and _is_batch(call):  # its subrequests have faults, each its own
            return self._resources.answer(call)
        fault = self._faults.of_subrequest(call.method, url, index, call.body)
        match fault:
            case None:
                return self._resources.answer(call)
            case RowLock():
                raise _unable_to_lock_row(call)
            case SubrequestAnswer():
                if fault.executed:
                    with suppress(ApiError):
                        self._resources.answer(call)
                raise ApiError(fault.error_code, fault.message, status=fault.status)


def _is_batch(call: Call) -> bool:
    return tuple(segment.lower() for segment in call.segments) == ("composite", "batch")


def _unable_to_lock_row(call: Call) -> ApiError:
    message = "unable to obtain exclusive access to this record"
    *resource, last = call.segments or ("",)
    if len(resource) == 2 and resource[0].lower() == "sobjects" and looks_like_id(last):
        message += f" or 1 records: {last}"
    return ApiError("UNABLE_TO_LOCK_ROW", message, fields=[])
