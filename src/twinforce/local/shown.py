"""How ``twinforce demo`` shows what a batch did."""

from __future__ import annotations

from .._core.batch import BatchBuilder


def tell(title: str, batch: BatchBuilder, **facts: object) -> None:
    """Print the *title* of an example, what its *batch* sent, and *facts* that came of it."""
    plural = "" if batch.request_count == 1 else "s"
    print(f"  {title} [{len(batch)} subrequests, {batch.request_count} request{plural}]")
    for name, fact in facts.items():
        print(f"      {name.replace('_', ' '):<21} {fact}")
