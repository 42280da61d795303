"""What of an answered batch is sent again: rows that were locked, and what they halted."""

from __future__ import annotations

import pytest

from tests.answers import refusal
from tests.server import Fault, ScriptedServer, Step, reply
from twinforce import RetryPolicy, errors, hooks

from .letters import LOCKED, fill, results, sent, states
from .waiting import DELAYS, HALFWAY, Naps, waiting_client


@pytest.fixture(autouse=True)
def _tamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*HALFWAY)


GOES_ON, HALTS = False, True


@pytest.mark.parametrize(
    ("halt_on_error", "answers", "expected", "outcome"),
    [
        (GOES_ON, "+L+ +", "ABC B", "+++"),
        (GOES_ON, "LLL +++", "ABC ABC", "+++"),
        (GOES_ON, "L+L L+ +", "ABC AC A", "+++"),
        (GOES_ON, "L+L +L L", "ABC AC C", "++F"),
        (GOES_ON, "LLL LLL LLL", "ABC ABC ABC", "FFF"),
        (GOES_ON, "LF+ +", "ABC A", "+F+"),
        (GOES_ON, "LFL F+", "ABC AC", "FF+"),
        (GOES_ON, "L+P +", "ABC A", "++F"),
        (GOES_ON, "LM+ +", "ABC A", "+F+"),
        (HALTS, "+M+", "ABC", "+F+"),
        (HALTS, "LHH +++", "ABC ABC", "+++"),
        (HALTS, "+LH ++", "ABC BC", "+++"),
        (HALTS, "++L +", "ABC C", "+++"),
        (HALTS, "LHH LHH +++", "ABC ABC ABC", "+++"),
        (HALTS, "LHH +LH ++", "ABC ABC BC", "+++"),
        (HALTS, "LHH ++L +", "ABC ABC C", "+++"),
        (HALTS, "LHH LHH LHH", "ABC ABC ABC", "FHH"),
        (HALTS, "+LH LH LH", "ABC BC BC", "+FH"),
        (HALTS, "LHH +LH LH", "ABC ABC BC", "+FH"),
        (HALTS, "LHH FHH", "ABC ABC", "FHH"),
        (HALTS, "LHH +FH", "ABC ABC", "+FH"),
        (HALTS, "LHH ++F", "ABC ABC", "++F"),
        (HALTS, "FHH", "ABC", "FHH"),
        (HALTS, "+FH", "ABC", "+FH"),
    ],
)
async def test_locked_rows_and_what_they_halted_are_sent_again_in_order(
    server: ScriptedServer, halt_on_error: bool, answers: str, expected: str, outcome: str
) -> None:
    for letters in answers.split():
        server.play(results(letters))
    naps = Naps()
    async with waiting_client(server, naps) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error), "ABC")
        await batch.execute()
        assert sent(server) == expected.split()
        assert states(batch) == outcome
        assert naps == DELAYS[: len(server.received) - 1]

        # Whatever came of it, that was it.
        await batch.execute()
    assert states(batch) == outcome
    assert batch.request_count == len(server.received) == len(expected.split())


async def test_a_row_that_stays_locked_is_a_failure(server: ScriptedServer) -> None:
    server.always(results("LHH"))
    async with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error=True, autoraise=True), "ABC")
        with pytest.raises(errors.RowLockedError, match=r"subrequest 0 .*UNABLE_TO_LOCK_ROW"):
            await batch.execute()

    locked, halted, _ = batch
    assert (locked.status_code, locked.result) == LOCKED
    assert isinstance(halted.error, errors.HaltedError)


@pytest.mark.parametrize(
    ("answers", "expected", "outcome"),
    [("LHH +UH", "ABC ABC", "+UH"), ("LHH UHH", "ABC ABC", "UHH"), ("+LH ?+", "ABC BC", "+U+")],
)
async def test_what_may_have_run_is_not_sent_again_with_the_locked_rows(
    server: ScriptedServer, answers: str, expected: str, outcome: str
) -> None:
    for letters in answers.split():
        server.play(results(letters))
    async with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error=True), "ABC")
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            await batch.execute()
        assert sent(server) == expected.split()
        assert states(batch) == outcome
        assert caught.value.subrequests == batch.unknown

        await batch.execute()
    assert states(batch) == outcome
    assert len(server.received) == 2


