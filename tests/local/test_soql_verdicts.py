"""What Salesforce's own SOQL parser said of some queries, kept so that no npm is needed.

The queries are an excerpt of those on which `nox -s soql_oracle` saw both agree.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from twinforce.local.errors import ApiError
from twinforce.local.soql.parser import parse

VERDICTS = json.loads(Path(__file__).with_name("soql-verdicts.json").read_text(encoding="utf-8"))


def test_there_are_enough_of_both() -> None:
    assert {verdict: len(queries) for verdict, queries in VERDICTS.items()} == {
        "accepted": 200,
        "refused": 200,
    }


def test_what_salesforce_accepts_is_accepted() -> None:
    for query in VERDICTS["accepted"]:
        parse(query)


def test_what_salesforce_refuses_is_refused() -> None:
    for query in VERDICTS["refused"]:
        with pytest.raises(ApiError) as caught:
            parse(query)
        assert caught.value.error_code == "MALFORMED_QUERY", query
