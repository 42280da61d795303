"""Loads some 20,000 related rows into a file org by our own client, and queries them.

``python -m tests.judges.load``, which needs snowfakery, does so with each twin: batches of creates,
four requests at once, parents by external id and by id, over HTTP, into an org that another
process serves. Every answer is held to the rows that were made. Prints rates and times.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tests.judges import crm
from tests.judges.served import TWINS, Client, ServedOrg, Wait, client_of, tell

_FIELD: Final = """<?xml version="1.0" encoding="UTF-8"?>
<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">
    <fullName>Key__c</fullName>
    <label>Key</label>
    <type>Text</type>
    <length>20</length>
    <externalId>true</externalId>
    <unique>true</unique>
</CustomField>
"""
_LOOK_UPS: Final = 200


class Loader:
    """Loads rows through one client; *wait* makes of what its methods return their results."""

    def __init__(self, salesforce: Client, wait: Wait) -> None:
        self._salesforce = salesforce
        self._wait = wait

    def load(self, rows: crm.Crm) -> None:
        """Create all of *rows*, parents first."""
        without = {"id", "Parent", "Account"}
        ids: dict[int, str] = {}
        for level in (False, True):
            accounts = [row for row in rows.accounts if bool(row.get("Parent")) is level]
            sent: list[dict[str, Any]] = []
            for row in accounts:
                data = {name: value for name, value in row.items() if name not in without}
                if level:
                    data["Parent"] = {"Key__c": crm.key(row["Parent"])}
                sent.append({**data, "Key__c": crm.key(row["id"])})
            created = self._create("Account", sent)
            ids |= dict(zip((row["id"] for row in accounts), created, strict=True))
        contacts = (
            {**_fields(row), "Account": {"Key__c": crm.key(row["Account"])}}
            for row in rows.contacts
        )
        self._create("Contact", contacts)
        opportunities = (
            {**_fields(row), "AccountId": ids[row["Account"]]} for row in rows.opportunities
        )
        self._create("Opportunity", opportunities)

    def _create(self, sobject: str, data: Iterable[dict[str, Any]]) -> list[str]:
        batch = self._salesforce.composite.batch(concurrency=4, autoraise=True)
        creations = [batch.sobject.create(sobject, record) for record in data]
        self._wait(batch.execute())
        return [creation.id for creation in creations]

    def ask(self, soql: str) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = self._wait(self._salesforce.query(soql).all())
        return records

    def look_up(self, rows: crm.Crm) -> list[str]:
        """Return the keys of accounts whose names are not right, each fetched on its own."""
        wrong: list[str] = []
        for row in rows.accounts[:_LOOK_UPS]:
            key = crm.key(row["id"])
            get = self._salesforce.sobject.get("Account", key, external_id_field="Key__c")
            if self._wait(get)["Name"] != row["Name"]:
                wrong.append(key)
        return wrong


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in {"id", "Account"}}


def judge(twin: str, rows: crm.Crm, folder: Path) -> list[str]:
    """Load and query with *twin*, tell how long it took, and return what was not as it should."""
    fields = folder / "schema" / "objects" / "Account" / "fields"
    fields.mkdir(parents=True)
    (fields / "Key__c.field-meta.xml").write_text(_FIELD, "utf-8")
    wrong: list[str] = []
    db, schema = folder / "org.db", f"--schema={folder / 'schema'}"
    with ServedOrg(db, schema) as server, client_of(twin, server.facts) as (client, wait):
        loader = Loader(client, wait)
        began = time.perf_counter()
        loader.load(rows)
        seconds = time.perf_counter() - began
        tell(f"{twin}: {len(rows):,} rows in {seconds:.1f} s, {len(rows) / seconds:,.0f} rows/s")
        for question in crm.questions(rows):
            began = time.perf_counter()
            records = loader.ask(question.soql)
            milliseconds = (time.perf_counter() - began) * 1000
            right = question.read(records) == question.expected
            if not right:
                wrong.append(f"{twin}: {question.name}: {question.soql}")
            tell(
                f"  {question.name:<34} {len(records):>6,} records {milliseconds:>8,.1f} ms"
                f"{'' if right else '   WRONG'}"
            )
        began = time.perf_counter()
        wrong += loader.look_up(rows)
        each = (time.perf_counter() - began) * 1000 / _LOOK_UPS
        tell(f"  {'a record by its external id':<34} {1:>6,} record  {each:>8,.1f} ms")
        if server.stop():
            wrong.append(f"{twin}: the server ended with an error")
    return wrong


def main() -> int:
    """Let both twins load; return the exit status."""
    rows = crm.make()
    tell(
        f"{len(rows.accounts):,} accounts, {len(rows.contacts):,} contacts, "
        f"{len(rows.opportunities):,} opportunities"
    )
    wrong: list[str] = []
    for twin in TWINS:
        with tempfile.TemporaryDirectory() as folder:
            wrong += judge(twin, rows, Path(folder))
    for complaint in wrong:
        tell(f"WRONG: {complaint}")
    return 1 if wrong or len(rows) < 20_000 else 0


if __name__ == "__main__":
    sys.exit(main())
