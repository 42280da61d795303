"""What a scripted server executes, and an account of it: the truth that a batch is held to."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from typing import Any

from tests.answers import answer, created, page
from tests.server import Received, reply
from twinforce import AsyncBatch, Batch, CreateSubrequest, SubrequestState

LOCKED = [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}]


def numbers(request: Received) -> list[int]:
    """List the creations in *request*, each by its number."""
    items = json.loads(request.body or b"{}").get("batchRequests", [])
    return [int(item["richInput"]["LastName"]) for item in items if item["method"] == "POST"]


def contact_id(number: int) -> str:
    """Give the id of the contact that creation *number* makes."""
    return str(dict(created(number)[1])["id"])  # type: ignore[call-overload]


class Ledger:
    """Executes batches of creations and queries; each creation counts where it is executed.

    A query by :func:`add_query` has *pages* pages, of one record each. A creation in *locked* meets
    a locked row as often as that says.
    """

    def __init__(self, *, pages: int = 1) -> None:
        self.created = Counter[int]()
        self.locked = Counter[int]()
        self._pages = pages
        self._lock = threading.Lock()

    def execute(self, request: Received) -> bytes:
        """Execute *request*, and give the answer to it."""
        if next_page := re.search(r"/query/01g(\d+)-(\d+)$", request.target):
            body = self._page(int(next_page[1]), int(next_page[2]))
            return reply(200, json.dumps(body).encode())
        if not request.target.endswith("/composite/batch"):
            return reply(200, b"{}")
        items = json.loads(request.body)["batchRequests"]
        with self._lock:
            return answer(*map(self._result, items))

    def agrees_with(self, batch: AsyncBatch | Batch) -> bool:
        """Tell whether each creation in *batch* happened as often as its state says."""
        executed = {
            SubrequestState.SUCCEEDED: (1,),
            SubrequestState.UNKNOWN: (0, 1),
            SubrequestState.PENDING: (0,),
            SubrequestState.FAILED: (0,),
            SubrequestState.HALTED: (0,),
        }
        return all(
            # The state first: it may change from "unknown" while this looks, never from the others.
            item.state in executed and self.created[item.index] in executed[item.state]
            for item in batch
            if isinstance(item, CreateSubrequest)
        )

    def _result(self, item: dict[str, Any]) -> tuple[int, object]:
        if item["method"] == "GET":
            return 200, self._page(int(item["url"].rpartition("%20")[2]), 1)
        number = int(item["richInput"]["LastName"])
        if self.locked[number]:
            self.locked[number] -= 1
            return 400, LOCKED
        self.created[number] += 1
        return created(number)

    def _page(self, number: int, page_number: int) -> dict[str, object]:
        is_last = page_number == self._pages
        next_url = f"/services/data/v67.0/query/01g{number}-{page_number + 1}"
        return page(str(page_number), self._pages, None if is_last else next_url)


def add_contacts(batch: AsyncBatch | Batch, count: int) -> list[CreateSubrequest]:
    """Add *count* creations to *batch*, numbered by their index."""
    return [batch.sobject.create("Contact", {"LastName": str(len(batch))}) for _ in range(count)]


def add_query(batch: AsyncBatch | Batch) -> Any:
    """Add a query to *batch*, numbered by its index."""
    return batch.query(f"SELECT Name FROM Account LIMIT {len(batch)}")
