"""One batch of the soak, held to the org's truth after each execution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import attrs

from tests.soak.journal import (
    FAILED,
    HALTED,
    HALTED_STATUS,
    PENDING,
    SUCCEEDED,
    UNKNOWN,
    Attempt,
    Journal,
)
from tests.soak.kinds import AnyBatch, AnySubrequest, Item
from tests.soak.org import SoakOrg
from tests.soak.plan import Plan
from twinforce import Progress, Request, Subrequest, SubrequestState, errors


@attrs.define
class Findings:
    """What a batch was like, and where it contradicts the org."""

    plan: Plan
    disagreements: list[str] = attrs.field(factory=list)
    executions: int = 0
    requests: int = 0
    faults: Counter[str] = attrs.field(factory=Counter)
    states: Counter[str] = attrs.field(factory=Counter)
    errors: Counter[str] = attrs.field(factory=Counter)


class Case:
    """A batch that is executed by *plan* on *org*: what is known of it, and what must hold."""

    def __init__(self, plan: Plan, org: SoakOrg) -> None:
        self.findings = Findings(plan)
        self.items = org.plant(plan.kinds)
        self.journal = Journal(self.items)
        self.plan = plan
        self._org = org
        self._subrequests: tuple[AnySubrequest, ...] = ()
        self._before: dict[Item, SubrequestState] = {}
        self._resends = Counter[Item]()
        self._was_cut = False
        for scripted in plan.faults:
            org.faults.add(
                scripted.fault,
                times=scripted.times,
                skip=scripted.skip,
                when=scripted.is_meant,
            )

    def fill(self, batch: AnyBatch) -> None:
        """Add all subrequests to *batch*."""
        self._subrequests = tuple(item.kind.adds(batch, item) for item in self.items)
        if batch.subrequests != self._subrequests:
            self._disagree("the batch does not hold what was added, in order")

    def calm(self) -> None:
        """From now on, nothing goes wrong any more."""
        happened = (type(each.fault).__name__ for each in self._org.faults.happened)
        self.findings.faults.update(happened)
        self._org.faults.clear()

    @property
    def has_pending(self) -> bool:
        """Whether something is still to be sent or to be fetched."""
        return any(subrequest.state is PENDING for subrequest in self._subrequests)

    def begin(self, *, resend_unknown: bool) -> None:
        """Note that an execution begins."""
        self.findings.executions += 1
        self._before = {item: self._state(item) for item in self.items}
        resent = {item for item, state in self._before.items() if state is UNKNOWN}
        if not resend_unknown:
            resent = set()
        self._resends.update(resent)
        pending = {item for item, state in self._before.items() if state is PENDING}
        self.journal.begin(frozenset(pending | resent))

    def depart(self, request: Request) -> Attempt | None:
        """Note that *request* is handed to the transport, and check what is said of it now."""
        attempt = self.journal.depart(request)
        if attempt is not None and not attempt.is_page:
            for item in attempt.items:
                if self._state(item) is not UNKNOWN:
                    self._disagree(f"{self._tell(item)} is handed to the transport")
        return attempt

    def look_into_the_air(self) -> None:
        """Check what is still on its way after an interruption, while it is."""
        first = self.journal.in_the_air()
        states = {item: self._state(item) for _, item in first}
        for _, item in first & self.journal.in_the_air():
            if states[item] is not UNKNOWN:
                self._disagree(f"{self._tell(item)} is in the air, and was {states[item].value}")

    def end(self, batch: AnyBatch, error: BaseException | None, *, cut: bool) -> None:
        """Check everything after an execution; *cut*: an interruption came at any moment."""
        self.findings.errors[type(error).__name__] += 1
        self._was_cut = self._was_cut or cut
        known = [item for item, state in self._before.items() if state is not UNKNOWN]
        self.journal.end([item for item in known if self._state(item) is UNKNOWN], cut=cut)
        for item in self.items:
            for problem in self._problems(item):
                self._disagree(f"{self._tell(item)}: {problem}")
        if not self._is_due(error):
            self._disagree(f"as things stand, this should not come of execute(): {error!r}")
        for problem in self._problems_of_batch(batch):
            self._disagree(problem)
        for problem in self.journal.problems:
            self._disagree(problem)
        self.journal.problems.clear()

    def check_progress(self, progress: Progress) -> None:
        """Check what a batch tells of itself while it is executed."""
        known = progress.done + progress.unknown
        if progress.total != len(self.items) or not 0 <= known <= progress.total:
            self._disagree(f"the progress is wrong: {progress!r}")

    def check_at_last(self, requests: int) -> None:
        """Check what must be so when nothing is left to do, and nothing was after *requests*."""
        if self.journal.requests != requests:
            self._disagree("a finished batch was sent again")
        self.findings.requests = self.journal.requests
        self.findings.states.update(self._state(item).value for item in self.items)
        if self.has_pending:
            self._disagree("something is pending still, although nothing went wrong any more")
        for item in self.items:
            if item.kind.works and self._state(item) is FAILED and not self._was_refused(item):
                self._disagree(f"{self._tell(item)} failed, and nothing made it fail")
            if not item.kind.works and self._state(item) is SUCCEEDED and not self._is_gone(item):
                self._disagree(f"{self._tell(item)} succeeded, and it could not")
        self._check_records()

    # ---- what must hold ----

    def _problems(self, item: Item) -> Iterator[str]:
        yield from self._problems_with_the_org(item)
        yield from self._problems_with_the_answers(item)

    def _problems_with_the_org(self, item: Item) -> Iterator[str]:
        """Hold what is said of *item* to how often the org executed it."""
        state, executions = self._state(item), self._org.executed(item)
        times, doubts = len(executions), self.journal.doubts(item)
        if state in {FAILED, HALTED, PENDING} and times:
            yield f"was executed {times} times"
        if state is UNKNOWN and not doubts:
            yield "nothing makes that doubtful"
        if times > 1 + doubts or (item.kind.creates and times > 1 + self._resends[item]):
            yield f"was executed {times} times, after {doubts} doubts"
        if state is SUCCEEDED and not self._is_gone(item):
            subrequest = self._subrequests[item.index]
            if item.kind.writes and not times:
                yield "was not executed"
            elif not item.kind.is_right(subrequest, item, executions):
                yield f"has wrong results: {subrequest.response}, after {executions}"

    def _problems_with_the_answers(self, item: Item) -> Iterator[str]:
        """Hold what is said of *item* to what was answered."""
        subrequest, state = self._subrequests[item.index], self._state(item)
        allowed = self.journal.states(item)
        if PENDING in allowed and self._is_halted(item):
            allowed.add(HALTED)
        if state not in allowed:
            seen = [(each.ending.name, each.answer_to(item)) for each in self._attempts(item)]
            yield f"should be {' or '.join(each.value for each in allowed)} after {seen}"
        if state is HALTED and not self._is_halted(item):
            yield "nothing failed that could halt it"
        answer = self.journal.answer(item)
        if subrequest.done and answer is not None and state is not HALTED:
            own = {"statusCode": answer["statusCode"], "result": answer["result"]}
            if subrequest.response != own:
                yield f"has the answer {subrequest.response} instead of {own}"
        if (subrequest.error is None) != (state in {SUCCEEDED, PENDING}):
            yield f"has the error {subrequest.error!r}"

    def _is_due(self, error: BaseException | None) -> bool:
        """Tell whether *error*, or nothing, is what execute() has to raise as things stand."""
        unknown = {item for item in self.journal.to_send if self._state(item) is UNKNOWN}
        wrong = {item for item in self.items if self._state(item) not in {SUCCEEDED, PENDING}}
        autoraise = self.plan.autoraise
        match error:
            case None:
                return not self.has_pending and not unknown and not (autoraise and wrong)
            case errors.OutcomeUnknownError(subrequest=Subrequest(index=index)):
                return autoraise and not unknown and self.items[index] in wrong
            case errors.OutcomeUnknownError():
                return unknown == {self.items[each.index] for each in error.subrequests}
            case errors.MalformedResponseError():
                return True
            case errors.InvalidStateError():
                return False
            case errors.SalesforceError():
                return all(self._before[item] is UNKNOWN for item in unknown)
            case ExceptionGroup():
                return autoraise and not unknown and len(error.exceptions) <= len(wrong)
            case _:
                return not isinstance(error, Exception)

    def _problems_of_batch(self, batch: AnyBatch) -> Iterator[str]:
        groups = (batch.succeeded, batch.failed, batch.halted, batch.unknown)
        states = (SUCCEEDED, FAILED, HALTED, UNKNOWN)
        for group, state in zip(groups, states, strict=True):
            if [each.index for each in group] != [
                item.index for item in self.items if self._state(item) is state
            ]:
                yield f"the batch lists other subrequests as {state.value} than there are"
        if batch.request_count != self.journal.requests and not self._was_cut:
            yield f"it counts {batch.request_count} requests, and {self.journal.requests} were sent"
        if self.plan.halt_on_error and not any(map(self.journal.doubts, self.items)):
            yield from self._problems_of_order()

    def _problems_of_order(self) -> Iterator[str]:
        """Check that what stands behind a failure, not of a later page, was not executed."""
        failed = [
            item
            for item in self.items
            if self._state(item) is FAILED and self._subrequests[item.index].status_code >= 400
        ]
        for item in self.items[failed[0].index + 1 :] if failed else ():
            if self._org.executed(item):
                yield f"{self._tell(item)} was executed behind a failure"

    def _check_records(self) -> None:
        """Check that what was counted while it was executed is what the records show."""
        records = self._org.records()
        marks, own = Counter(record.mark for record in records), {r.id: r for r in records}
        keys = Counter(record.key for record in records if record.key and not record.is_deleted)
        if max(keys.values(), default=0) > 1:
            self._disagree("two records have the same external id")
        for item in self.items:
            times = len(self._org.executed(item))
            record = own.get(item.record_id)
            if item.kind.creates:
                holds = marks[item.mark] == times
            elif item.kind.deletes:
                holds = record is None or record.is_deleted is (times > 0 or self._was_gone(item))
            else:
                holds = marks[item.mark] == (times > 0)
            if not holds:
                self._disagree(f"{self._tell(item)}: executed {times} times; its record: {record}")

    # ---- what is so ----

    def _state(self, item: Item) -> SubrequestState:
        return self._subrequests[item.index].state

    def _attempts(self, item: Item) -> list[Attempt]:
        return [attempt for attempt in self.journal.attempts if item in attempt.items]

    def _is_halted(self, item: Item) -> bool:
        """Whether something before *item* halts it: what an execution left as a failure."""
        return self.plan.halt_on_error and any(
            answer["statusCode"] >= 400 and answer["statusCode"] != HALTED_STATUS
            for before in self.items[: item.index]
            for answer in self.journal.answers(before)
        )

    def _was_gone(self, item: Item) -> bool:
        """Whether the record of *item* had been deleted before the batch."""
        return item.kind.own == "deleted"

    def _is_gone(self, item: Item) -> bool:
        """Whether *item* repeated a deletion in doubt, of what had been deleted before."""
        return item.kind.deletes and self._was_gone(item) and self.journal.doubts(item) > 0

    def _was_refused(self, item: Item) -> bool:
        """Whether a fault made *item* fail: as a subrequest, or as a page of its query."""
        answer = self.journal.answer(item)
        if answer is not None and answer["statusCode"] >= 400:
            return True
        return any(attempt.is_page for attempt in self._attempts(item))

    def _tell(self, item: Item) -> str:
        return f"{item.index} ({self.plan.kinds[item.index]}, {self._state(item).value})"

    def _disagree(self, problem: str) -> None:
        self.findings.disagreements.append(problem)
