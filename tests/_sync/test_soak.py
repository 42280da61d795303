# Generated from tests/_async/test_soak.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Whatever goes wrong, no batch says of a subrequest what is not so; see ``python -m tests.soak``."""

from __future__ import annotations

import pytest

from tests.soak.plan import plan
from tests.soak.summary import told

from .soak import soak

BATCHES = 60


@pytest.mark.parametrize("tenth", range(10))
def test_no_state_contradicts_the_org(tenth: int) -> None:
    for seed in range(tenth, BATCHES, 10):
        findings = soak(plan(seed))
        assert not findings.disagreements, told(findings)
