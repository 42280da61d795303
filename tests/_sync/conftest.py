# Generated from tests/_async/conftest.py by scripts/make_sync.py.
# Change that file, never this one, and then run `nox -s twins -- --write`.
"""The client of the local org."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from twinforce import Salesforce
from twinforce.local import LocalOrg


@pytest.fixture
def salesforce(org: LocalOrg) -> Iterator[Salesforce]:
    with org.client() as salesforce:
        yield salesforce