@pytest.mark.parametrize("halt_on_error", [GOES_ON, HALTS])
async def test_the_requests_behind_wait_for_a_locked_row(
    server: ScriptedServer, halt_on_error: bool
) -> None:
    names = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for letters in ("+" * 24 + "L", "L", "+", "+"):
        server.play(results(letters))
    async with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error), names)
        await batch.execute()

    assert sent(server) == [names[:25], "Y", "Y", "Z"]
    assert states(batch) == "+" * 26


async def test_a_row_that_stays_locked_halts_the_requests_behind(server: ScriptedServer) -> None:
    names = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for letters in ("+" * 24 + "L", "L", "L"):
        server.play(results(letters))
    async with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error=True), names)
        await batch.execute()
        await batch.execute()

    assert sent(server) == [names[:25], "Y", "Y"]
    assert states(batch) == "+" * 24 + "FH"


@pytest.mark.parametrize("halt_on_error", [GOES_ON, HALTS])
async def test_hooks_are_told_which_subrequests_are_sent_again(
    server: ScriptedServer, halt_on_error: bool
) -> None:
    behind = "H" if halt_on_error else "+"
    for letters in ("+" * 25, "+L" + behind, "L" * (len(behind) if not halt_on_error else 1)):
        server.play(results(letters if letters != "L" or not halt_on_error else "LH"))
    server.always(results("++" if halt_on_error else "+"))
    told: list[hooks.Event] = []
    async with waiting_client(server, Naps(), hooks=[told.append]) as salesforce:
        await fill(salesforce.composite.batch(halt_on_error), "A" * 28).execute()

    retries = [event for event in told if isinstance(event, hooks.RetryEvent)]
    indexes = (26, 27) if halt_on_error else (26,)
    assert [(each.attempt, each.delay, each.subrequests) for each in retries] == [
        (1, 0.5, indexes),
        (2, 1.0, indexes),
    ]
    assert all(isinstance(each.error, errors.RowLockedError) for each in retries)
    assert "UNABLE_TO_LOCK_ROW" in str(retries[0])


# ---- how often ----


@pytest.mark.parametrize("retry", [None, RetryPolicy(attempts=1), RetryPolicy(error_codes=())])
async def test_a_locked_row_is_not_tried_again_without_a_policy_for_it(
    server: ScriptedServer, retry: RetryPolicy | None
) -> None:
    server.always(results("+LH"))
    naps = Naps()
    async with waiting_client(server, naps, retry=retry) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error=True), "ABC")
        await batch.execute()
        await batch.execute()

    assert states(batch) == "+FH"
    assert len(server.received) == 1
    assert naps == []


async def test_the_policy_of_the_batch_counts(server: ScriptedServer) -> None:
    server.always(results("L"))
    async with waiting_client(server, Naps(), retry=None) as salesforce:
        batch = fill(salesforce.composite.batch(retry=RetryPolicy(attempts=4)), "A")
        await batch.execute()
        assert batch.request_count == 4
    async with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(retry=None), "A")
        await batch.execute()
        assert batch.request_count == 1


async def test_the_budget_ends_the_tries_of_a_locked_row(server: ScriptedServer) -> None:
    server.always(results("L"))
    naps = Naps()
    policy = RetryPolicy(attempts=9, base=4, factor=1, budget=5)
    async with waiting_client(server, naps, retry=policy, clock=lambda: sum(naps)) as salesforce:
        batch = fill(salesforce.composite.batch(), "A")
        await batch.execute()

    assert naps == [2, 2]
    assert batch.request_count == 3
    assert states(batch) == "F"


async def test_a_locked_row_shares_its_tries_with_its_request(server: ScriptedServer) -> None:
    for step in (reply(429), results("+L"), reply(420), results("L")):
        server.play(step)
    naps = Naps()
    policy = RetryPolicy(attempts=4, base=1)
    async with waiting_client(server, naps, retry=policy) as salesforce:
        batch = fill(salesforce.composite.batch(), "AB")
        await batch.execute()

    assert sent(server) == ["AB", "AB", "B", "B"]
    assert naps == [0.5, 1, 2]
    assert states(batch) == "+F"


