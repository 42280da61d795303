"""A local org as it comes, and a caller of its resources."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg


@pytest.fixture
def org() -> Iterator[LocalOrg]:
    with LocalOrg() as org:
        yield org


@pytest.fixture
def call(org: LocalOrg) -> Caller:
    return Caller(org)
