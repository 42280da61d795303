"""What a fault may be made of, and what is refused before it can surprise a test."""

from __future__ import annotations

from typing import Any

import pytest

from twinforce.local.faults import (
    Answer,
    Html,
    RowLock,
    Stall,
    SubrequestAnswer,
    Truncate,
    WrongResults,
)

NUMBER: Any = 1
TEXT: Any = "1"


@pytest.mark.parametrize(
    ("make", "error", "reason"),
    [
        (
            lambda: Stall(executed=NUMBER),
            TypeError,
            r"Stall\.executed must be True or False, not int",
        ),
        (lambda: Truncate(-1), ValueError, r"Truncate\.at must be a whole number of at least 0"),
        (lambda: Truncate(TEXT), TypeError, r"Truncate\.at must be a whole number"),
        (lambda: Answer(100), ValueError, r"Answer\.status must be a whole number from 200 to 599"),
        (lambda: Answer(TEXT), TypeError, r"Answer\.status must be a whole number"),
        (lambda: Answer(500, object()), TypeError, r"Answer\.body must be a JSON value, text"),
        (lambda: Answer(204, "x"), ValueError, "status 204 has no body; leave Answer.body out"),
        (lambda: Answer(500, headers=[]), TypeError, "headers of an answer must be a dict"),
        (lambda: Answer(500, headers={"A": 1}), TypeError, "value of the header 'A' must be text"),
        (lambda: Answer(500, headers={"A": "\n"}), ValueError, "'A' holds characters"),
        (
            lambda: Answer(500, headers={"Content-Length": "1"}),
            ValueError,
            "Content-Length is set by the local org, from the body; leave it out",
        ),
        (lambda: Html(304), ValueError, "an answer with status 304 has no body"),
        (lambda: Html(99), ValueError, r"Html\.status must be a whole number from 200 to 599"),
        (lambda: WrongResults(0), ValueError, "use -1 for one result fewer, 1 for one more"),
        (lambda: WrongResults(TEXT), TypeError, r"WrongResults\.change must be a whole number"),
        (
            lambda: SubrequestAnswer(200, "X", "x"),
            ValueError,
            r"SubrequestAnswer\.status must be a whole number from 400 to 599, not 200",
        ),
        (
            lambda: SubrequestAnswer(400, NUMBER, "x"),
            TypeError,
            r"SubrequestAnswer\.error_code must be text \(str\), not int",
        ),
    ],
)
def test_a_fault_that_cannot_be_is_refused(make: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        make()


def test_faults_are_values() -> None:
    headers = {"A": "1"}
    answer = Answer(500, "x", headers)
    headers["B"] = "2"
    assert answer == Answer(500, "x", {"a": "1"})
    assert {RowLock(), RowLock(), Stall(), Stall(executed=False)} == {
        RowLock(),
        Stall(),
        Stall(executed=False),
    }
