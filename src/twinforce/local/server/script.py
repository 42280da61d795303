"""``org.faults``: which fault happens when."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable
from typing import Any, Final, overload

import attrs
import orjson

from .. import arguments
from ..faults import (
    Fault,
    Happened,
    IncomingRequest,
    IncomingSubrequest,
    RequestFault,
    RowLock,
    SubrequestAnswer,
    SubrequestFault,
    Waiting,
    WrongResults,
)

_BEFORE_VERSION: Final = re.compile(r"/*(?:services/+data/+)?", re.IGNORECASE)
_READS: Final = frozenset({"GET", "HEAD"})
_ANOTHER_PATH: Final = "/services/data"


@attrs.define
class _Entry:
    fault: Fault
    times: int | None
    skip: int
    when: Callable[[Any], object] | None
    has_happened: bool = False


class Faults:
    """The faults that a local org is to have; see :mod:`twinforce.local.faults`.

    All of it may be used from any thread, also while requests are being answered.
    """

    def __init__(self) -> None:
        # Reentrant, since a *when* may look at what has happened.
        self._lock = threading.RLock()
        self._entries: list[_Entry] = []
        self._happened: list[Happened] = []

    @overload
    def add(
        self,
        fault: RequestFault,
        *,
        times: int | None = 1,
        skip: int = 0,
        when: Callable[[IncomingRequest], object] | None = None,
    ) -> None: ...

    @overload
    def add(
        self,
        fault: SubrequestFault,
        *,
        times: int | None = 1,
        skip: int = 0,
        when: Callable[[IncomingSubrequest], object] | None = None,
    ) -> None: ...

    def add(
        self,
        fault: Fault,
        *,
        times: int | None = 1,
        skip: int = 0,
        when: Callable[[Any], object] | None = None,
    ) -> None:
        """Have *fault* happen to the next *times* requests, after *skip* of them.

        Only those count for which *when* returns something true; without it, all do. It gets an
        :class:`~twinforce.local.faults.IncomingRequest`, or for
        :class:`~twinforce.local.faults.RowLock` and
        :class:`~twinforce.local.faults.SubrequestAnswer` an
        :class:`~twinforce.local.faults.IncomingSubrequest`, and should depend on nothing else. If
        it raises, that is logged, and the request is answered with a 500 and not executed. A
        halted subrequest is not asked about. With *times* None, the fault happens for ever.

        If several faults are due, the one that was added first happens, and the others stay due;
        a request counts for the *skip* of each. So ``skip`` is the number, from 0, of the request
        to which a fault happens.

        The token endpoint is spared, unless *when* tells its path, ``/services/oauth2/token``, from
        others.

        Raises TypeError or ValueError for arguments that make no sense.
        """
        if not isinstance(fault, Fault):
            message = f"fault must be a fault, such as faults.DropAfter(), not {_kind(fault)}"
            raise TypeError(message)
        if times is not None:
            arguments.whole_number("times", times, 1)
        arguments.whole_number("skip", skip, 0)
        if when is not None and (not callable(when) or inspect.iscoroutinefunction(when)):
            message = (
                "when must be a function, not a coroutine function, that takes a request and "
                f"tells whether the fault is meant for it; not {_kind(when)}"
            )
            raise TypeError(message)
        with self._lock:
            self._entries.append(_Entry(fault, times, skip, when))

    def clear(self) -> None:
        """Forget all faults, those that wait and those that happened."""
        with self._lock:
            self._entries.clear()
            self._happened.clear()

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """The faults that did not happen yet, or not as often as they are to.

        One that happens for ever is among them until it has happened once.
        """
        with self._lock:
            return tuple(
                Waiting(entry.fault, entry.times, entry.skip)
                for entry in self._entries
                if entry.times is not None or not entry.has_happened
            )

    @property
    def happened(self) -> tuple[Happened, ...]:
        """The faults that happened, in order, and to what."""
        with self._lock:
            return tuple(self._happened)

    def __repr__(self) -> str:
        return f"<Faults: {len(self.waiting)} waiting, {len(self.happened)} happened>"

    # ---- for the org ----

    def of_request(self, request: IncomingRequest) -> RequestFault | None:
        """Return the fault that happens to *request*, and note that it does."""

        def is_meant(entry: _Entry) -> bool:
            if not isinstance(entry.fault, RequestFault):
                return False
            if isinstance(entry.fault, WrongResults) and not request.is_batch:
                return False
            if not request.is_sign_in:
                return entry.when is None or bool(entry.when(request))
            another = attrs.evolve(request, path=_ANOTHER_PATH)
            return entry.when is not None and bool(entry.when(request)) and not entry.when(another)

        with self._lock:
            fault = self._next(is_meant)
            if not isinstance(fault, RequestFault):
                return None
            self._happened.append(Happened(fault, request))
            return fault

    def of_subrequest(
        self, method: str, url: str, index: int | None, body: bytes
    ) -> SubrequestFault | None:
        """Return the fault that happens to a subrequest, and note that it does.

        *index* is None for a request on its own.
        """
        with self._lock:
            if not self._entries:
                return None  # so nobody looks at the value below
            subrequest = IncomingSubrequest(
                method, _BEFORE_VERSION.sub("", url, count=1), index, _json(body)
            )

            def is_meant(entry: _Entry) -> bool:
                if not isinstance(entry.fault, SubrequestFault):
                    return False
                if isinstance(entry.fault, SubrequestAnswer) and index is None:
                    return False
                if isinstance(entry.fault, RowLock) and method in _READS:
                    return False
                return entry.when is None or bool(entry.when(subrequest))

            fault = self._next(is_meant)
            if not isinstance(fault, SubrequestFault):
                return None
            self._happened.append(Happened(fault, subrequest))
            return fault

    def _next(self, is_meant: Callable[[_Entry], bool]) -> Fault | None:
        """Count down the entries that are meant, and return the fault that is due, if one is."""
        meant = [entry for entry in tuple(self._entries) if is_meant(entry)]
        due = next((entry for entry in meant if not entry.skip), None)
        for entry in meant:
            entry.skip = max(0, entry.skip - 1)
        if due is None:
            return None
        due.has_happened = True
        if due.times is not None:
            due.times -= 1
            self._entries = [entry for entry in self._entries if entry.times != 0]
        return due.fault


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:  # whoever reads it next says so to the client
        return None


def _kind(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__} (make one: {value.__name__}(...))"
    return type(value).__name__
