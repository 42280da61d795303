"""Progress is found out from what has changed, and is what a count of everything would give."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from twinforce import SubrequestState
from twinforce._core import operations, replies, subrequests
from twinforce._core.replies import Reply
from twinforce._core.subrequests import CreateSubrequest, Subrequest
from twinforce._core.tally import Tally

ANSWERS = (
    Reply(201, {"id": "0031R00001K1H2IQAV", "success": True}),
    Reply(400, [{"errorCode": "REQUIRED_FIELD_MISSING", "message": "no"}]),
    Reply(500, [{"errorCode": "UNKNOWN_EXCEPTION", "message": "no"}]),
    replies.halted(),
)


class Watched(Subrequest[str]):
    """Counts how often it is looked at."""

    __slots__ = ("looks",)

    @property
    def is_in_flight(self) -> bool:
        self.looks = getattr(self, "looks", 0) + 1
        return super().is_in_flight


def test_what_was_looked_at_adds_up_to_what_is_known() -> None:
    chance = random.Random(6)  # noqa: S311 - the same each time
    operation = operations.create("Contact", {"LastName": "Doe"})
    items = [CreateSubrequest(operation, index) for index in range(200)]
    tally = Tally()
    tally.look(items)
    for _ in range(300):
        some = chance.sample(items, 10)
        for item in some:
            if item.is_in_flight:
                item.settle(item.judge(chance.choice(ANSWERS)))
            elif item.state in {SubrequestState.PENDING, SubrequestState.UNKNOWN}:
                subrequests.depart([item])
        tally.look(some)

        seen = Counter(None if item.is_in_flight else item.state for item in items)
        told = tally.progress(total=200, requests=7)
        assert told.succeeded == seen[SubrequestState.SUCCEEDED]
        assert told.failed == seen[SubrequestState.FAILED]
        assert told.halted == seen[SubrequestState.HALTED]
        assert told.unknown == seen[SubrequestState.UNKNOWN]
        assert told.in_flight == seen[None]
        assert (told.total, told.requests) == (200, 7)


def test_only_what_may_have_changed_is_looked_at() -> None:
    operation: Any = operations.create("Contact", {"LastName": "Doe"})
    items = [Watched(operation, index) for index in range(100)]
    tally = Tally()
    tally.look(items)
    tally.look(items[:3])
    tally.progress(total=100, requests=0)

    assert [item.looks for item in items] == [2] * 3 + [1] * 97
