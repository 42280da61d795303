"""Runs many batches, in several processes."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from tests._async.soak import soak as soak_async
from tests._sync.soak import soak as soak_blocking
from tests.soak.case import Findings
from tests.soak.plan import Plan, plan

TWINS: Final = ("async", "blocking")
_SHARE: Final = 25  # batches that a process takes at a time


def run(twin: str, first: int, batches: int, processes: int) -> Iterator[Findings]:
    """Run *batches* of *twin*, whose seeds begin with *first*, and give the findings in order."""
    starts = range(first, first + batches, _SHARE)
    sizes = [min(_SHARE, first + batches - start) for start in starts]
    if processes == 1:
        for start, size in zip(starts, sizes, strict=True):
            yield from share(twin, start, size)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for findings in pool.map(share, [twin] * len(starts), starts, sizes):
            yield from findings


def share(twin: str, first: int, batches: int) -> list[Findings]:
    """Run *batches* of *twin*, one after the other."""
    # Hooks raise often here, and clients go away while the server of the org listens to them.
    for name in ("twinforce", "aiohttp.server"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return [one(twin, plan(seed)) for seed in range(first, first + batches)]


def one(twin: str, wanted: Plan) -> Findings:
    """Run one batch; what should never come out of it is a disagreement too."""
    try:
        return asyncio.run(soak_async(wanted)) if twin == "async" else soak_blocking(wanted)
    except Exception:  # noqa: BLE001 - told, so that all the others are run
        return Findings(wanted, [traceback.format_exc()])