@pytest.mark.parametrize("attempts", [1, 3])
async def test_a_locked_row_of_a_lone_request_is_tried_again(
    server: ScriptedServer, attempts: int
) -> None:
    server.always(refusal(400, "UNABLE_TO_LOCK_ROW"))
    policy = RetryPolicy(attempts=attempts)
    async with waiting_client(server, Naps(), retry=policy) as salesforce:
        with pytest.raises(errors.RowLockedError):
            await salesforce.sobject.create("Contact", {"LastName": "A"})

    assert len(server.received) == attempts


# ---- what else may happen to what is sent again ----


@pytest.mark.parametrize(
    ("fault", "kind", "outcome", "requests"),
    [
        (Fault.DROP, errors.OutcomeUnknownError, "+UU", 2),
        (reply(500), errors.OutcomeUnknownError, "+UU", 2),
        (reply(200, b"<html>"), errors.MalformedResponseError, "+UU", 2),
        (reply(429), errors.RequestLimitExceededError, "+..", 3),
        (refusal(403, "API_DISABLED_FOR_ORG"), errors.AuthorizationError, "+..", 2),
    ],
)
async def test_a_locked_row_that_fails_otherwise_when_sent_again(
    server: ScriptedServer,
    fault: Step,
    kind: type[errors.SalesforceError],
    outcome: str,
    requests: int,
) -> None:
    server.play(results("+LH"))
    server.always(fault)
    async with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error=True), "ABC")
        with pytest.raises(kind):
            await batch.execute()
        assert states(batch) == outcome
        assert sent(server) == ["ABC", *["BC"] * (requests - 1)]

        # What was not executed is sent by the next execution, and nothing else.
        server.received.clear()
        server.always(results("++"))
        await batch.execute()
        assert sent(server) == (["BC"] if "." in outcome else [])
        assert states(batch) == outcome.replace(".", "+")


class Interruption(BaseException):
    """As KeyboardInterrupt, which a test cannot raise without ending the run."""


@pytest.mark.parametrize("halt_on_error", [GOES_ON, HALTS])
async def test_an_interruption_while_waiting_leaves_the_rest_pending(
    server: ScriptedServer, halt_on_error: bool
) -> None:
    def interrupt() -> None:
        raise Interruption

    server.play(results("+LH" if halt_on_error else "+LL"))
    naps = Naps()
    naps.meanwhile = interrupt
    async with waiting_client(server, naps) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error), "ABC")
        with pytest.raises(Interruption):
            await batch.execute()
        assert states(batch) == "+.."
        assert not batch.has_errors

        naps.meanwhile = None
        fill(batch, "D")
        server.always(results("+++"))
        await batch.execute()
    assert sent(server) == ["ABC", "BCD"]
    assert states(batch) == "++++"


@pytest.mark.parametrize("first", [Fault.DROP, reply(500)])
async def test_an_interruption_while_waiting_leaves_in_doubt_what_may_have_run(
    server: ScriptedServer, first: Step
) -> None:
    def interrupt() -> None:
        raise Interruption

    server.play(first)
    naps = Naps()
    naps.meanwhile = interrupt
    async with waiting_client(server, naps) as salesforce:
        batch = fill(salesforce.composite.batch(), "AB", update=True)
        with pytest.raises(Interruption):
            await batch.execute()
        assert states(batch) == "UU"
        await batch.execute()
    assert len(server.received) == 1


# ---- what was in doubt before ----


