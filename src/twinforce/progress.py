"""How far a batch is, as a value, and as a bar (extra ``twinforce[progress]``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

import attrs


@attrs.frozen
class Progress:
    """How far a batch is, counted in subrequests.

    *done* are those whose outcome is known: *succeeded*, *failed* and *halted* ones together.
    *in_flight* are those that were sent and are not answered yet, *unknown* those that got no
    answer that settles it; the rest waits. *requests*
    is how many requests were sent.
    """

    total: int
    succeeded: int
    failed: int
    halted: int
    in_flight: int
    unknown: int
    requests: int

    @property
    def done(self) -> int:
        """How many have an outcome that is known."""
        return self.succeeded + self.failed + self.halted

    def __str__(self) -> str:
        parts = {"failed": self.failed, "halted": self.halted, "unknown": self.unknown}
        shown = "".join(f", {count} {name}" for name, count in parts.items() if count)
        return f"{self.done} of {self.total}{shown}"


Report: TypeAlias = Callable[[Progress], object]
AsyncReport: TypeAlias = Callable[[Progress], Awaitable[object] | object]


class Bar:
    """Shows progress as a bar of tqdm: in a terminal, or, in a notebook, in its form for those.

    Raises ImportError, which says what to install, without tqdm.
    """

    def __init__(self) -> None:
        try:
            from tqdm.auto import tqdm  # noqa: PLC0415 - an extra, for those who want a bar
        except ImportError as error:
            raise ImportError(
                'progress=True needs tqdm; install it with pip install "twinforce[progress]", or '
                "pass a function that is called with the progress"
            ) from error
        self._tqdm: Any = tqdm
        self._bar: Any = None

    def __call__(self, progress: Progress) -> None:
        """Show *progress*; the bar ends with the last subrequest."""
        if self._bar is None:
            self._bar = self._tqdm(total=progress.total, initial=progress.done, unit="subrequest")
        bar = self._bar
        bar.total = progress.total
        bar.n = progress.done
        bar.set_postfix_str(str(progress).partition(", ")[2], refresh=False)
        bar.refresh()

    def close(self) -> None:
        """End the bar where it is; another execution begins another."""
        bar, self._bar = self._bar, None
        if bar is not None:
            with suppress(OSError, ValueError):  # where it is shown may be full, or closed
                bar.close()
