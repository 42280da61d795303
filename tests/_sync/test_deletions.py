# Generated from tests/_async/test_deletions.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""A deletion that is sent again, since its outcome was in doubt, and finds the record gone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.answers import refusal
from tests.server import Fault, ScriptedServer, Step, reply
from twinforce import RetryPolicy, Salesforce, errors

from .letters import GONE, ID, fill, results, sent, states
from .waiting import HALFWAY, Naps, waiting_client

GOES_ON, HALTS = False, True


@pytest.fixture(autouse=True)
def _tamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*HALFWAY)


@pytest.mark.parametrize(
    ("halt_on_error", "names", "answers", "expected", "outcome"),
    [
        (GOES_ON, "-", "G", "-", "+"),
        (GOES_ON, "A-B", "+G+", "A-B", "+++"),
        (GOES_ON, "--", "GN", "--", "+U"),
        (GOES_ON, "-", "N", "-", "U"),
        (GOES_ON, "-A", "GG", "-A", "+U"),
        (HALTS, "-AB", "GHH ++", "-AB AB", "+++"),
        (HALTS, "A-B", "+GH +", "A-B B", "+++"),
        (HALTS, "--A", "GHH GH +", "--A -A A", "+++"),
        (HALTS, "-AB", "GHH LH ++", "-AB AB AB", "+++"),
        (HALTS, "-AB", "GHH FH", "-AB AB", "+UU"),
        (HALTS, "-AB", "NHH", "-AB", "UUU"),
        (HALTS, "A-B", "FHH", "A-B", "UUU"),
    ],
)
@pytest.mark.parametrize("says_so", [False, True])
def test_a_deletion_in_doubt_whose_record_is_gone_has_succeeded(
    server: ScriptedServer,
    says_so: bool,
    halt_on_error: bool,
    names: str,
    answers: str,
    expected: str,
    outcome: str,
) -> None:
    server.play(Fault.DROP)
    for letters in answers.split():
        server.play(results(letters))
    naps = Naps()
    policy = RetryPolicy(attempts=4, base=1)
    with waiting_client(server, naps, retry=policy) as salesforce:
        batch = salesforce.composite.batch(halt_on_error, retry=None if says_so else policy)
        fill(batch, names, update=True)
        if says_so:
            with pytest.raises(errors.OutcomeUnknownError):
                batch.execute()
            batch._retry = policy
        if "U" in outcome:
            with pytest.raises(errors.OutcomeUnknownError):
                batch.execute(resend_unknown=says_so)
        else:
            batch.execute(resend_unknown=says_so)

    assert sent(server) == [names, *expected.split()]
    assert states(batch) == outcome
    for item in batch.succeeded:
        item.raise_for_status()
        assert item.error is None
    # Only after the lost request and behind a locked row is there a wait.
    assert len(naps) == (not says_so) + answers.count("L")


def test_what_was_halted_behind_a_deletion_waits_where_it_cannot_be_sent(
    server: ScriptedServer,
) -> None:
    server.play(Fault.DROP)
    with waiting_client(server, Naps(), retry=None) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error=True), "-")
        with pytest.raises(errors.OutcomeUnknownError):
            batch.execute()
        fill(batch, "A")
        server.play(results("GH"))
        server.play(reply(429))
        with pytest.raises(errors.RequestLimitExceededError):
            batch.execute(resend_unknown=True)
        assert states(batch) == "+."

        server.play(results("+"))
        batch.execute()
    assert sent(server) == ["-", "-A", "A", "A"]
    assert states(batch) == "++"


@pytest.mark.parametrize("steps", [(), (reply(429),), (reply(420),), (results("L"),)])
def test_a_deletion_that_was_not_in_doubt_fails_where_its_record_is_gone(
    server: ScriptedServer, steps: tuple[Step, ...]
) -> None:
    for step in (*steps, results("G")):
        server.play(step)
    with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(), "-")
        batch.execute()

    assert states(batch) == "F"
    assert isinstance(batch.subrequests[0].error, errors.NotFoundError)


def test_a_deletion_that_failed_late_has_succeeded_where_its_record_is_gone(
    server: ScriptedServer,
) -> None:
    server.play(results("U"))
    server.play(results("G"))
    with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(), "-")
        with pytest.raises(errors.OutcomeUnknownError):
            batch.execute()
        batch.execute(resend_unknown=True)

    (deletion,) = batch
    assert states(batch) == "+"
    assert (deletion.status_code, deletion.result) == GONE
    assert deletion.id == ID  # type: ignore[attr-defined]


ALREADY_GONE = refusal(404, "ENTITY_IS_DELETED")


@pytest.mark.parametrize("first", [Fault.DROP, Fault.RESET, reply(500), reply(408)])
def test_a_lone_deletion_in_doubt_whose_record_is_gone_has_succeeded(
    server: ScriptedServer, first: Step
) -> None:
    for step in (first, reply(429), ALREADY_GONE):
        server.play(step)
    with waiting_client(server, Naps()) as salesforce:
        salesforce.sobject.delete("Contact", ID)

    assert len(server.received) == 3


@pytest.mark.parametrize("first", [None, reply(429), refusal(400, "UNABLE_TO_LOCK_ROW")])
def test_a_lone_deletion_that_was_not_in_doubt_fails_where_its_record_is_gone(
    server: ScriptedServer, first: Step | None
) -> None:
    for step in (first, ALREADY_GONE) if first else (ALREADY_GONE,):
        server.play(step)
    with waiting_client(server, Naps()) as salesforce:
        with pytest.raises(errors.NotFoundError, match=r"ENTITY_IS_DELETED: x$"):
            salesforce.sobject.delete("Contact", ID)


def delete(salesforce: Salesforce) -> None:
    salesforce.sobject.delete("Contact", ID)


def update(salesforce: Salesforce) -> None:
    salesforce.sobject.update("Contact", ID, {"LastName": "A"})


@pytest.mark.parametrize(
    ("work", "last"),
    [(delete, refusal(404, "NOT_FOUND")), (delete, reply(404)), (update, ALREADY_GONE)],
)
def test_nothing_else_that_is_not_found_has_succeeded(
    server: ScriptedServer, work: Any, last: bytes
) -> None:
    server.play(Fault.DROP)
    server.play(last)
    with waiting_client(server, Naps()) as salesforce:
        with pytest.raises(errors.NotFoundError, match="earlier try of this request may have been"):
            work(salesforce)