@pytest.mark.parametrize(
    ("halt_on_error", "answers", "expected", "outcome"),
    [
        (GOES_ON, "L+ +", "AB A", "++"),
        (GOES_ON, "L+ L L", "AB A A", "U+"),
        (GOES_ON, "L+ F", "AB A", "U+"),
        (HALTS, "LH ++", "AB AB", "++"),
        (HALTS, "+L +", "AB B", "++"),
        (HALTS, "LH +L +", "AB AB B", "++"),
        (HALTS, "LH LH LH", "AB AB AB", "UU"),
        (HALTS, "LH FH", "AB AB", "UU"),
        (HALTS, "FH", "AB", "UU"),
    ],
)
async def test_a_locked_row_that_was_in_doubt_is_sent_again_and_stays_so_until_it_succeeds(
    server: ScriptedServer, halt_on_error: bool, answers: str, expected: str, outcome: str
) -> None:
    server.play(Fault.DROP)
    async with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error), "AB")
        with pytest.raises(errors.OutcomeUnknownError):
            await batch.execute()
        await batch.execute()
        assert sent(server) == ["AB"]

        server.received.clear()
        for letters in answers.split():
            server.play(results(letters))
        if "U" in outcome:
            with pytest.raises(errors.OutcomeUnknownError):
                await batch.execute(resend_unknown=True)
        else:
            await batch.execute(resend_unknown=True)
        assert sent(server) == expected.split()
        assert states(batch) == outcome

        # The caller may say so as often as they like.
        server.received.clear()
        server.always(results("+" * outcome.count("U")))
        await batch.execute(resend_unknown=True)
    assert states(batch) == "++"
    assert len(server.received) == ("U" in outcome)


async def test_rows_may_be_locked_for_what_is_sent_again_on_its_own(
    server: ScriptedServer,
) -> None:
    for step in (Fault.DROP, results("LH"), results("+L")):
        server.play(step)
    server.always(results("+"))
    naps = Naps()
    policy = RetryPolicy(attempts=4, base=1)
    async with waiting_client(server, naps, retry=policy) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error=True), "AB", update=True)
        await batch.execute()

    assert sent(server) == ["AB", "AB", "AB", "B"]
    assert states(batch) == "++"
    assert naps == [0.5, 1, 2]


@pytest.mark.parametrize(("again", "outcome"), [("+", "+HH"), ("F", "UHH"), ("U", "UHH")])
async def test_a_late_failure_is_sent_again_when_the_caller_says_so_and_what_it_halted_is_not(
    server: ScriptedServer, again: str, outcome: str
) -> None:
    server.play(results("UH"))
    async with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error=True), "AB")
        with pytest.raises(errors.OutcomeUnknownError):
            await batch.execute()
        fill(batch, "C")
        await batch.execute()
        assert states(batch) == "UHH"

        server.play(results(again))
        if "U" in outcome:
            with pytest.raises(errors.OutcomeUnknownError):
                await batch.execute(resend_unknown=True)
        else:
            await batch.execute(resend_unknown=True)
    assert sent(server) == ["AB", "A"]
    assert states(batch) == outcome


async def test_a_late_failure_that_is_sent_again_halts_nothing_before_it_fails_again(
    server: ScriptedServer,
) -> None:
    for letters in ("U", "++"):
        server.play(results(letters))
    async with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error=True), "A")
        with pytest.raises(errors.OutcomeUnknownError):
            await batch.execute()
        fill(batch, "B")
        await batch.execute(resend_unknown=True)
    assert sent(server) == ["A", "AB"]
    assert states(batch) == "++"


async def test_what_is_unknown_before_a_failure_is_sent_again_when_the_caller_says_so(
    server: ScriptedServer,
) -> None:
    names = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for step in (Fault.DROP, results("F"), results("+" * 25)):
        server.play(step)
    async with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error=True), names)
        with pytest.raises(errors.OutcomeUnknownError):
            await batch.execute()
        await batch.execute()
        assert states(batch) == "U" * 25 + "F"
        fill(batch, "!")
        await batch.execute(resend_unknown=True)
    assert sent(server) == [names[:25], "Z", names[:25]]
    assert states(batch) == "+" * 25 + "FH"


async def test_a_row_that_was_locked_before_is_not_sent_behind_a_real_failure(
    server: ScriptedServer,
) -> None:
    for step in (Fault.DROP, results("?L"), results("L"), results("L")):
        server.play(step)
    async with waiting_client(server, Naps()) as salesforce:
        batch = fill(salesforce.composite.batch(halt_on_error=True), "AB")
        for resend_unknown in (False, True):
            with pytest.raises(errors.OutcomeUnknownError):
                await batch.execute(resend_unknown=resend_unknown)
        assert sent(server) == ["AB", "AB", "B", "B"]

        server.received.clear()
        server.always(results("FH"))
        with pytest.raises(errors.OutcomeUnknownError):
            await batch.execute(resend_unknown=True)
    assert sent(server) == ["AB"]
    assert states(batch) == "UU"
