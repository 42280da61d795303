"""A batch that is interrupted at any line of its code says of no subrequest what is not so."""

from __future__ import annotations

import json
import sys
from collections import Counter
from itertools import count
from types import FrameType
from typing import Any

from tests.twin import AsyncAnswers
from twinforce import AccessToken, AsyncBatch, AsyncSalesforce, Request, Response, SubrequestState

PAGES = {"first": ["a", "b"], "second": ["c"]}


class Interruption(BaseException):
    """As KeyboardInterrupt, which a test cannot raise without ending the run."""


class Org(AsyncAnswers):
    """Counts what it creates; a query has two pages."""

    def __init__(self) -> None:
        super().__init__()
        self.created = Counter[str]()

    async def send(self, request: Request, /) -> Response:
        if not request.url.endswith("/composite/batch"):
            return Response(200, {}, json.dumps(self.page("second", done=True)).encode())
        items = json.loads(request.body or b"")["batchRequests"]
        results = [self.result(item) for item in items]
        return Response(200, {}, json.dumps({"results": results}).encode())

    def result(self, item: dict[str, Any]) -> dict[str, Any]:
        if item["method"] == "GET":
            return {"statusCode": 200, "result": self.page("first", done=False)}
        self.created[item["richInput"]["LastName"]] += 1
        return {"statusCode": 201, "result": {"id": "003", "success": True, "errors": []}}

    def page(self, name: str, *, done: bool) -> dict[str, Any]:
        records = [{"Name": letter} for letter in PAGES[name]]
        page: dict[str, Any] = {"totalSize": 3, "done": done, "records": records}
        return page if done else page | {"nextRecordsUrl": "/services/data/v67.0/query/01g-2"}


class Tracer:
    """Raises at a certain line of what a batch does, counted from the start of its execution."""

    def __init__(self, line: int) -> None:
        self.left = line

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        name = frame.f_code.co_filename
        if not name.endswith(("/_core/batch.py", "/_core/subrequests.py")):
            return None
        # Where the batch is locked and unlocked, an interruption leaves it locked: said, not untrue.
        if frame.f_code.co_name == "_execution":
            return None
        if event == "line":
            self.left -= 1
            if self.left < 0:
                sys.settrace(None)
                raise Interruption
        return self


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


async def test_no_interruption_makes_a_state_untrue() -> None:
    for line in count():
        org = Org()
        salesforce = AsyncSalesforce(
            "https://acme.my.salesforce.com", AccessToken("00D!x"), transport=org
        )
        batch = salesforce.composite.batch()
        queries = [batch.query("SELECT Name FROM Account") for _ in range(2)]
        contacts = [batch.sobject.create("Contact", {"LastName": name}) for name in ("0", "1")]

        was_executed = await executed(batch, line)
        for _ in range(2):
            for query in queries:
                assert query.state is not SubrequestState.FAILED
                if query.is_success:
                    assert [record["Name"] for record in query.records] == ["a", "b", "c"]
            for name, contact in zip(("0", "1"), contacts, strict=True):
                if contact.is_success:
                    assert org.created[name] == 1
                if contact.state is SubrequestState.PENDING:
                    assert org.created[name] == 0
            await batch.execute()

        assert max(org.created.values(), default=0) <= 1
        assert not any(item.state is SubrequestState.PENDING for item in batch)
        if was_executed:
            assert line > 100
            return
