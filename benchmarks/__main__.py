"""Run the benchmarks: ``python -m benchmarks``, or ``nox -s bench``, which installs the peers.

A canned server answers from a process of its own. Contestants take turns at the same work, in
another order each round; medians count. It is processor time of the client that is compared, but
for the case in which the server takes 50 ms: there it is time on the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Final

from . import contestants, footprint, parts, report, work
from .canned import served
from .measure import Score, take_turns, take_turns_async
from .report import Target, at_least, at_most
from .work import Work

PAGE: Final = Path(__file__).parent.parent / "docs" / "performance.md"
LATENCY: Final = 0.05
AT_ONCE: Final = 10

ASYNC: Final = {
    "AsyncSalesforce": contestants.twinforce_async,
    "bare aiohttp": contestants.bare_aiohttp,
    "aiosalesforce": contestants.aiosalesforce_peer,
}
BLOCKING: Final = {
    "Salesforce": contestants.twinforce_blocking,
    "bare requests": contestants.bare_requests,
    "requests as usual": contestants.usual_requests,
    "simple-salesforce": contestants.simple_salesforce_peer,
}


async def _async_scores(
    url: str, each: Work, rounds: int, concurrency: int, names: tuple[str, ...]
) -> list[Score]:
    async with AsyncExitStack() as stack:
        runs = {
            name: await stack.enter_async_context(ASYNC[name](url, concurrency)) for name in names
        }
        return await take_turns_async(runs, each, rounds)


def _blocking_scores(
    url: str, each: Work, rounds: int, concurrency: int, names: tuple[str, ...]
) -> list[Score]:
    with ExitStack() as stack:
        runs = {name: stack.enter_context(BLOCKING[name](url, concurrency)) for name in names}
        return take_turns(runs, each, rounds)


def both_twins(
    url: str, each: Work, rounds: int, *, concurrency: int = 1, with_peers: bool = True
) -> tuple[list[Score], list[Score]]:
    """Measure *each* with all contestants; without peers, with the bare libraries only."""
    names, blocking_names = tuple(ASYNC), tuple(BLOCKING)
    if not with_peers:
        names, blocking_names = names[:2], blocking_names[:2]
    return (
        asyncio.run(_async_scores(url, each, rounds, concurrency, names)),
        _blocking_scores(url, each, rounds, concurrency, blocking_names),
    )


def run(rounds: int) -> Iterator[str]:
    """Measure everything; give the report, line by line as it comes about."""
    yield report.machine()
    yield f"Medians of {rounds} rounds.\n"
    targets: list[Target] = []
    with served() as url:
        yield from _small_batches(url, rounds, targets)
        yield from _many_subrequests(url, rounds, targets)
        yield "### Where the time of 25 creates goes, each step again and again\n"
        yield "| | processor, µs |"
        yield "| --- | --- |"
        for step, taken in {**parts.of_the_transports(url), **parts.of_the_client()}.items():
            yield f"| {step} | {taken:.0f} |"
        yield ""
    with served(LATENCY) as url:
        yield from _latency(url, rounds, targets)
    yield from _footprint(rounds, targets)
    yield "### Targets\n"
    yield from report.targets_table(targets)


def _small_batches(url: str, rounds: int, targets: list[Target]) -> Iterator[str]:
    # Of each case: the most times bare, and the least times faster than the peer, by twin.
    promises = (
        (work.CREATES, ((1.25, 4.0), (1.25, 1.6))),
        (work.QUERIES, ((1.10, 1.55), (1.10, 3.5))),
        (work.MIXED, (None, None)),
    )
    for each, limits in promises:
        yield f"### {each.title[0].upper()}{each.title[1:]}\n"
        pair = both_twins(url, each, rounds)
        for scores, limit in zip(pair, limits, strict=True):
            yield from report.scores_table(scores)
            if limit is not None:
                ours, bare, *_, peer = scores
                twin = f"{each.title}, {ours.name}"
                at_least_faster = peer.processor / ours.processor
                targets += (
                    at_most(twin, bare.name, ours.processor / bare.processor, limit[0]),
                    at_least(twin, peer.name, at_least_faster, limit[1]),
                )


def _many_subrequests(url: str, rounds: int, targets: list[Target]) -> Iterator[str]:
    sizes = (work.CREATES, work.THOUSAND, work.TEN_THOUSAND)
    measured = [both_twins(url, each, 0, with_peers=False) for each in sizes]
    # The sizes take turns, since the machine may be faster now, and slower in a while.
    for _ in range(max(3, rounds // 3)):
        for each, pair in zip(sizes, measured, strict=True):
            for scores, more in zip(pair, both_twins(url, each, 1, with_peers=False), strict=True):
                for score, another in zip(scores, more, strict=True):
                    score.turns += another.turns
    for twin in (0, 1):
        yield f"### {measured[0][twin][0].name}: processor time of a subrequest, by their number\n"
        yield "| subrequests | ours, µs | bare, µs |"
        yield "| --- | --- | --- |"
        for each, pair in zip(sizes, measured, strict=True):
            ours, bare = (score.processor / len(each.kinds) * 1e6 for score in pair[twin])
            yield f"| {len(each.kinds):,} | {ours:.1f} | {bare:.1f} |"
        yield ""
        few, many = (
            measured[index][twin][0].processor / len(sizes[index].kinds) for index in (0, 2)
        )
        name = f"10,000 subrequests, {measured[0][twin][0].name}"
        targets.append(at_most(name, "that of a subrequest among 25", many / few, 1.1))


def _latency(url: str, rounds: int, targets: list[Target]) -> Iterator[str]:
    each = work.THOUSAND
    requests = math.ceil(len(each.kinds) / 25)
    least = math.ceil(requests / AT_ONCE) * LATENCY
    yield (
        f"### 1,000 subrequests, {LATENCY * 1000:.0f} ms each request, {AT_ONCE} at once: "
        f"at least {least * 1000:.0f} ms\n"
    )
    for scores in both_twins(url, each, rounds, concurrency=AT_ONCE, with_peers=False):
        yield from report.scores_table(scores, of_wall=True)
        name = f"1,000 subrequests, 50 ms, 10 at once, {scores[0].name}"
        targets.append(at_most(name, "the least possible", scores[0].wall / least, 1.25))


def _footprint(rounds: int, targets: list[Target]) -> Iterator[str]:
    memory = footprint.memory_per_subrequest()
    yield "### Memory and imports\n"
    yield (
        f"Of 10,000 pending creates, each holds {memory.whole:.0f} bytes, of which "
        f"{memory.payload:.0f} are its payload.\n"
    )
    targets.append(
        Target(
            "memory of a pending subrequest, beyond its payload",
            "≤ 1,500 bytes",
            f"{memory.extra:.0f} bytes",
            memory.extra <= 1500,
        )
    )
    seconds = footprint.import_seconds(rounds)
    yield "| | processor, ms |"
    yield "| --- | --- |"
    for name, taken in seconds.items():
        yield f"| `{name}` | {taken * 1000:.0f} |"
    yield ""
    ratio = seconds["import twinforce"] / seconds["import requests"]
    targets.append(at_most("`import twinforce`", "`import requests`", ratio, 0.6))
    unwanted = {"import": set[str](), "blocking": {"requests"}, "async": {"aiohttp"}}
    for name, found in footprint.loaded().items():
        extra = set(found) - unwanted[name]
        what = "`import twinforce`" if name == "import" else f"a client that sends, {name}"
        allowed = ", ".join(unwanted[name]) or "nothing heavy"
        targets.append(Target(what, f"loads {allowed}", ", ".join(found) or "nothing", not extra))


def _rounds(given: str) -> int:
    if not given.isdecimal() or int(given) < 2:
        raise argparse.ArgumentTypeError(f"{given!r} is not a number from 2 on")
    return int(given)


def main() -> None:
    """Run the benchmarks, as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--rounds", type=_rounds, default=31, help="how often each takes its turn, at least twice"
    )
    parser.add_argument("--write", action="store_true", help=f"write the results to {PAGE.name}")
    options = parser.parse_args()
    lines = []
    for line in run(options.rounds):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        report.write_into(PAGE, lines)


if __name__ == "__main__":
    main()
