"""Runs many batches, draws up what happened, and fails if any disagreed with the org.

``python -m tests.soak`` runs 2,000 batches of each twin. Each has a number, its seed, from which all
of it follows but the moments of timed interruptions and of threads.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.soak.run import TWINS, run
from tests.soak.summary import Summary, told


def main() -> int:
    """Run what the arguments say; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--batches", type=int, default=2000, help="of each twin (2000)")
    parser.add_argument("--twin", choices=TWINS, action="append", help="both, unless given")
    parser.add_argument("--first", type=int, help="the first seed (at random)")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    first = arguments.first
    if first is None:
        first = random.SystemRandom().randrange(10**9)
    tell(f"seeds {first} to {first + arguments.batches - 1}")
    disagreeing = 0
    for twin in arguments.twin or TWINS:
        began = time.monotonic()
        summary = Summary()
        for findings in run(twin, first, arguments.batches, arguments.processes):
            summary.add(findings)
            if findings.disagreements:
                tell(told(findings, twin))
        disagreeing += summary.disagreeing
        tell(f"\n{twin}, {time.monotonic() - began:.0f} s\n{summary}\n")
    return 1 if disagreeing else 0


def tell(text: str) -> None:
    """Show *text* at once, as a long run does little by little."""
    print(text, flush=True)  # noqa: T201 - for who runs it


if __name__ == "__main__":
    sys.exit(main())
