"""How far a batch is, found out anew from what has changed only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeAlias

from ..progress import Progress
from .subrequests import Subrequest, SubrequestState

_Known: TypeAlias = SubrequestState | None  # None: it is in flight


class Tally:
    """Counts the subrequests of a batch by what was known of each when it was last looked at."""

    def __init__(self) -> None:
        self._known: dict[Subrequest[Any], _Known] = {}
        self._counts = Counter[_Known]()

    def look(self, subrequests: Iterable[Subrequest[Any]]) -> None:
        """Look at *subrequests*, which are new or may have changed."""
        for item in subrequests:
            # Each once: other threads go on meanwhile.
            state = None if item.is_in_flight else item.state
            if item in self._known:
                self._counts[self._known[item]] -= 1
            self._known[item] = state
            self._counts[state] += 1

    def progress(self, *, total: int, requests: int) -> Progress:
        """Say how far the batch is."""
        counts = self._counts
        return Progress(
            total=total,
            succeeded=counts[SubrequestState.SUCCEEDED],
            failed=counts[SubrequestState.FAILED],
            halted=counts[SubrequestState.HALTED],
            in_flight=counts[None],
            unknown=counts[SubrequestState.UNKNOWN],
            requests=requests,
        )
