"""How far a batch is, as a value, and as a bar."""

from __future__ import annotations

import re
import sys

import attrs
import pytest
from tqdm import tqdm

from twinforce import Progress
from twinforce.progress import Bar


def progress(succeeded: int = 0, failed: int = 0, halted: int = 0, unknown: int = 0) -> Progress:
    return Progress(
        total=60,
        succeeded=succeeded,
        failed=failed,
        halted=halted,
        in_flight=0,
        unknown=unknown,
        requests=3,
    )


def test_done_is_what_has_an_outcome() -> None:
    assert progress(20, 3, 2, 25).done == 25
    assert progress(unknown=60).done == 0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (progress(), "0 of 60"),
        (progress(25), "25 of 60"),
        (progress(20, 3, 2, 25), "25 of 60, 3 failed, 2 halted, 25 unknown"),
        (progress(20, failed=5), "25 of 60, 5 failed"),
    ],
)
def test_progress_says_what_is_not_as_it_should_be(value: Progress, shown: str) -> None:
    assert str(value) == shown


def test_progress_is_a_value() -> None:
    assert progress(25) == progress(25) != progress(24)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        progress().total = 5  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]


def test_the_bar_shows_what_is_done_and_what_is_not_as_it_should_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bar = Bar()
    for value in (progress(), progress(25), progress(40, 8, 2, 10)):
        bar(value)
    bar.close()

    captured = capsys.readouterr()
    assert captured.out == ""
    shown = captured.err.split("\r")
    assert list(dict.fromkeys(re.findall(r"\d+/60", captured.err))) == ["0/60", "25/60", "50/60"]
    assert "50/60" in shown[-1]
    assert "8 failed, 2 halted, 10 unknown" in shown[-1]
    assert captured.err.endswith("\n")


def test_a_bar_that_was_closed_begins_another(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar()
    bar.close()
    assert capsys.readouterr().err == ""

    for value in (progress(25), progress(60)):
        bar(value)
        bar.close()
        bar.close()

    first, second, end = capsys.readouterr().err.split("\n")
    assert ("25/60" in first, "60/60" in second, end) == (True, True, "")
    assert not list(getattr(tqdm, "_instances", []))


def test_a_bar_that_nothing_was_shown_on_leaves_no_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Bar().close()

    assert capsys.readouterr().err == ""


def test_without_tqdm_the_bar_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)

    with pytest.raises(
        ImportError, match=r'pip install "twinforce\[progress\]", or pass a function'
    ):
        Bar()


def test_a_bar_that_cannot_be_shown_any_more_harms_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bar = Bar()
    bar(progress(25))

    def full(*_: object) -> None:
        monkeypatch.undo()
        raise OSError("No space left on device")

    monkeypatch.setattr(bar._bar, "close", full)
    bar.close()
