"""How ``twinforce demo`` shows what a batch did."""

from __future__ import annotations

from ..._core.batch import BatchCore
from .output import say


def counted(number: int, noun: str) -> str:
    """Say how many there are."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def tell(title: str, batch: BatchCore, **facts: object) -> None:
    """Print the *title* of an example, what its *batch* sent, and *facts* that came of it."""
    size = f"{counted(len(batch), 'subrequest')}, {counted(batch.request_count, 'request')}"
    say(f"  {title} [{size}]")
    for name, fact in facts.items():
        say(f"      {name.replace('_', ' '):<21} {fact}")
