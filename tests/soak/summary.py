"""What many batches of the soak were like, all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import attrs

from tests.soak.case import Findings


@attrs.define
class Summary:
    """Counts of batches of one twin."""

    batches: int = 0
    over_http: int = 0
    executions: int = 0
    requests: int = 0
    faults: Counter[str] = attrs.field(factory=Counter)
    kinds: Counter[str] = attrs.field(factory=Counter)
    states: Counter[str] = attrs.field(factory=Counter)
    errors: Counter[str] = attrs.field(factory=Counter)
    disagreeing: int = 0

    def add(self, found: Findings) -> None:
        """Count in what was *found* of one batch."""
        self.batches += 1
        self.over_http += found.plan.over_http
        self.executions += found.executions
        self.requests += found.requests
        self.faults += found.faults
        self.kinds.update(found.plan.kinds)
        self.states += found.states
        self.errors += found.errors
        self.disagreeing += bool(found.disagreements)

    def __str__(self) -> str:
        first = (
            f"{self.batches} batches ({self.over_http} over HTTP), "
            f"{self.kinds.total()} subrequests, {self.executions} executions, "
            f"{self.requests} requests, {self.faults.total()} faults and disturbances"
        )
        lines = [
            first,
            *_listed("subrequests", self.kinds),
            *_listed("faults", self.faults),
            *_listed("execute() raised", self.errors),
            *_listed("states in the end", self.states),
            f"batches that disagree with the org: {self.disagreeing}",
        ]
        return "\n".join(lines)


def told(findings: Findings, twin: str = "async") -> str:
    """Tell where a batch disagrees with the org, and how to see it again."""
    seed = findings.plan.seed
    return "\n".join(
        [
            f"seed {seed}, again: python -m tests.soak --twin {twin} --first {seed} --batches 1",
            str(findings.plan),
            *(f"  DISAGREES: {problem}" for problem in findings.disagreements[:20]),
        ]
    )


def _listed(title: str, counts: Mapping[str, int]) -> list[str]:
    return [f"{title}:", *(f"  {count:8} {name}" for name, count in sorted(counts.items()))]
