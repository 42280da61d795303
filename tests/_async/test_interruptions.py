"""A batch that is interrupted at any line of its code says of no subrequest what is not so.

Nor is it locked then: the next execution goes on.
"""

from __future__ import annotations

import json
import linecache
import sys
from collections import Counter
from itertools import count
from types import FrameType
from typing import Any

import pytest

from tests.twin import AsyncAnswers, AsyncPauses
from twinforce import AccessToken, AsyncBatch, AsyncSalesforce, Request, Response, SubrequestState

PAGES = {"first": ["a", "b"], "second": ["c"]}
LOCKED = [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}]
# Where only a tracer can come in between, as Python looks for signals after calls and at jumps back:
# before the step that unlocks the batch, before a with block lets its lock go, and before a block.
SAFE = ("self._executions.pop(", "with ", "async with ", "try:", "await asyncio.gather(")
# A task is cancelled where it waits, and nowhere else.
LOCKS = ("__aenter__", "__aexit__", "_here")


class Interruption(BaseException):
    """As KeyboardInterrupt, which a test cannot raise without ending the run."""


class Org(AsyncAnswers):
    """Counts what it creates; a query has two pages, and the first creation meets a locked row.

    The first request of all, and the first for a page, come too soon.
    """

    def __init__(self) -> None:
        super().__init__()
        self.created = Counter[str]()
        self.met = Counter[str]()

    async def send(self, request: Request, /) -> Response:
        is_batch = request.url.endswith("/composite/batch")
        if self.is_first("batch" if is_batch else "page"):
            return Response(429, {"retry-after": "1"}, b"")
        if not is_batch:
            return Response(200, {}, json.dumps(self.page("second", done=True)).encode())
        items = json.loads(request.content)["batchRequests"]
        results = [self.result(item) for item in items]
        return Response(200, {}, json.dumps({"results": results}).encode())

    def result(self, item: dict[str, Any]) -> dict[str, Any]:
        if item["method"] == "GET":
            return {"statusCode": 200, "result": self.page("first", done=False)}
        name = item["richInput"]["LastName"]
        if name == "0" and self.is_first(name):
            return {"statusCode": 400, "result": LOCKED}
        self.created[name] += 1
        return {"statusCode": 201, "result": {"id": "003", "success": True, "errors": []}}

    def is_first(self, name: str) -> bool:
        self.met[name] += 1
        return self.met[name] == 1

    def page(self, name: str, *, done: bool) -> dict[str, Any]:
        records = [{"Name": letter} for letter in PAGES[name]]
        page: dict[str, Any] = {"totalSize": 3, "done": done, "records": records}
        return page if done else page | {"nextRecordsUrl": "/services/data/v67.0/query/01g-2"}


class Tracer:
    """Raises at a certain line of what a batch does, counted from the start of its execution.

    A line that comes again and again counts twice.
    """

    def __init__(self, line: int) -> None:
        self.left = line
        self.seen = Counter[tuple[str, int]]()

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        name = frame.f_code.co_filename
        if "/twinforce/_" not in name or frame.f_code.co_name in LOCKS:
            return None
        if event == "line":
            self.pass_by(name, frame.f_lineno)
        return self

    def pass_by(self, name: str, number: int) -> None:
        self.seen[name, number] += 1
        if self.seen[name, number] > 2 or linecache.getline(name, number).strip().startswith(SAFE):
            return
        self.left -= 1
        if self.left < 0:
            sys.settrace(None)
            raise Interruption


async def executed(batch: AsyncBatch, line: int) -> bool:
    """Execute *batch*, interrupted at *line*; tell whether it came to its end before that."""
    before = sys.gettrace()
    sys.settrace(Tracer(line))
    try:
        await batch.execute()
    except Interruption:
        return False
    finally:
        sys.settrace(before)
    return True


@pytest.mark.parametrize(("concurrency", "contacts_in_all", "step"), [(1, 2, 1), (2, 30, 5)])
async def test_no_interruption_makes_a_state_untrue(
    concurrency: int, contacts_in_all: int, step: int
) -> None:
    names = [str(number) for number in range(contacts_in_all)]
    for line in count(step=step):
        org = Org()
        salesforce = AsyncSalesforce(
            "https://acme.my.salesforce.com",
            AccessToken("00D!x"),
            transport=org,
            sleep=AsyncPauses(),
            hooks=[lambda _: None],
        )
        batch = salesforce.composite.batch(concurrency=concurrency, progress=lambda _: None)
        queries = [batch.query("SELECT Name FROM Account") for _ in range(2)]
        contacts = [batch.sobject.create("Contact", {"LastName": name}) for name in names]

        was_executed = await executed(batch, line)
        for _ in range(2):
            for query in queries:
                assert query.state is not SubrequestState.FAILED
                if query.is_success:
                    assert [record["Name"] for record in query.records] == ["a", "b", "c"]
            for name, contact in zip(names, contacts, strict=True):
                assert contact.state is not SubrequestState.FAILED
                # A thread that was left behind may be about to have it created; then it is unknown.
                if contact.state is SubrequestState.PENDING:
                    assert org.created[name] == 0
                if contact.is_success:
                    assert org.created[name] == 1
            await batch.execute()

        assert max(org.created.values(), default=0) <= 1
        assert not any(item.state is SubrequestState.PENDING for item in batch)
        if was_executed:
            assert line > 100
            assert batch.request_count > 5
            return
