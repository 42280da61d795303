"""What was measured, as Markdown, set against the targets."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import attrs

from .measure import Score

LIBRARIES: Final = (
    "aiohttp",
    "requests",
    "urllib3",
    "orjson",
    "aiosalesforce",
    "simple-salesforce",
)


@attrs.frozen
class Target:
    """A promise, what was measured, and whether that keeps it."""

    case: str
    promise: str
    measured: str
    is_met: bool


def at_most(case: str, what: str, ratio: float, limit: float) -> Target:
    """Promise that something takes at most *limit* times what another thing takes."""
    return Target(case, f"≤ {limit:.2f} x {what}", f"{ratio:.2f} x", ratio <= limit)


def at_least(case: str, what: str, ratio: float, limit: float) -> Target:
    """Promise that something is at least *limit* times faster than another thing."""
    return Target(case, f"≥ {limit:.2f} x faster than {what}", f"{ratio:.2f} x", ratio >= limit)


def scores_table(scores: Sequence[Score], *, of_wall: bool = False) -> Iterator[str]:
    """Show the contestants: medians, quartiles, and how they compare with the first."""
    what = "wall" if of_wall else "processor"
    yield f"| | {what}, ms | quartiles | x the first |"
    yield "| --- | --- | --- | --- |"
    first = scores[0].wall if of_wall else scores[0].processor
    for score in scores:
        seconds = score.wall if of_wall else score.processor
        low, high = score.spread(of_wall=of_wall)
        yield (
            f"| {score.name} | {seconds * 1000:.3f} | {low * 1000:.3f} to {high * 1000:.3f} "
            f"| {seconds / first:.2f} |"
        )
    yield ""


def targets_table(targets: Iterable[Target]) -> Iterator[str]:
    """Show which promises are kept."""
    yield "| case | target | measured | |"
    yield "| --- | --- | --- | --- |"
    for target in targets:
        outcome = "met" if target.is_met else "**missed**"
        yield f"| {target.case} | {target.promise} | {target.measured} | {outcome} |"
    yield ""


def machine() -> str:
    """Describe this machine and the versions that compete, in one paragraph."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} cores, "
        f"{platform.python_implementation()} {platform.python_version()}; {libraries}."
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or sys.platform


BEGIN: Final = "<!-- what `nox -s bench -- --write` measured: -->\n"
END: Final = "<!-- end of what was measured -->\n"


def write_into(page: Path, lines: Iterable[str]) -> None:
    """Replace what stands between the marks in *page*."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{page} lacks the marks between which the results stand")
    results = "\n".join(lines)
    page.write_text(f"{before}{BEGIN}\n{results}\n{END}{after}", encoding="utf-8")
