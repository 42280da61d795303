"""The work that all contestants do: what goes into a batch, and how much has to come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import attrs

VERSION: Final = "67.0"
SOQL: Final = "SELECT Id, FirstName, LastName, Email, Phone, AnnualRevenue FROM Contact LIMIT 200"
RECORD_ID: Final = "0031R00001K1H2IQAV"

Kind: TypeAlias = Literal["create", "query", "get", "update", "delete"]
Record: TypeAlias = Mapping[str, object]


@attrs.frozen
class Work:
    """What one measured turn does: a batch of subrequests, *times* over.

    Each of *kinds* is a subrequest; *records* are the fields of those that write.
    """

    title: str
    kinds: tuple[Kind, ...]
    times: int
    records: tuple[Record, ...] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        records = tuple(record(number) for number in range(len(self.kinds)))
        object.__setattr__(self, "records", records)


def record(number: int) -> Record:
    """Make up the fields of a Contact."""
    return {
        "FirstName": "Jon",
        "LastName": f"Doe {number}",
        "Email": f"jon.doe{number}@example.com",
        "Phone": "+1 555 0100",
        "Description": "Met at the fair; wants to be called back.",
    }


CREATES: Final = Work("25 creates", ("create",) * 25, times=100)
QUERIES: Final = Work("25 queries of 200 records", ("query",) * 25, times=5)
MIXED: Final = Work(
    "a mixed batch of 25", ("create", "query", "get", "update", "delete") * 5, times=10
)
THOUSAND: Final = Work("1,000 creates, split", ("create",) * 1_000, times=1)
TEN_THOUSAND: Final = Work("10,000 creates, split", ("create",) * 10_000, times=1)


def envelopes(work: Work) -> list[dict[str, object]]:
    """Build by hand the envelopes of at most 25 subrequests that *work* takes."""
    items = [_item(kind, data) for kind, data in zip(work.kinds, work.records, strict=True)]
    return [
        {"haltOnError": False, "batchRequests": items[start : start + 25]}
        for start in range(0, len(items), 25)
    ]


_QUERY_URL: Final = f"v{VERSION}/query?q={SOQL.replace(' ', '%20').replace(',', '%2C')}"
_ROW_URL: Final = f"v{VERSION}/sobjects/Contact/{RECORD_ID}"


def _item(kind: Kind, data: Record) -> dict[str, object]:
    match kind:
        case "create":
            return {"method": "POST", "url": f"v{VERSION}/sobjects/Contact", "richInput": data}
        case "query":
            return {"method": "GET", "url": _QUERY_URL}
        case "get":
            return {"method": "GET", "url": _ROW_URL}
        case "update":
            return {"method": "PATCH", "url": _ROW_URL, "richInput": data}
        case "delete":
            return {"method": "DELETE", "url": _ROW_URL}
