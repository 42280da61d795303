"""What the library costs beside the work itself: to import it, and in memory."""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
import tracemalloc
from statistics import median
from typing import Final

import attrs
import orjson

from twinforce import AccessToken, Salesforce

from .contestants import TOKEN, add
from .work import TEN_THOUSAND

IMPORTS: Final = (
    "import twinforce",
    "from twinforce import Salesforce",
    "from twinforce import AsyncSalesforce",
    "import requests",
    "import aiohttp",
    "import simple_salesforce",
    "import aiosalesforce",
)
_UNWANTED: Final = ("requests", "aiohttp", "sqlite3", "lark", "pandas")
_LOADED: Final = f"""
import sys
{{}}
print(*(name for name in {_UNWANTED} if name in sys.modules))
"""
_BLOCKING: Final = """
from twinforce import AccessToken, Salesforce
with Salesforce("http://127.0.0.1:9", AccessToken("A"), retry=None) as salesforce:
    try:
        salesforce.limits()
    except Exception as error:
        assert type(error).__name__ == "ConnectError", error
"""
_ASYNC: Final = """
import asyncio
from twinforce import AccessToken, AsyncSalesforce
async def main():
    async with AsyncSalesforce("http://127.0.0.1:9", AccessToken("A"), retry=None) as salesforce:
        try:
            await salesforce.limits()
        except Exception as error:
            assert type(error).__name__ == "ConnectError", error
asyncio.run(main())
"""


def import_seconds(rounds: int) -> dict[str, float]:
    """Measure what each import takes of the processor, the interpreter's start left out.

    They take turns; the median of the rounds counts.
    """
    seconds: dict[str, list[float]] = {code: [] for code in ("", *IMPORTS)}
    for number in range(-1, rounds):
        for code, taken in seconds.items():
            before = _spent_by_children()
            subprocess.run([sys.executable, "-c", code], check=True)
            if number >= 0:
                taken.append(_spent_by_children() - before)
    start = median(seconds.pop(""))
    return {code: median(taken) - start for code, taken in seconds.items()}


def _spent_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def loaded() -> dict[str, list[str]]:
    """List what of the heavy modules is loaded: by the import alone, and by each twin at work."""
    programs = {"import": "import twinforce", "blocking": _BLOCKING, "async": _ASYNC}
    found = {}
    for name, code in programs.items():
        run = subprocess.run(
            [sys.executable, "-c", _LOADED.format(code)],
            check=True,
            capture_output=True,
            text=True,
        )
        found[name] = run.stdout.split()
    return found


@attrs.frozen
class Memory:
    """Bytes of memory for each pending subrequest, and what of it is the payload."""

    whole: float
    payload: float

    @property
    def extra(self) -> float:
        """The bytes beyond the payload."""
        return self.whole - self.payload


def memory_per_subrequest() -> Memory:
    """Measure the memory that 10,000 pending creates hold; their data belong to the caller."""
    work = TEN_THOUSAND
    payload = sum(len(orjson.dumps(record)) for record in work.records)
    with Salesforce("http://127.0.0.1:9", AccessToken(TOKEN)) as salesforce:
        gc.collect()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            batch = salesforce.composite.batch()
            add(batch, work)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    return Memory((after - before) / len(batch), payload / len(batch))
