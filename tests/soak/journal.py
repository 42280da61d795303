"""What went over the wire in one batch, and what follows from it for each of its subrequests.

This is the soak's own reading of the promises; it takes nothing from the code that it judges.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Final

import attrs

from tests.soak.kinds import Item
from twinforce import Request, Response, SubrequestState

_MARK: Final = re.compile(r"mark(\d{4})")
_LOCATOR: Final = re.compile(r"/query/(01g\w+)-\d+$")
_RECORD: Final = re.compile(r"/sobjects/Widget__c/(\w{18})$")
_LATE: Final = frozenset(
    {"QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG", "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION"}
)
HALTED_STATUS: Final = 412
ROW_LOCKED: Final = "UNABLE_TO_LOCK_ROW"

PENDING, SUCCEEDED = SubrequestState.PENDING, SubrequestState.SUCCEEDED
FAILED, HALTED = SubrequestState.FAILED, SubrequestState.HALTED
UNKNOWN = SubrequestState.UNKNOWN


class Ending(Enum):
    """How an attempt to send something ended, as far as the client can know."""

    IN_THE_AIR = "it did not end yet"
    NOTHING = "certainly nothing was executed"
    DOUBT = "nobody knows"
    ODD = "nobody knows, as the answer is a success that cannot be read"
    ANSWERED = "each part of it was answered"


@attrs.define(eq=False)
class Attempt:
    """One request that was handed to the transport. *is_page*: for a query's next page."""

    items: tuple[Item, ...]
    is_page: bool
    execution: int
    thread: threading.Thread = attrs.field(factory=threading.current_thread)
    ending: Ending = Ending.IN_THE_AIR
    answers: tuple[Mapping[str, Any], ...] = ()
    refused: bool = False
    maybe_lost: bool = False

    @property
    def reads_only(self) -> bool:
        return not any(item.kind.writes for item in self.items)

    def answer_to(self, item: Item) -> Mapping[str, Any] | None:
        """Give the part of the answer that belongs to *item*."""
        if self.ending is not Ending.ANSWERED or self.is_page:
            return None
        return self.answers[self.items.index(item)]


class Journal:
    """Remembers every request of a batch with *items*, in order, and how it ended."""

    def __init__(self, items: tuple[Item, ...]) -> None:
        self.attempts: list[Attempt] = []
        self.problems: list[str] = []
        self.requests = 0
        self._items = items
        self._by_record = {item.record_id: item for item in items if item.record_id}
        self._by_query: dict[str, Item] = {}
        self.to_send = frozenset[Item]()
        self._execution = 0
        self._lock = threading.Lock()

    # ---- what happens ----

    def begin(self, to_send: frozenset[Item]) -> None:
        """Note that an execution begins, which may send *to_send* and nothing else."""
        self.to_send = to_send
        self._execution += 1

    def depart(self, request: Request) -> Attempt | None:
        """Note that *request* is handed to the transport; None if it is for a token."""
        if request.url.endswith("/oauth2/token"):
            return None
        page = _LOCATOR.search(request.url)
        if page is not None:
            attempt = Attempt((self._by_query[page[1]],), is_page=True, execution=self._execution)
        else:
            batch = json.loads(request.content)["batchRequests"]
            attempt = Attempt(
                tuple(map(self._item, batch)), is_page=False, execution=self._execution
            )
            for item in attempt.items:
                self._check_may_be_sent(item)
        with self._lock:
            self.requests += 1
            self.attempts.append(attempt)
        return attempt

    def land(self, attempt: Attempt, response: Response) -> None:
        """Note that *attempt* was answered."""
        ending, answers = read(response, None if attempt.is_page else len(attempt.items))
        attempt.answers = answers
        attempt.refused = 400 <= response.status_code < 500
        if not attempt.is_page:
            for item, answer in zip(attempt.items, answers, strict=False):
                result = answer.get("result")
                url = result.get("nextRecordsUrl") if isinstance(result, dict) else None
                if url is not None and (found := _LOCATOR.search(url)):
                    self._by_query[found[1]] = item
        attempt.ending = ending

    def lose(self, attempt: Attempt, error: BaseException) -> None:
        """Note that *attempt* ended with *error*."""
        was_sent = getattr(error, "sent", True) is not False
        attempt.ending = Ending.DOUBT if was_sent else Ending.NOTHING

    def end(self, unknown: Iterable[Item], *, cut: bool) -> None:
        """Note that an execution ended; *cut*: by an interruption that came at any moment.

        It may have come between the batch and the transport: on the way back, so that an answer is
        lost, or on the way there, so that something is *unknown* that never got here.
        """
        latest = self._latest()
        for attempt in latest:
            if attempt.ending is Ending.IN_THE_AIR:
                attempt.ending = Ending.DOUBT
        if not cut:
            return
        if latest:
            latest[-1].maybe_lost = True
        seen = {item for attempt in latest for item in attempt.items}
        stopped = tuple(item for item in unknown if item in self.to_send and item not in seen)
        if stopped:
            self.attempts.append(
                Attempt(stopped, is_page=False, execution=self._execution, ending=Ending.DOUBT)
            )
        if len(stopped) > 25:
            self.problems.append(f"one interruption leaves {len(stopped)} unknown, unsent")

    def in_the_air(self) -> set[tuple[Attempt, Item]]:
        """List what other threads sent, and was not answered yet."""
        with self._lock:
            attempts = list(self.attempts)
        return {
            (attempt, item)
            for attempt in attempts
            if attempt.ending is Ending.IN_THE_AIR and not attempt.is_page
            if attempt.thread is not threading.current_thread()
            for item in attempt.items
        }

    def _latest(self) -> list[Attempt]:
        """List the attempts of this execution."""
        return [each for each in list(self.attempts) if each.execution == self._execution]

    def _item(self, subrequest: Mapping[str, Any]) -> Item:
        found = _MARK.search(json.dumps(subrequest))
        if found is not None:
            return self._items[int(found[1])]
        record = _RECORD.search(subrequest["url"].partition("?")[0])
        assert record is not None
        return self._by_record[record[1]]

    def _check_may_be_sent(self, item: Item) -> None:
        if item not in self.to_send:
            self.problems.append(f"{item.index} was sent, and was not to be sent")
        doubted = any(
            self._doubts(attempt, item) for attempt in self._latest() if item in attempt.items
        )
        if item.kind.creates and doubted:
            self.problems.append(f"{item.index} creates, and was sent again after a doubt")

    # ---- what follows ----

    def doubts(self, item: Item) -> int:
        """Count the attempts of which nobody knows whether they executed *item*."""
        return sum(self._doubts(attempt, item) for attempt in self.attempts)

    def answer(self, item: Item) -> Mapping[str, Any] | None:
        """Give the last answer to *item*, None if there is none."""
        return next(reversed(self.answers(item)), None)

    def answers(self, item: Item) -> list[Mapping[str, Any]]:
        """List the last answer to *item* in each execution."""
        answers: dict[int, Mapping[str, Any]] = {}
        for attempt in self._attempts(item):
            if (answer := attempt.answer_to(item)) is not None:
                answers[attempt.execution] = answer
        return list(answers.values())

    def states(self, item: Item) -> set[SubrequestState]:
        """Tell which states *item* may have after what was seen, if no others halt it unsent."""
        states = {PENDING}
        for attempt in self._attempts(item):
            before = states
            states = {after for state in states for after in _after(state, attempt, item)}
            if attempt.maybe_lost:
                states |= before | {UNKNOWN}
        return states

    def _attempts(self, item: Item) -> Iterator[Attempt]:
        return (attempt for attempt in self.attempts if item in attempt.items)

    def _doubts(self, attempt: Attempt, item: Item) -> bool:
        if item not in attempt.items or attempt.is_page:
            return False
        if attempt.maybe_lost:
            return True
        answer = attempt.answer_to(item)
        if answer is not None:
            return item.kind.writes and _is_late(answer)
        return attempt.ending is not Ending.NOTHING


