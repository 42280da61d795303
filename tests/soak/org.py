"""The org of one batch, and the truth about it: what it executed, seen where that is done."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

import attrs

from tests.soak.kinds import DELETED_PARTS, KINDS, PAGE, PARTS, Execution, Item
from twinforce import Request, Response, Timeout
from twinforce.local import LocalOrg
from twinforce.local.server.exchange import Broken
from twinforce.local.server.http import Call, Reply
from twinforce.local.server.web import Server
from twinforce.local.store.ids import make_id

_MARK: Final = re.compile(r"mark(\d{4})")
_READS: Final = frozenset({"GET", "HEAD"})
_PATIENCE: Final = 10.0  # seconds for what a client left behind to be executed


@attrs.frozen
class Record:
    """A record as it stands in the org, deleted or not."""

    id: str
    mark: str
    key: str | None
    is_deleted: bool


class SoakOrg(LocalOrg):
    """A local org that counts what it executes, by the index of the subrequest that asked."""

    def __init__(self) -> None:
        super().__init__(page_size=PAGE)
        self.executions: dict[int, list[Execution]] = {}
        self._by_record: dict[str, int] = {}
        self._entered = 0
        self._left = 0
        self._counting = threading.Lock()
        self._add_schema()
        # Below the faults, where a call is executed, and nothing comes after.
        resources = self._api._calls._resources
        self._execute = resources.answer
        vars(resources)["answer"] = self._executed

    def _add_schema(self) -> None:
        self.add_object("Widget__c")
        self.add_field("Widget__c", "Mark__c", "Text", length=40)
        self.add_field("Widget__c", "Need__c", "Text", required=True)
        self.add_field("Widget__c", "Key__c", "Text", external_id=True, unique=True)
        self.add_object("Part__c")
        self.add_field("Part__c", "Number__c", "Number")
        self.add_field("Part__c", "Mark__c", "Text", default="part")
        ids = self._creates("Part__c", [{"Number__c": number} for number in range(PARTS)])
        for number in sorted(DELETED_PARTS):
            self.ask("DELETE", f"sobjects/Part__c/{ids[number]}")

    def plant(self, kinds: Sequence[str]) -> tuple[Item, ...]:
        """Make the subrequests of a batch, and the records that they need."""
        items = [Item(index, KINDS[name], "") for index, name in enumerate(kinds)]
        owners = [item for item in items if item.kind.own]
        ids = iter(
            self._creates(
                "Widget__c",
                [
                    {"Key__c": item.key, "Mark__c": item.first_mark, "Need__c": "there"}
                    for item in owners
                ],
            )
        )
        prefix = make_id("a00", 1)[:3]
        for index, item in enumerate(items):
            record_id = next(ids) if item.kind.own else make_id(prefix, 1_000_000 + index)
            items[index] = attrs.evolve(item, record_id=record_id)
            if item.kind.own == "deleted":
                self.ask("DELETE", f"sobjects/Widget__c/{record_id}")
        self._by_record = {item.record_id: item.index for item in items}
        self.executions.clear()
        return tuple(items)

    def executed(self, item: Item) -> list[Execution]:
        """List how *item* was executed, each time that it was."""
        return list(self.executions.get(item.index, ()))

    def records(self) -> list[Record]:
        """List all records that the batch may have written, as the org has them now."""
        soql = "SELECT Id, Mark__c, Key__c, IsDeleted FROM Widget__c ORDER BY Id"
        page = self.ask("GET", f"queryAll?q={quote(soql)}")
        assert page["done"]
        return [
            Record(found["Id"], found["Mark__c"], found["Key__c"], found["IsDeleted"])
            for found in page["records"]
        ]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Have the org answer, past all clients."""
        headers = {
            "Authorization": f"Bearer {self.access_token}",
            "Content-Type": "application/json",
            "Sforce-Query-Options": "batchSize=2000",
        }
        url = f"{self.instance_url}/services/data/v67.0/{path}"
        sent = None if body is None else json.dumps(body).encode()
        response = self.handle(Request(method, url, headers, sent, Timeout()))
        assert response.status_code < 300, response.body
        return json.loads(response.body) if response.body else None

    def settle(self, server: Server | None) -> None:
        """Wait until everything that was sent to *server* is executed, answered or not."""
        if server is None:
            return
        for _ in range(2):
            # What this is behind of has been read, so it has been entered, or is about to be.
            connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=_PATIENCE)
            connection.request("HEAD", "/services/data")
            connection.getresponse().read()
            connection.close()
            with self._counting:
                assert self._entered >= self._left
            self._wait_until_idle()

    def _wait_until_idle(self) -> None:
        idle = threading.Event()
        for _ in range(int(_PATIENCE * 1000)):
            with self._counting:
                if self._entered == self._left:
                    return
            idle.wait(0.001)
        raise AssertionError("the org does not come to rest")

    def _creates(self, sobject: str, rows: Iterable[dict[str, object]]) -> list[str]:
        made = [self.ask("POST", f"sobjects/{sobject}", row) for row in rows]
        return [each["id"] for each in made]

    def _exchange(self, request: Request) -> Response | Broken:
        with self._counting:
            self._entered += 1
        try:
            return super()._exchange(request)
        finally:
            with self._counting:
                self._left += 1

    def _executed(self, call: Call) -> Reply:
        reply = self._execute(call)
        if call.method not in _READS and call.segments[0] == "sobjects" and reply.status < 300:
            body = reply.body if isinstance(reply.body, dict) else {}
            index = self._index_of(call)
            self.executions.setdefault(index, []).append(Execution(reply.status, body.get("id")))
        return reply

    def _index_of(self, call: Call) -> int:
        found = _MARK.search(call.body.decode()) or _MARK.search(call.segments[-1])
        return int(found[1]) if found else self._by_record.get(call.segments[-1], -1)
