# Generated from tests/_async/letters.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Batches in letters: a letter for each subrequest, its result, and what became of it."""

from __future__ import annotations

import json
from typing import Any

from tests.answers import answer
from tests.server import ScriptedServer
from twinforce import Batch, SubrequestState

ID = "0011R00001K1H2IQAV"


def failure(status: int, code: str) -> tuple[int, object]:
    return status, [{"errorCode": code, "message": "x"}]


LOCKED = failure(400, "UNABLE_TO_LOCK_ROW")
HALTED = failure(412, "BATCH_PROCESSING_HALTED")
GONE = failure(404, "ENTITY_IS_DELETED")
RESULTS = {
    "+": (201, {"id": "003", "success": True, "errors": []}),
    "L": LOCKED,
    "H": HALTED,
    "F": failure(400, "DUPLICATE_VALUE"),
    "U": failure(500, "UNKNOWN_EXCEPTION"),
    "G": GONE,
    "N": failure(404, "NOT_FOUND"),
    "P": failure(412, "PRECONDITION_FAILED"),
    "?": (201, {}),
    "M": (300, ["/services/data/v67.0/sobjects/Contact/x"]),
}
STATES = {
    SubrequestState.SUCCEEDED: "+",
    SubrequestState.FAILED: "F",
    SubrequestState.HALTED: "H",
    SubrequestState.PENDING: ".",
    SubrequestState.UNKNOWN: "U",
}


def results(letters: str) -> bytes:
    """Write the answer to a batch, a letter for each result."""
    return answer(*(RESULTS[letter] for letter in letters))


def sent(server: ScriptedServer) -> list[str]:
    """Tell what was sent: for each request the names of its records, or of deletions."""
    return ["".join(map(name, json.loads(each.body)["batchRequests"])) for each in server.received]


def name(item: dict[str, Any]) -> str:
    return "-" if item["method"] == "DELETE" else item["richInput"]["LastName"]


def states(batch: Batch) -> str:
    return "".join(STATES[item.state] for item in batch)


def fill(batch: Batch, names: str, *, update: bool = False) -> Batch:
    """Add a deletion for each ``-`` in *names*, a creation (or an *update*) for each letter."""
    for letter in names:
        if letter == "-":
            batch.sobject.delete("Contact", ID)
        elif update:
            batch.sobject.update("Contact", ID, {"LastName": letter})
        else:
            batch.sobject.create("Contact", {"LastName": letter})
    return batch
