"""Every kind of subrequest that the soak sends: how it is added, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from twinforce import (
    AsyncBatch,
    Batch,
    CreateSubrequest,
    GetSubrequest,
    QuerySubrequest,
    Subrequest,
    UpsertSubrequest,
)

PARTS: Final = 130
DELETED_PARTS: Final = frozenset(range(0, PARTS, 7))
PAGE: Final = 25

AnyBatch = AsyncBatch | Batch
AnySubrequest = Subrequest[Any]


@attrs.frozen
class Execution:
    """What the org answered when it executed something."""

    status: int
    id: str | None


@attrs.frozen
class Item:
    """A subrequest of a batch. *mark* is unique; *record_id* is that of its own record, if any."""

    index: int
    kind: Kind
    record_id: str

    @property
    def mark(self) -> str:
        """What its writes leave in the org."""
        return f"mark{self.index:04}"

    @property
    def key(self) -> str:
        """The external id of its own record."""
        return f"key {self.mark}/?&"

    @property
    def first_mark(self) -> str:
        """What stands in its own record before anything is written."""
        return f"first {self.mark}"

    @property
    def numbers(self) -> tuple[int, int]:
        """Which parts its query asks for."""
        low = self.index * 31 % (PARTS // 2)
        return low, low + self.kind.parts


Adds = Callable[[AnyBatch, Item], AnySubrequest]
Checks = Callable[[AnySubrequest, Item, Sequence[Execution]], bool]


def _no_check(subrequest: AnySubrequest, item: Item, executions: Sequence[Execution]) -> bool:
    return False


@attrs.frozen
class Kind:
    """A kind of subrequest.

    *works*: it succeeds, if nothing goes wrong. *own*: it has a record of its own, which may be a
    deleted one. *is_right* looks at the results of a success. *parts* is how many it asks for.
    """

    adds: Adds
    is_right: Checks = _no_check
    works: bool = True
    writes: bool = True
    creates: bool = False
    deletes: bool = False
    own: str = ""
    parts: int = 0
    first_page_only: bool = False


def _data(item: Item, **more: object) -> dict[str, object]:
    return {"Mark__c": item.mark, "Need__c": "there", **more}


# ---- what the results of a success must be ----


def _is_created(subrequest: AnySubrequest, item: Item, executions: Sequence[Execution]) -> bool:
    assert isinstance(subrequest, CreateSubrequest)
    return subrequest.id == executions[-1].id


def _is_upserted(subrequest: AnySubrequest, item: Item, executions: Sequence[Execution]) -> bool:
    assert isinstance(subrequest, UpsertSubrequest)
    created = executions[-1].status == 201
    return (subrequest.id, subrequest.created) == (executions[-1].id, created)


def _has_id(subrequest: AnySubrequest, item: Item, executions: Sequence[Execution]) -> bool:
    assert not isinstance(subrequest, CreateSubrequest)
    return bool(getattr(subrequest, "id", None) == item.record_id)


def _has_no_id(subrequest: AnySubrequest, item: Item, executions: Sequence[Execution]) -> bool:
    return getattr(subrequest, "id", "") is None


def _is_record(subrequest: AnySubrequest, item: Item, executions: Sequence[Execution]) -> bool:
    assert isinstance(subrequest, GetSubrequest)
    found = subrequest.record["Id"], subrequest.record["Mark__c"]
    return found == (item.record_id, item.first_mark)


def _is_answered(subrequest: AnySubrequest, item: Item, executions: Sequence[Execution]) -> bool:
    result = subrequest.result
    if not executions:
        return result is None or "DailyApiRequests" in result
    if item.kind.deletes and subrequest.status_code == 404:
        return bool(result[0]["errorCode"] == "ENTITY_IS_DELETED")
    return bool((result and result["id"]) == executions[-1].id)


def _has_parts(subrequest: AnySubrequest, item: Item, executions: Sequence[Execution]) -> bool:
    assert isinstance(subrequest, QuerySubrequest)
    with_deleted = item.kind is KINDS["queryAll"]
    wanted = [n for n in range(*item.numbers) if with_deleted or n not in DELETED_PARTS]
    found = [record["Number__c"] for record in subrequest.records]
    is_part = item.kind.first_page_only and len(wanted) > PAGE
    return (
        found == (wanted[:PAGE] if is_part else wanted)
        and subrequest.total_size == len(wanted)
        and subrequest.complete is not is_part
        and (subrequest.next_records_url is not None) is is_part
    )


# ---- how they are added ----


def _create(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.sobject.create("Widget__c", _data(item))


def _create_with_key(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.sobject.create("Widget__c", _data(item, Key__c=item.key))


def _create_without_need(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.sobject.create("Widget__c", {"Mark__c": item.mark})


def _update(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.sobject.update("Widget__c", item.record_id, {"Mark__c": item.mark})


def _update_by_key(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.sobject.update(
        "Widget__c", item.key, {"Mark__c": item.mark}, external_id_field="Key__c"
    )


def _upsert(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.sobject.upsert("Widget__c", "Key__c", _data(item, Key__c=item.key))


def _upsert_without_need(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.sobject.upsert("Widget__c", "Key__c", {"Mark__c": item.mark}, external_id=item.key)


def _upsert_update_only(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.sobject.upsert(
        "Widget__c", "Key__c", _data(item), external_id=item.key, update_only=True
    )


def _delete(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.sobject.delete("Widget__c", item.record_id)


def _delete_by_key(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.sobject.delete("Widget__c", item.key, external_id_field="Key__c")


def _get(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.sobject.get("Widget__c", item.record_id, fields=["Id", "Mark__c"])


def _get_by_key(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.sobject.get("Widget__c", item.key, external_id_field="Key__c")


def _soql(item: Item) -> str:
    low, high = item.numbers
    # The last condition holds for all, and tells the subrequests of a batch apart.
    return (
        f"SELECT Number__c FROM Part__c WHERE Number__c >= {low} AND Number__c < {high} "
        f"AND Mark__c != '{item.mark}' ORDER BY Number__c"
    )


def _query(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.query(_soql(item), first_page_only=item.kind.first_page_only)


def _query_all(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.query(_soql(item), include_all_records=True)


def _odd_query(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.query(f"SELECT Nothing__c FROM Part__c WHERE Mark__c = '{item.mark}'")


def _request_limits(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.request("GET", f"limits?mark={item.mark}")


def _request_head(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.request("HEAD", f"v66.0/limits?mark={item.mark}")


def _request_post(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.request("POST", "v67.0/sobjects/Widget__c", _data(item))


def _request_patch(batch: AnyBatch, item: Item) -> AnySubrequest:
    path = f"/services/data/v67.0/sobjects/Widget__c/{item.record_id}"
    return batch.request("PATCH", path, {"Mark__c": item.mark})


def _request_delete(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.request("DELETE", f"sobjects/Widget__c/{item.record_id}")


def _request_nothing(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.request("POST", "sobjects/Nothing__c", _data(item))


def _request_put(batch: AnyBatch, item: Item) -> AnySubrequest:
    return batch.request("PUT", "sobjects/Widget__c", _data(item))


_FAILS: Final[Any] = {"works": False}
_READS: Final[Any] = {"writes": False}
_HAS: Final[Any] = {"own": "record"}
_HAD: Final[Any] = {"own": "deleted"}

KINDS: Final[Mapping[str, Kind]] = {
    "create": Kind(_create, _is_created, creates=True),
    "create with key": Kind(_create_with_key, _is_created, creates=True),
    "create, duplicate": Kind(_create_with_key, creates=True, **_HAS, **_FAILS),
    "create, field missing": Kind(_create_without_need, creates=True, **_FAILS),
    "delete": Kind(_delete, _has_id, deletes=True, **_HAS),
    "delete by key": Kind(_delete_by_key, _has_no_id, deletes=True, **_HAS),
    "delete by key, unknown": Kind(_delete_by_key, deletes=True, **_FAILS),
    "delete, deleted": Kind(_delete, _has_id, deletes=True, **_HAD, **_FAILS),
    "delete, unknown": Kind(_delete, deletes=True, **_FAILS),
    "get": Kind(_get, _is_record, **_HAS, **_READS),
    "get by key": Kind(_get_by_key, _is_record, **_HAS, **_READS),
    "get, deleted": Kind(_get, **_HAD, **_READS, **_FAILS),
    "get, unknown": Kind(_get, **_READS, **_FAILS),
    "query": Kind(_query, _has_parts, parts=20, **_READS),
    "query, nothing": Kind(_query, _has_parts, **_READS),
    "query, first page": Kind(_query, _has_parts, parts=60, first_page_only=True, **_READS),
    "query, one page of one": Kind(_query, _has_parts, parts=9, first_page_only=True, **_READS),
    "query, two pages": Kind(_query, _has_parts, parts=40, **_READS),
    "query, three pages": Kind(_query, _has_parts, parts=65, **_READS),
    "query, refused": Kind(_odd_query, **_READS, **_FAILS),
    "queryAll": Kind(_query_all, _has_parts, parts=55, **_READS),
    "request, DELETE": Kind(_request_delete, _is_answered, deletes=True, **_HAS),
    "request, GET": Kind(_request_limits, _is_answered, **_READS),
    "request, HEAD": Kind(_request_head, _is_answered, **_READS),
    "request, PATCH": Kind(_request_patch, _is_answered, **_HAS),
    "request, POST": Kind(_request_post, _is_answered, creates=True),
    "request, POST nowhere": Kind(_request_nothing, creates=True, **_FAILS),
    "request, PUT": Kind(_request_put, creates=True, **_FAILS),
    "update": Kind(_update, _has_id, **_HAS),
    "update by key": Kind(_update_by_key, _has_no_id, **_HAS),
    "update by key, unknown": Kind(_update_by_key, **_FAILS),
    "update, deleted": Kind(_update, **_HAD, **_FAILS),
    "update, unknown": Kind(_update, **_FAILS),
    "upsert, field missing": Kind(_upsert_without_need, **_FAILS),
    "upsert, new": Kind(_upsert, _is_upserted),
    "upsert, record": Kind(_upsert, _is_upserted, **_HAS),
    "upsert, update only": Kind(_upsert_update_only, _is_upserted, **_HAS),
    "upsert, update only, unknown": Kind(_upsert_update_only, **_FAILS),
}
