"""A local org that a process of its own serves from a file, and a client of either twin."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from twinforce import AsyncSalesforce, ClientCredentials, Salesforce

TWINS: Final = ("blocking", "async")

Client = Salesforce | AsyncSalesforce
Wait = Callable[[Any], Any]

TWINFORCE: Final = (
    sys.executable,
    "-c",
    "from twinforce.local.tools.cli import main; raise SystemExit(main())",
)


class ServedOrg:
    """``twinforce serve`` on the file *db*, from :meth:`start` until it is killed or stopped."""

    def __init__(self, db: Path, *options: str) -> None:
        self._options: Sequence[str] = (f"--db={db}", "--json", *options)
        self._process: subprocess.Popen[str] | None = None
        self.port = 0
        self.facts: dict[str, Any] = {}

    def start(self) -> None:
        """Serve, at the port that it had before."""
        command = [*TWINFORCE, "serve", f"--port={self.port}", *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if self._process.stdout is None:
            raise AssertionError
        self.facts = json.loads(self._process.stdout.readline())
        self.port = int(self.facts["url"].rpartition(":")[2])

    def kill(self) -> None:
        """End the process at once (kill -9)."""
        if self._process is not None:
            self._process.kill()
            self._wait()

    def stop(self) -> int:
        """End the process as a service manager does; return its exit status."""
        if self._process is None:
            raise AssertionError
        self._process.send_signal(signal.SIGTERM)
        return self._wait()

    def _wait(self) -> int:
        process, self._process = self._process, None
        if process is None:
            raise AssertionError
        with process:  # closes its pipe
            return process.wait(30)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()


@contextmanager
def client_of(twin: str, facts: Mapping[str, Any]) -> Iterator[tuple[Client, Wait]]:
    """Give a client of the served org, and what makes of its answers, or coroutines, results."""
    grant = ClientCredentials(facts["client_id"], facts["client_secret"])
    if twin == "blocking":
        with Salesforce(facts["url"], grant) as blocking:
            yield blocking, _as_it_is
        return
    with asyncio.Runner() as runner:
        client = AsyncSalesforce(facts["url"], grant)
        try:
            yield client, runner.run
        finally:
            runner.run(client.aclose())


def _as_it_is(result: Any) -> Any:
    return result


def tell(text: str) -> None:
    """Show *text* at once, as a long run does little by little."""
    print(text, flush=True)  # noqa: T201 - for who runs a judge
