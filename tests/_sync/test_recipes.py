# Generated from tests/_async/test_recipes.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Real records, as users have them, loaded through batches over HTTP and read back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from twinforce import AccessToken, Salesforce
from twinforce.local import LocalOrg

DATA = Path(__file__).parents[3] / "shared" / "data" / "apex-recipes"
# The plan's order: a record refers to those of an earlier file.
FILES = {
    "Account": "Accounts.json",
    "Contact": "Contacts.json",
    "Opportunity": "Opportunities.json",
}
COUNTS = {"Account": 50, "Contact": 150, "Opportunity": 50}

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the data is not beside the project")


def rows(sobject: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each record of a file by its reference, without its ``attributes``."""
    for record in json.loads((DATA / FILES[sobject]).read_text("utf-8"))["records"]:
        fields = {name: value for name, value in record.items() if name != "attributes"}
        yield record["attributes"]["referenceId"], fields


def resolved(fields: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """Put the id of a record where a field refers to it, as in ``@AccountRef1``."""
    return {
        name: ids[value[1:]] if isinstance(value, str) and value.startswith("@") else value
        for name, value in fields.items()
    }


def expected(name: str, value: Any) -> Any:
    """Say what Salesforce makes of a value: numbers of text, dates of instants, None of nothing."""
    match name.lower():
        case "amount":
            return float(value)
        case "closedate":
            return dt.datetime.fromisoformat(value).date().isoformat()
        case _:
            return None if value == "" else value


def test_every_record_is_loaded_and_read_back_field_by_field(org: LocalOrg) -> None:
    ids: dict[str, str] = {}
    sent: dict[str, dict[str, Any]] = {}
    with org.serve() as server:
        with Salesforce(server.url, AccessToken(server.access_token)) as salesforce:
            for sobject, count in COUNTS.items():
                with salesforce.composite.batch(autoraise=True) as batch:
                    data = {name: resolved(fields, ids) for name, fields in rows(sobject)}
                    created = {
                        name: batch.sobject.create(sobject, fields) for name, fields in data.items()
                    }
                assert batch.request_count == count // 25
                ids |= {name: subrequest.id for name, subrequest in created.items()}
                sent |= {ids[name]: fields for name, fields in data.items()}
            assert len(sent) == sum(COUNTS.values())

            for sobject, count in COUNTS.items():
                fields = sorted({name for _, row in rows(sobject) for name in row})
                with salesforce.composite.batch() as batch:
                    query = batch.query(f"SELECT Id, {', '.join(fields)} FROM {sobject}")
                assert len(query.records) == count
                for record in query.records:
                    found = {name.lower(): value for name, value in record.items()}
                    wanted = sent[record["Id"]]
                    assert {name: found[name.lower()] for name in wanted} == {
                        name: expected(name, value) for name, value in wanted.items()
                    }
