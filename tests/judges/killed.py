"""Kills the server of a file org at random moments during a load, and looks at what is left.

``python -m tests.judges.killed`` lets each twin load one batch through half of the kills: it is
interrupted, the server is started again on the same file and port, and ``execute()`` goes on where
it stopped. After each start the org is held to what was answered: what was acknowledged is there,
once; what is UNKNOWN is there once or not at all; what was not sent is not there. The moments
follow from the seed, which is printed, as far as the speed of the machine allows.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from tests.judges.served import TWINS, Client, ServedOrg, Wait, client_of, tell
from twinforce import CreateSubrequest, Subrequest, SubrequestState
from twinforce.errors import SalesforceError

_PENDING: Final = 4000  # so many creations wait when the load begins: more than it gets to
_SOONEST, _LATEST = 0.0, 0.6  # seconds from the beginning of the load to the kill
_ROWS: Final = "SELECT Id, LastName, Description, IsDeleted FROM Contact"


@attrs.define
class Tally:
    """What happened in a run; *wrong* should be empty."""

    kills: int = 0
    during_load: int = 0
    acknowledged: int = 0
    unknown: int = 0
    unknown_but_there: int = 0
    wrong: list[str] = attrs.field(factory=list[str])

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.during_load} of them with requests in the air; "
            f"{self.acknowledged} subrequests acknowledged; {self.unknown} unknown, "
            f"{self.unknown_but_there} of which were executed; {len(self.wrong)} wrong"
        )


@attrs.define(eq=False)
class _Contact:
    """A creation, and the one change of what it created that may follow it."""

    name: str
    creation: CreateSubrequest
    change: Subrequest[Any] | None = None
    deletes: bool = False


class Load:
    """One batch of *salesforce* that is filled and executed again and again.

    *wait* makes of what a method of the client returns its result: it runs the async twin's.
    """

    def __init__(self, salesforce: Client, wait: Wait, dice: random.Random) -> None:
        self._salesforce = salesforce
        self._wait = wait
        self._dice = dice
        self._batch = salesforce.composite.batch(concurrency=4, retry=None)
        self._contacts: list[_Contact] = []

    def fill(self) -> None:
        """Add changes of what is there, and creations until many are waiting."""
        there = [c for c in self._contacts if c.change is None and _is(c.creation, "SUCCEEDED")]
        for contact in self._dice.sample(there, min(200, len(there))):
            contact.deletes = self._dice.random() < 0.3
            contact_id = contact.creation.id
            changed = {"Description": f"changed {contact.name}"}
            sobject = self._batch.sobject
            contact.change = (
                sobject.delete("Contact", contact_id)
                if contact.deletes
                else sobject.update("Contact", contact_id, changed)
            )
        waiting = sum(_is(contact.creation, "PENDING") for contact in self._contacts)
        for _ in range(_PENDING - waiting):
            name = f"Contact {len(self._contacts)}"
            creation = self._batch.sobject.create("Contact", {"LastName": name})
            self._contacts.append(_Contact(name, creation))

    def go_on(self) -> bool:
        """Send what is pending; return whether something came in between."""
        try:
            self._wait(self._batch.execute())
        except SalesforceError:
            return True
        return False

    def count(self, tally: Tally) -> None:
        states = Counter(subrequest.state.name for subrequest in self._batch.subrequests)
        tally.acknowledged += states["SUCCEEDED"]
        tally.unknown += states["UNKNOWN"]
        rows = Counter(row["LastName"] for row in self._rows())
        tally.unknown_but_there += sum(
            rows[c.name] for c in self._contacts if _is(c.creation, "UNKNOWN")
        )

    def disagreements(self) -> Iterator[str]:
        """Tell where the org is not as the states of the subrequests say."""
        by_name: dict[str, list[dict[str, Any]]] = {}
        for row in self._rows():
            by_name.setdefault(row["LastName"], []).append(row)
        for contact in self._contacts:
            for complaint in _complaints(contact, by_name.pop(contact.name, [])):
                yield f"{contact.name}: {complaint}"
        for name in by_name:
            yield f"{name}: nobody created it"

    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._wait(self._salesforce.query(_ROWS, True).all())
        return rows


def _is(subrequest: Subrequest[Any], state: str) -> bool:
    return subrequest.state is SubrequestState[state]


def _complaints(contact: _Contact, rows: list[dict[str, Any]]) -> Iterator[str]:
    creation, change = contact.creation, contact.change
    if len(rows) > 1:
        yield f"there {len(rows)} times"
    if creation.state is SubrequestState.FAILED:
        yield f"its creation failed: {creation.error}"
    if creation.state is SubrequestState.PENDING and rows:
        yield "there, though it was never sent"
    if creation.state is not SubrequestState.SUCCEEDED:
        return
    if not rows:
        yield "acknowledged, and not there"
        return
    [row, *_] = rows
    if row["Id"] != creation.id:
        yield f"acknowledged as {creation.id}, and there as {row['Id']}"
    changed = row["IsDeleted"] if contact.deletes else row["Description"] is not None
    if change is None or change.state is SubrequestState.PENDING:
        if changed:
            yield "changed, though that was never sent"
    elif change.state is SubrequestState.SUCCEEDED:
        if not changed:
            yield "its change was acknowledged, and is not there"
    elif change.state is SubrequestState.FAILED:
        yield f"its change failed: {change.error}"


def judge(twin: str, seed: int, kills: int, folder: Path) -> Tally:
    """Let *twin* load through *kills*; return what happened."""
    dice = random.Random(f"{twin} {seed}")  # noqa: S311 - dice, no secrets
    tally = Tally()
    db = folder / f"{twin}.db"
    with ServedOrg(db) as server, client_of(twin, server.facts) as (client, wait):
        load = Load(client, wait, dice)
        for _ in range(kills):
            load.fill()
            killer = threading.Timer(dice.uniform(_SOONEST, _LATEST), server.kill)
            killer.start()
            tally.during_load += load.go_on()
            killer.join()
            tally.kills += 1
            server.start()
            tally.wrong += load.disagreements()
        if load.go_on():
            tally.wrong.append("what was left could not be loaded in the end")
        tally.wrong += load.disagreements()
        load.count(tally)
        status = server.stop()
        if status:
            tally.wrong.append(f"the server ended with {status}")
    tally.wrong += _unsound(db)
    return tally


def _unsound(db: Path) -> list[str]:
    connection = sqlite3.connect(db)
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check")]
    finally:
        connection.close()
    return [] if found == ["ok"] else found


def main() -> int:
    """Run what the arguments say; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.judges.killed", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="half of them of each twin (20)")
    parser.add_argument("--seed", type=int, help="of the moments (at random)")
    arguments = parser.parse_args()
    seed = arguments.seed
    if seed is None:
        seed = random.SystemRandom().randrange(10**9)
    wrong = 0
    for twin in TWINS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            tally = judge(twin, seed, arguments.kills // len(TWINS), Path(folder))
        tell(f"{twin}, seed {seed}, {time.monotonic() - began:.0f} s: {tally}")
        for complaint in tally.wrong[:20]:
            tell(f"  {complaint}")
        wrong += len(tally.wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
