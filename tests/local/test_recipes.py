"""Rows as their users have them: related by references, numbers as text, hostile strings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.local.caller import Caller

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "apex-recipes"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the data folder is not here")


def loaded(call: Caller) -> dict[str, tuple[str, dict[str, Any]]]:
    """Create all rows of the plan in batches; return id and row by their reference."""
    known: dict[str, tuple[str, dict[str, Any]]] = {}
    for step in json.loads((FOLDER / "data-plan.json").read_text("utf-8")):
        rows = [
            row
            for name in step["files"]
            for row in json.loads((FOLDER / name).read_text("utf-8"))["records"]
        ]
        for start in range(0, len(rows), 25):
            chunk = [
                {key: resolved(value, known) for key, value in row.items()}
                for row in rows[start : start + 25]
            ]
            url = f"v67.0/sobjects/{step['sobject']}"
            body = call.batch(*[("POST", url, row) for row in chunk]).body
            assert body["hasErrors"] is False, body
            for row, result in zip(chunk, body["results"], strict=True):
                known[row["attributes"]["referenceId"]] = (result["result"]["id"], row)
    return known


def resolved(value: Any, known: dict[str, tuple[str, dict[str, Any]]]) -> Any:
    if isinstance(value, str) and value.startswith("@"):
        return known[value.removeprefix("@")][0]
    return value


def test_every_row_loads_and_reads_back_as_it_was(call: Caller) -> None:
    known = loaded(call)
    assert len(known) == 250
    for record_id, row in known.values():
        record = call.get(row["attributes"]["type"], record_id)
        read = {name.lower(): value for name, value in record.items()}
        for name, value in row.items():
            if name != "attributes":
                assert read[name.lower()] == as_read(name.lower(), value)


def as_read(name: str, value: Any) -> Any:
    """Return what the org answers for *value*."""
    if name in {"amount", "annualrevenue"}:
        return float(value)
    if name == "closedate":
        return value[:10]
    if name in {"description", "billingstreet", "shippingstreet"}:
        return value or None
    return value.strip() or None if isinstance(value, str) else value


def test_the_rows_can_be_queried_over_their_relations(call: Caller) -> None:
    known = loaded(call)
    page = call.query(
        "SELECT Account.Name, (SELECT Id FROM Cases) FROM Contact WHERE Account.BillingState = 'de'"
    )
    wanted = {
        record_id
        for record_id, row in known.values()
        if row["attributes"]["type"] == "Account" and row["billingstate"] == "DE"
    }
    contacts = [
        row
        for _, row in known.values()
        if row["attributes"]["type"] == "Contact" and row["accountId"] in wanted
    ]
    assert page["totalSize"] == len(contacts) > 0
