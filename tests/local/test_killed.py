"""Killed at any moment, an org in a file keeps what it acknowledged; see ``tests.judges.killed``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.judges.killed import judge
from tests.judges.served import TWINS


@pytest.mark.parametrize("twin", TWINS)
def test_a_killed_server_has_lost_nothing_and_has_nothing_twice(twin: str, tmp_path: Path) -> None:
    tally = judge(twin, seed=5, kills=1, folder=tmp_path)

    assert not tally.wrong
    assert tally.acknowledged
