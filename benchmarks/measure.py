"""Interleaved turns, medians, and how far the measurements spread."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Sequence
from typing import Final

import attrs

from .contestants import AsyncContestant, Contestant
from .work import Work

_WARM_UP_TURNS: Final = 2


@attrs.frozen
class Turn:
    """What one batch took: seconds on the clock, and seconds of the processor."""

    wall: float
    processor: float


@attrs.define
class Score:
    """The turns of one contestant, the warm-up left out."""

    name: str
    turns: list[Turn] = attrs.field(factory=list[Turn])

    @property
    def wall(self) -> float:
        """The median of the seconds on the clock."""
        return statistics.median(turn.wall for turn in self.turns)

    @property
    def processor(self) -> float:
        """The median of the seconds of the processor."""
        return statistics.median(turn.processor for turn in self.turns)

    def spread(self, *, of_wall: bool = False) -> tuple[float, float]:
        """Give the quartiles."""
        values = [turn.wall if of_wall else turn.processor for turn in self.turns]
        low, _, high = statistics.quantiles(values, n=4)
        return low, high


class _Stopwatch:
    def __init__(self) -> None:
        gc.collect()  # what others left behind
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def turn(self, times: int) -> Turn:
        wall, processor = time.perf_counter(), time.process_time()
        return Turn((wall - self._wall) / times, (processor - self._processor) / times)


def _check(name: str, seen: int, work: Work) -> None:
    if seen != len(work.kinds) * work.times:
        raise RuntimeError(f"{name} saw {seen} results of {work.title}, times {work.times}")


async def take_turns_async(
    contestants: dict[str, AsyncContestant], work: Work, rounds: int
) -> list[Score]:
    """Let async *contestants* do *work* in turn, in another order each round."""
    scores = {name: Score(name) for name in contestants}
    for number in range(-_WARM_UP_TURNS, rounds):
        for name in _rotated(list(contestants), number):
            run = contestants[name]
            watch, seen = _Stopwatch(), 0
            for _ in range(work.times):
                seen += await run(work)
            turn = watch.turn(work.times)
            _check(name, seen, work)
            if number >= 0:
                scores[name].turns.append(turn)
    return list(scores.values())


def take_turns(contestants: dict[str, Contestant], work: Work, rounds: int) -> list[Score]:
    """Let blocking *contestants* do *work* in turn, in another order each round."""
    scores = {name: Score(name) for name in contestants}
    for number in range(-_WARM_UP_TURNS, rounds):
        for name in _rotated(list(contestants), number):
            run = contestants[name]
            watch, seen = _Stopwatch(), 0
            for _ in range(work.times):
                seen += run(work)
            turn = watch.turn(work.times)
            _check(name, seen, work)
            if number >= 0:
                scores[name].turns.append(turn)
    return list(scores.values())


def _rotated(names: Sequence[str], number: int) -> list[str]:
    start = number % len(names)
    return [*names[start:], *names[:start]]