def read(response: Response, count: int | None) -> tuple[Ending, tuple[Mapping[str, Any], ...]]:
    """Say what *response* tells: to a batch of *count*, or to a page of a query (None)."""
    status = response.status_code
    try:
        body = json.loads(response.body)
    except ValueError:
        body = None
    if 200 <= status < 300:
        if count is None:
            if isinstance(body, dict) and "records" in body:
                return Ending.ANSWERED, (body,)
            return Ending.ODD, ()
        results = body.get("results") if isinstance(body, dict) else None
        is_whole = isinstance(results, list) and len(results) == count
        if results is None or not is_whole or not all(isinstance(item, dict) for item in results):
            return Ending.ODD, ()
        return Ending.ANSWERED, tuple(results)
    code = code_of(body)
    if status == 408 or status < 400 or code in _LATE:
        return Ending.DOUBT, ()
    if status >= 500 and code != "REQUEST_LIMIT_EXCEEDED":
        return Ending.DOUBT, ()
    return Ending.NOTHING, ()


def code_of(errors: object) -> str | None:
    """Give the code of an array of errors."""
    first = errors[0] if isinstance(errors, list) and errors else None
    return first.get("errorCode") if isinstance(first, dict) else None


def _is_late(answer: Mapping[str, Any]) -> bool:
    """Tell whether the failure of a subrequest says that it was begun, and not how it ended."""
    code = code_of(answer["result"])
    if code in _LATE or answer["statusCode"] == 408:
        return True
    return bool(answer["statusCode"] >= 500 and code != "REQUEST_LIMIT_EXCEEDED")


def _after(state: SubrequestState, attempt: Attempt, item: Item) -> set[SubrequestState]:
    """Tell which states *item* may have once *attempt* ended, if it was in *state* before."""
    if attempt.is_page:
        return _after_page(state, attempt)
    answer = attempt.answer_to(item)
    if answer is not None:
        return _after_answer(state, answer, item)
    is_harmless = attempt.reads_only and attempt.ending is not Ending.ODD
    if attempt.ending is Ending.NOTHING or is_harmless:
        # What met a locked row, or was halted behind it, waits again before it is sent again.
        return {PENDING if state in {FAILED, HALTED} else state}
    return {UNKNOWN}


def _after_page(state: SubrequestState, attempt: Attempt) -> set[SubrequestState]:
    if attempt.ending is Ending.ANSWERED:
        return {SUCCEEDED if attempt.answers[0]["done"] else PENDING}
    if attempt.ending is Ending.ODD:
        return {FAILED}
    return {FAILED, state} if attempt.refused else {state}


def _after_answer(
    state: SubrequestState, answer: Mapping[str, Any], item: Item
) -> set[SubrequestState]:
    status, result = answer["statusCode"], answer["result"]
    if 200 <= status < 300:
        is_part = isinstance(result, dict) and result.get("done") is False
        return {PENDING if is_part and not item.kind.first_page_only else SUCCEEDED}
    code = code_of(result)
    if state is UNKNOWN and item.kind.writes:
        is_gone = item.kind.deletes and code == "ENTITY_IS_DELETED"
        return {SUCCEEDED if is_gone else UNKNOWN}
    if status == HALTED_STATUS:
        return {HALTED, PENDING}
    if code == ROW_LOCKED:
        return {FAILED, PENDING}
    return {UNKNOWN if item.kind.writes and _is_late(answer) else FAILED}
